"""From a job's checkpoint to a model that HeartSeg3D lists."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.worker.dependencies import require_dependencies
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSegTrainingLib.finetuning.release import BEST, NEWEST, export_package, released


def use_model(job: Job, loaded: LoadedModels) -> None:
    """Install a checkpoint of the request's `job_folder` as a model; the result tells its `id` and `title`.

    `which` names it: the newest, or the one that was best on cases that the job does not learn from.

    Each checkpoint becomes a model of its own, so that an older result still names the model that made it.

    Raises:
        ModelError: There is no checkpoint yet, or the job does not learn to segment.
        UsageError: The folder of models cannot be written.
    """
    require_dependencies()
    folder = Path(job.request["job_folder"])
    which = job.request.get("which", NEWEST)
    step = int(released(folder, which).record["step"])
    id, title = model_id(folder.name, step), f"{folder.name}, step {step}"
    if which == BEST:  # the card tells how good, which that of the newest of the same step does not
        id, title = f"{id}-best", f"{title}, best on other cases"
    store = ModelStore()
    if any(model.id == id for model in store.list()):
        job.result(id=id, title=title, step=step)
        return
    with tempfile.TemporaryDirectory(prefix="package-") as temporary:
        package = export_package(folder, Path(temporary) / id, {"id": id, "title": title}, which)
        store.import_from(package)
    job.result(id=id, title=title, step=step)


def model_id(name: str, step: int) -> str:
    """Return the id of a job's model at a step.

    Example:
        >>> model_id("Ünsere Herzen 2", 400)
        'job-nsere-herzen-2-step-400'
    """
    safe = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:36].strip("-") or "model"
    return f"job-{safe}-step-{step}"
