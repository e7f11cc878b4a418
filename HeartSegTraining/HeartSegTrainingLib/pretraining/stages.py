"""From one stage to the next: all that a run learned is taken over, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from HeartSeg3DLib.errors import ModelError
from HeartSegTrainingLib.engine.checkpoint import read_checkpoint, read_newest
from HeartSegTrainingLib.engine.run_state import part_of
from HeartSegTrainingLib.finetuning.encoder_transfer import other_fields

from .seen import Seen

if TYPE_CHECKING:
    from .task import PretrainTask


def read_run(source: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and record of a self-supervised run.

    Args:
        source: Its job folder, whose newest whole checkpoint is taken, or a checkpoint.

    Raises:
        ModelError: There is none, or it is of another kind of training.
    """
    path = Path(source)
    found = read_newest(path / "checkpoints", lambda message: None) if path.is_dir() else read_checkpoint(path)
    if found is None:
        raise ModelError(f"There is no checkpoint in {path}.", "Give the job folder of a self-supervised run.")
    if not any(name.startswith("teacher.") for name in found[0]):
        raise ModelError(f"{path} is no self-supervised run: it has no teacher.",
                         "Give the job folder of a self-supervised run.")
    return found


def take_over(task: PretrainTask, source: str | Path) -> str:
    """Fill student, teacher, heads and centers with those of an earlier run; optimizer and schedules begin anew.

    Returns:
        A sentence that says how many tensors came over.

    Raises:
        ModelError: The networks compute something else, or a tensor is missing, too many, or of another shape.
    """
    tensors, record = read_run(source)
    # Heads and gates shape what the encoder computes, and leave no trace in the shapes of its tensors.
    earlier = type(task.config).from_dict(record["config"]).architecture
    if differing := other_fields(task.config.architecture, earlier):
        raise ModelError(f"The network of {source} does not fit this run: {differing}.",
                         "Use the same [network] table in both stages.")
    student = part_of(tensors, "model.")
    try:
        task.module.load_state_dict(student)
        task.load_teacher(tensors)
    except (RuntimeError, KeyError) as error:
        raise ModelError(f"The weights of {source} do not fit this run: {_first_line(error)}",
                         "Use the same network, mode, prototypes and heads in both stages.") from error
    task.seen = task.seen.joined(Seen.of_tensors(tensors))
    count = len(student) + len(part_of(tensors, "teacher.")) + len(part_of(tensors, "center."))
    return f"All {count} tensors of student, teacher, heads and centers came over from step {record['step']}."


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])
