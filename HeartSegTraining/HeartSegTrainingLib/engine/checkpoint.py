"""Checkpoints: one safetensors file with all that a run needs to go on, and a JSON that vouches for it.

Tensor names: `model.<parameter>`, `optimizer.<parameter>.<moment>`, and those of the kind of training, such as
`ema.<parameter>`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load, load_file, save
from torch import Tensor

from HeartSeg3DLib.errors import ModelError
from HeartSegTrainingLib.jobs.job_folder import write_atomically

FORMAT = 2
KEPT = 2


class VersionError(ModelError):
    """A checkpoint is whole, and of another version: no reason to fall back to an earlier one."""


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], record: dict[str, Any]) -> Path:
    """Write `step_XXXXXXX.safetensors` and its JSON, then remove all but the newest two.

    The tensors are complete on disk before the JSON with their SHA-256 appears, so that a checkpoint
    without a matching JSON is known to be unfinished.
    """
    for leftover in folder.glob("step_*.tmp"):  # of a session that was killed while it wrote
        leftover.unlink()
    path = folder / f"step_{step:07d}.safetensors"
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    write_atomically(path, content)
    note = {**record, "format": FORMAT, "step": step, "sha256": hashlib.sha256(content).hexdigest()}
    write_atomically(path.with_suffix(".json"), json.dumps(note, indent=2).encode())
    for old in checkpoints(folder)[KEPT:]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink(missing_ok=True)
    return path


def checkpoints(folder: Path) -> list[Path]:
    """Checkpoint files of a folder, newest first, whole or not."""
    found = [path for path in folder.glob("step_*.safetensors") if re.fullmatch(r"step_\d{7,}", path.stem)]
    return sorted(found, key=lambda path: int(path.stem[5:]), reverse=True)


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON record of one checkpoint.

    Raises:
        ModelError: It is unfinished, truncated or altered.
    """
    try:
        record = json.loads(path.with_suffix(".json").read_text("utf-8"))
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"The checkpoint {path.name} is incomplete.", "Use the one before it.") from error
    if hashlib.sha256(content).hexdigest() != record.get("sha256"):
        raise ModelError(f"The checkpoint {path.name} is damaged.", "Use the one before it.")
    if record.get("format") != FORMAT:
        age = "a newer" if record.get("format", 0) > FORMAT else "an older"
        raise VersionError(f"The checkpoint {path.name} was written by {age} version of HeartSeg "
                           f"(format {record.get('format')}, here {FORMAT}).",
                           "Use the version that wrote it, or start a new run in another folder.")
    return load(content), record


def read_newest(folder: Path, tell: Callable[[str], None]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Newest checkpoint that is whole, None when there is none; each that is passed over is told.

    Raises:
        VersionError: It was written by another version.
    """
    for path in checkpoints(folder):
        try:
            return read_checkpoint(path)
        except VersionError:
            raise
        except ModelError as error:
            tell(f"{error.message} Falling back to the one before.")
    return None


def set_aside(folder: Path, after: int) -> list[Path]:
    """Rename checkpoints later than a step, which are damaged, so that they neither count nor are lost.

    Returns:
        Their new paths.
    """
    moved = []
    for path in checkpoints(folder):
        if int(path.stem[5:]) > after:
            moved.append(path.replace(path.with_name(f"damaged_{path.name}")))
            record = path.with_suffix(".json")
            if record.exists():
                record.replace(record.with_name(f"damaged_{record.name}"))
    return moved


def load_ema_weights(checkpoint: str | Path) -> dict[str, Tensor]:
    """Averaged weights of a checkpoint as a state dict on the CPU, to write a model package from.

    Raises:
        ModelError: The checkpoint is unfinished, truncated or altered.
    """
    tensors, _ = read_checkpoint(Path(checkpoint))
    return _with_prefix(tensors, "ema.")


def load_initial_weights(source: str | Path) -> dict[str, Tensor]:
    """Weights to start a run from: averaged weights of a checkpoint, or those of a model package.

    Args:
        source: Checkpoint file, package folder, or the package's weights file.

    Raises:
        ModelError: There are none, or the file is damaged.
    """
    path = Path(source)
    if path.is_dir():
        path = path / "weights.safetensors"
    if re.fullmatch(r"step_\d{7,}", path.stem):
        return load_ema_weights(path)
    try:
        return {name: tensor.float() for name, tensor in load_file(path).items()}
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(f"The starting weights {path} cannot be read.",
                         "Give a checkpoint or a model package in init_from.") from error


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
