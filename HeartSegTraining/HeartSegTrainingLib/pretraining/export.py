"""The encoder that a run learned, as a file for fine-tuning: the teacher's, which is the better of the two."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models.package import staged_folder
from HeartSeg3DLib.models.weights import architecture_note
from HeartSeg3DLib.networks.unet import Encoder
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES
from HeartSegTrainingLib.engine.run_state import part_of
from HeartSegTrainingLib.finetuning.encoder_transfer import ENCODER_CARD, ENCODER_FILE, FORMAT, VERSION
from HeartSegTrainingLib.jobs.job_folder import write_atomically

from .config import PretrainConfig
from .seen import Seen
from .stages import read_run


def export_encoder(job_dir: Path, out: Path) -> Path:
    """Write the teacher's encoder of a job's newest whole checkpoint; the folder appears whole or not at all.

    `encoder.safetensors` holds its tensors under the names of `networks.unet.Encoder`, in single precision.
    `encoder.json` says what it is: the network's configuration, voxel spacing in mm, intensity rules, the axes of the
    arrays it saw, the number of tensors and the file's SHA-256, and how it was trained: among other things the ids of
    all cases that it has looked at in any stage (null where that was not noted), the fold that was left out, and the
    licences of what it learned from beside those cases: generated hearts, with their priors.

    Args:
        job_dir: Job folder of a self-supervised run, running or not.
        out: Folder of the two files; must not exist.

    Returns:
        The folder.

    Raises:
        ModelError: The job has no usable checkpoint, or its encoder is not finite or not whole.
        UsageError: The folder exists already or cannot be made.
    """
    if out.exists():
        raise UsageError(f"{out} exists already.", "Give a new folder for the encoder.")
    tensors, record = read_run(job_dir)
    config = PretrainConfig.from_dict(record["config"])
    encoder = {name: tensor.float() for name, tensor in part_of(tensors, "teacher.encoder.").items()}
    _check_whole(config, encoder)
    if broken := [name for name, tensor in encoder.items() if not bool(tensor.isfinite().all())]:
        raise ModelError(f"The weight '{broken[0]}' of the encoder is not finite.", "Export an earlier checkpoint.")
    content = save(encoder, metadata=architecture_note(config.architecture))
    said = _describe(config, record, len(encoder), hashlib.sha256(content).hexdigest(), Seen.of_tensors(tensors))
    with staged_folder(out, replace=False) as folder:
        write_atomically(folder / ENCODER_FILE, content)
        write_atomically(folder / ENCODER_CARD, (json.dumps(said, indent=2) + "\n").encode())
    return out


def _check_whole(config: PretrainConfig, encoder: dict[str, Any]) -> None:
    try:
        Encoder(config.architecture).load_state_dict(encoder)
    except RuntimeError as error:
        raise ModelError("The checkpoint's encoder does not fit its own configuration.",
                         "Export an earlier checkpoint.") from error


def _describe(config: PretrainConfig, record: dict[str, Any], tensors: int, sha256: str,
              seen: Seen) -> dict[str, Any]:
    return {
        "format": FORMAT, "version": VERSION, "architecture": config.architecture.to_dict(),
        "spacing_mm": config.spacing, "window_voxels": config.window, "intensity": DEFAULT_RULES,
        "axes": ["z", "y", "x"], "orientation": "LPS", "tensors": tensors, "sha256": sha256,
        "training": {"stage": config.stage, "mode": config.mode, "comparison": config.comparison,
                     "centring": config.used_centring,
                     "steps": record["step"], "hours": round(record["seconds"] / 3600, 2), "batch": config.batch,
                     "learning_rate": config.learning_rate, "seed": config.seed, "data": record["data"],
                     "fold": seen.fold, "datasets": seen.datasets,
                     "cases": None if seen.cases is None else list(seen.cases),
                     "licences": None if seen.licences is None else list(seen.licences),
                     "started_from": Path(config.init_from).name if config.init_from else ""}}
