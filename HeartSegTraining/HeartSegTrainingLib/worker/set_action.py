"""From scans that 3D Slicer hands over to a training set: files, an index with folds, prepared cases."""

from __future__ import annotations

import stat
from pathlib import Path

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.worker.dependencies import require_dependencies
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSegTrainingLib.datasets import DISREGARD, TRUST, OwnCase, own_training_set
from HeartSegTrainingLib.worker.handed_over import read_pairs


def training_set(job: Job, loaded: LoadedModels) -> None:
    """Make a training set of the scans in the request's `folder`, in its `set_folder`.

    With `trust`, structures that nobody corrected count as drawn; otherwise they say nothing. The result tells `index`,
    `store`, `cases`, `structures` and `warnings`.

    Raises:
        InputError: A case cannot be learned from.
        UsageError: All cases show one person, or the folder cannot be made.
        DiskError: The disk is full.
    """
    require_dependencies()
    folder = Path(job.request["set_folder"])
    try:
        folder.parent.mkdir(stat.S_IRWXU, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder {folder.parent} cannot be made.", "Choose another folder.") from error
    cases = [OwnCase(pair.name, pair.image, pair.labels, pair.corrected, pair.modality, pair.person)
             for pair in read_pairs(Path(job.request["folder"]))]
    made = own_training_set(cases, folder, progress=job.progress,
                            uncorrected=TRUST if job.request.get("trust") else DISREGARD)
    folder.chmod(stat.S_IRWXU)  # scans of patients are nobody else's business
    job.result(index=str(made.index), store=str(made.store), cases=made.cases, structures=list(made.structures),
               warnings=list(made.notes))
