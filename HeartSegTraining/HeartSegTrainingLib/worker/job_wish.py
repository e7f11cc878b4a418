"""What a person asks of a training; plain data that travels from 3D Slicer to the child process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SSL, RESSL, FINETUNE = "ssl", "ressl", "finetune"
"""Kinds of training: pretraining, refined pretraining, learning to segment."""

SCRATCH, MODEL, JOB = "scratch", "model:", "job:"
"""What weights to start from are called: nothing, a model's id, the folder of a job."""


def checkpoint_name(step: int) -> str:
    """Name of the checkpoint of a step, as a job's folder has it, without its ending.

    >>> checkpoint_name(1000)
    'step_0001000'
    """
    return f"step_{step:07d}"


@dataclass(frozen=True)
class Wish:
    """What a person chose.

    Attributes:
        kind: ssl, ressl or finetune.
        recipe: demo, lab or cluster.
        index: Index file; empty for the recipe's own data.
        store: Folder of its prepared cases.
        start: SCRATCH, or MODEL or JOB with its name behind.
        changes: Entries of the job file that replace the recipe's.
    """

    kind: str
    recipe: str
    index: str = ""
    store: str = ""
    start: str = SCRATCH
    changes: Mapping[str, Any] | None = None
