"""Generated scans with their labels as files, and the manifest that says how each was made."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.imaging import check_output, check_output_folder, replacing, write_image, write_segmentation
from HeartSeg3DLib.notice import NOTE
from HeartSegTrainingLib.generator import Sampler, SamplerConfig, make_scene, read_priors
from HeartSegTrainingLib.generator.geometry import Grid
from HeartSegTrainingLib.generator.sampler import GeneratedScan

MANIFEST = "manifest.json"

_SCENE_SPACING = 1.5
_SMALLEST_SCENE_MM, _LARGEST_SCENE_MM = 264.0, 450.0
"""Sides of a scene: below the first the vessels around a heart have no room, above the second it takes minutes."""
_MARGIN = 1.1
"""The window turns and shifts in its scene."""
_CT_MODES, _MR_MODES = ("ct_contrast", "ct_plain"), ("mr_bright", "mr_dark")


@dataclass(frozen=True)
class PairRequest:
    """What to generate.

    Attributes:
        count: Number of pairs.
        seed: Pair `i` depends on the seed and `i` alone.
        modality: `ct`, `mr`, or `random` for any mode, artificial contrast included.
        size: Voxels along each side.
        spacing: Voxel size in mm.
        priors: Folder of label maps of real hearts beside the procedural ones, or None.
        device: Where the scans are drawn, as torch names it. A graphics card draws other noise than a processor.
    """

    count: int
    seed: int = 0
    modality: str = "random"
    size: int = 160
    spacing: float = 1.5
    priors: Path | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.size * self.spacing * _MARGIN > _LARGEST_SCENE_MM:
            raise UsageError(f"{self.size} voxels of {self.spacing:g} mm are {self.size * self.spacing:.0f} mm.",
                             f"Choose at most {_LARGEST_SCENE_MM / _MARGIN:.0f} mm in all.")

    @property
    def grid(self) -> Grid:
        """Grid of the scenes, large enough for the window."""
        side = max(_SMALLEST_SCENE_MM, self.size * self.spacing * _MARGIN)
        return Grid(math.ceil(side / _SCENE_SPACING), _SCENE_SPACING)


def write_pairs(
    folder: Path,
    request: PairRequest,
    *,
    force: bool = False,
    progress: Callable[[float, str], None],
    writing: Callable[[], AbstractContextManager[None]],
) -> Path:
    """Write `image_0000.nii.gz`, `labels_0000.nii.gz` and so on, and the manifest.

    The manifest lists the pairs written so far, so a run that was cancelled leaves whole pairs and their record.

    Args:
        folder: Existing folder.
        request: What to generate.
        force: Whether existing files may be replaced.
        progress: Called with (fraction 0-1, stage).
        writing: Entered while a pair is put in place.

    Returns:
        The manifest.

    Raises:
        UsageError: Files exist already, or the folder cannot be written.
        InputError: The priors cannot be used.
    """
    check_output_folder(folder)
    manifest = folder / MANIFEST
    check_output(manifest, force=force, kinds=(".json",))
    for index in range(request.count):
        for path in _paths(folder, index):
            check_output(path, force=force, kinds=(".nii.gz",))
    priors = read_priors(request.priors) if request.priors is not None else {}
    record = {"note": NOTE, "software": f"HeartSeg {__version__}", **asdict(request),
              "priors": sorted(priors), "frame": "LPS, identity direction", "pairs": []}
    for index in range(request.count):
        progress(index / request.count, f"Scan {index + 1} of {request.count}")
        scan, origin = generate(request, index, priors)
        image, labels = _paths(folder, index)
        record["pairs"].append({"image": image.name, "labels": labels.name, "modality": scan.modality,
                                "mode": scan.mode, **origin})
        with writing():
            write_image(image, _image(scan, request.spacing))
            write_segmentation(labels, _on_grid(scan.labels.cpu().numpy(), request.spacing))
            with replacing(manifest) as temporary:
                temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    progress(1.0, "Done")
    return manifest


def generate(request: PairRequest, index: int, priors: dict[str, np.ndarray]) -> tuple[GeneratedScan, dict[str, Any]]:
    """Generate scan number `index` of a request and the record of its anatomy."""
    scene = make_scene(index, request.seed, priors, request.grid)
    rng = np.random.default_rng((request.seed, index, 1))
    config = SamplerConfig(window=request.size, spacing=request.spacing)
    mode = _draw_mode(request.modality, config, rng)
    return Sampler([scene], config, request.device).scan(rng, mode=mode), scene.record


def _draw_mode(modality: str, config: SamplerConfig, rng: np.random.Generator) -> str | None:
    """Draw one of a modality's modes with the sampler's own shares; None lets the sampler draw from all."""
    from HeartSegTrainingLib.generator.appearance import MODES

    names = {"ct": _CT_MODES, "mr": _MR_MODES}.get(modality)
    if names is None:
        return None
    shares = np.array([share if mode in names else 0.0 for mode, share in zip(MODES, config.mix, strict=True)])
    return str(rng.choice(MODES, p=shares / shares.sum()))


def _image(scan: GeneratedScan, spacing: float) -> sitk.Image:
    """Return the scan as int16: HU for CT, signal otherwise; outside the field of view the lowest value."""
    values = scan.image.cpu().numpy()
    outside = -1024.0 if scan.modality == "ct" else 0.0
    values = np.where(scan.inside.cpu().numpy(), np.clip(values, outside, 32767.0), outside)
    return _on_grid(np.rint(values).astype(np.int16), spacing)


def _on_grid(voxels: np.ndarray, spacing: float) -> sitk.Image:
    """Return [z, y, x] voxels as an image centered on the world's origin, identity direction (LPS)."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([spacing] * 3)
    image.SetOrigin([-(count - 1) / 2 * spacing for count in image.GetSize()])
    return image


def _paths(folder: Path, index: int) -> tuple[Path, Path]:
    return folder / f"image_{index:04d}.nii.gz", folder / f"labels_{index:04d}.nii.gz"
