"""The averaged weights that validated best, kept beside the newest checkpoints for as long as the job folder lives."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from HeartSeg3DLib.errors import ModelError
from HeartSegTrainingLib.engine.checkpoint import FORMAT, read_checkpoint
from HeartSegTrainingLib.jobs.job_folder import write_atomically


def save_best(folder: Path, step: int, average: Mapping[str, Tensor], record: Mapping[str, Any]) -> Path:
    """Write `best_XXXXXXX.safetensors` with its JSON, then remove earlier ones.

    An earlier one stays until the new one is complete, so that at any instant one of them is whole.

    Args:
        folder: The job's folder of checkpoints.
        step: Steps done.
        average: Averaged weights of the network.
        record: What else the JSON says: config and figures.

    Raises:
        DiskError: The disk is full; the earlier one is whole.
    """
    path = folder / f"best_{step:07d}.safetensors"
    content = save({f"ema.{name}": tensor.detach().cpu().contiguous() for name, tensor in average.items()})
    write_atomically(path, content)
    note = {**record, "format": FORMAT, "step": step, "sha256": hashlib.sha256(content).hexdigest()}
    write_atomically(path.with_suffix(".json"), json.dumps(note, indent=2).encode())
    for old in _found(folder):
        if old != path:
            old.with_suffix(".json").unlink(missing_ok=True)
            old.unlink(missing_ok=True)
    return path


def best_checkpoint(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The best checkpoint that is whole, and its record; None where there is none."""
    for path in _found(folder):
        try:
            return path, read_checkpoint(path)[1]
        except ModelError:
            continue  # it was being written when the process ended; the one before it is still there
    return None


def _found(folder: Path) -> list[Path]:
    """Best checkpoints, newest first, whole or not."""
    found = [path for path in folder.glob("best_*.safetensors") if re.fullmatch(r"best_\d{7,}", path.stem)]
    return sorted(found, key=lambda path: int(path.stem[5:]), reverse=True)
