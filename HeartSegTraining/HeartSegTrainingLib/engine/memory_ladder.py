"""What a run gives up, one rung after the other, when memory does not suffice; kept in the job folder."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import torch

from HeartSeg3DLib.errors import InputError
from HeartSegTrainingLib.jobs.job_folder import write_atomically

_SAID_BY_TORCH = ("out of memory", "can't allocate memory", "not enough memory")


@dataclass(frozen=True)
class MemoryRung:
    """How a run saves memory.

    Attributes:
        recompute: Recompute activations in the backward pass; the result is the same, a step takes a third longer.
        part: Samples of a forward pass, as many or fewer than asked for; the batch stays the same.
    """

    recompute: bool
    part: int

    def next(self, smallest_part: int = 1) -> MemoryRung | None:
        """The rung below, None at the end: a smaller window or network would be another run.

        Args:
            smallest_part: Samples that a part of the task needs at least.
        """
        if not self.recompute:
            return dataclasses.replace(self, recompute=True)
        smaller = [size for size in range(self.part // 2, smallest_part - 1, -1) if self.part % size == 0]
        return dataclasses.replace(self, part=smaller[0]) if smaller else None

    def describe(self) -> str:
        """In words."""
        recomputed = "activations are recomputed, " if self.recompute else ""
        return f"{recomputed}{self.part} {'sample' if self.part == 1 else 'samples'} at a time"

    def save(self, folder: Path) -> None:
        """Remember it for the next session of the run."""
        write_atomically(folder / "memory.json", json.dumps(dataclasses.asdict(self)).encode())

    @classmethod
    def of_run(cls, folder: Path, part: int) -> MemoryRung:
        """Where an earlier session of the run ended, or the top: all in memory, the part that was asked for.

        Raises:
            InputError: memory.json is damaged.
        """
        try:
            said = json.loads((folder / "memory.json").read_text("utf-8"))
            return cls(bool(said["recompute"]), int(said["part"]))
        except FileNotFoundError:
            return cls(False, part)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder / 'memory.json'} is damaged.",
                             "Delete it, then resume: the run finds out anew how much memory it may take.") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory, on a GPU or not."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID_BY_TORCH)
