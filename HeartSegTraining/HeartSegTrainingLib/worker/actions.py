"""What the child process can be asked for."""

from __future__ import annotations

from HeartSeg3DLib.worker.server import Action
from HeartSegTrainingLib.worker.job_actions import estimate, job_file
from HeartSegTrainingLib.worker.model_action import use_model
from HeartSegTrainingLib.worker.set_action import training_set

ACTIONS: dict[str, Action] = {
    "estimate": estimate,
    "job_file": job_file,
    "training_set": training_set,
    "use_model": use_model,
}
