"""What the panel asks of a job that does not run yet: what it would take, and the file that it is started with."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

from HeartSeg3DLib.models.store import data_folder
from HeartSeg3DLib.worker.dependencies import require_dependencies
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSegTrainingLib.jobs.estimate import estimate_run
from HeartSegTrainingLib.jobs.job_folder import JobFolder, write_atomically
from HeartSegTrainingLib.jobs.kinds import kind_named
from HeartSegTrainingLib.worker.job_recipe import job_of_wish
from HeartSegTrainingLib.worker.job_wish import Wish


def estimate(job: Job, loaded: LoadedModels) -> None:
    """Tell what the request's `wish` would take; the result is an `Estimate` as plain data.

    Raises:
        HeartSegError: Something in the wish cannot work.
    """
    require_dependencies()
    wish = Wish(**job.request["wish"])
    kind = kind_named(wish.kind)
    data_folder().mkdir(parents=True, exist_ok=True)
    # Paths in recipes are relative: what they make lies where the job itself is going to find it.
    with tempfile.TemporaryDirectory(prefix="estimate-") as name, contextlib.chdir(data_folder()):
        folder = Path(name)
        config = kind.config_class().from_dict(job_of_wish(wish, folder))
        said = estimate_run(config, kind.make_task(config, folder), folder, tell=lambda text: job.progress(0.0, text))
    job.result(estimate=said.to_dict())


def job_file(job: Job, loaded: LoadedModels) -> None:
    """Write what the request's `wish` asks for into its `job_folder`, which is made.

    The result is `file`, `kind` and `notes`: what becomes of the recipe's data where others are named.

    Raises:
        HeartSegError: Something in the wish cannot be.
    """
    require_dependencies()
    wish, folder = Wish(**job.request["wish"]), Path(job.request["job_folder"])
    kind = kind_named(wish.kind)
    folder.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    asked = kind.config_class().from_dict(job_of_wish(wish, folder, notes.append)).to_dict()
    for note in notes:
        JobFolder(folder).log(note)
    file = folder / "asked.json"
    write_atomically(file, json.dumps({"kind": wish.kind, "config": asked}, indent=2).encode())
    job.result(file=str(file), kind=wish.kind, notes=notes)
