"""What structures look like to a model, in generated scans and in real ones, by the same measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from generator_shapes import box_of, long_axis

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES, normalize
from HeartSegTrainingLib.evaluation.likeness import dark_share, edge_width, noise_level, percentile_of
from HeartSegTrainingLib.generator import Sampler, SamplerConfig, Scene
from HeartSegTrainingLib.generator.appearance import MODES

COMPARED = {"mr_bright": "cine MR", "ct_plain": "plain CT"}
"""Modes that a real scan is at hand for."""
SEED = 42
_IN_VIEW_ML = 3.0
_PITCH_MM = 1.5
_CONTRAST = 0.1
"""Between blood and muscle, from which there is an edge to measure: 45 HU."""
_LV, _MYO = 1, 2


@dataclass(frozen=True)
class Picture:
    """A scan as a model sees it.

    Attributes:
        image: [z, y, x] in [-1, 1].
        labels: The same shape, values 1-7.
        spacing: mm along z, y and x.
        axis: Long axis of the left ventricle, mm along z, y and x; None where unknown.
    """

    image: np.ndarray
    labels: np.ndarray
    spacing: tuple[float, float, float]
    axis: np.ndarray | None


def generated(paths: Sequence[Path], mode: str, count: int) -> Iterator[Picture]:
    """Yield scans of a mode as training draws them, MR as stacks of thick slices, without the random gamma."""
    config = SamplerConfig(cut=0.0, thick_mr=1.0)
    for number in range(count):
        rng = np.random.default_rng((SEED, MODES.index(mode), number))
        scan = Sampler([Scene.load(paths[number % len(paths)])], config).scan(rng, mode=mode, scene=0)
        image = normalize(scan.image, DEFAULT_RULES[scan.modality], scan.inside).numpy()
        labels, spacing = scan.labels.numpy(), (config.spacing,) * 3
        yield Picture(image, labels, spacing, long_axis(labels, spacing))


def real_cine(data: Path, case: str) -> Picture:
    """Return a short-axis cine on pixels as wide as a model's; its slices stay what they are."""
    image, labels = (sitk.ReadImage(str(data / f"mr/cine_sax_{case}{part}.nii.gz")) for part in ("", "_labels"))
    size, spacing = image.GetSize(), image.GetSpacing()
    wanted = (_PITCH_MM, _PITCH_MM, spacing[2])
    grid = [max(round(n * s / w), 1) for n, s, w in zip(size, spacing, wanted, strict=True)]
    seen = [sitk.GetArrayFromImage(sitk.Resample(one, grid, sitk.Transform(), how, image.GetOrigin(), wanted,
                                                 image.GetDirection(), 0.0, kind))
            for one, how, kind in ((image, sitk.sitkLinear, sitk.sitkFloat32),
                                   (labels, sitk.sitkNearestNeighbor, sitk.sitkUInt8))]
    return Picture(normalize(seen[0], DEFAULT_RULES["mr"]).numpy(), seen[1], wanted[::-1], np.array([1.0, 0.0, 0.0]))


def real_ct(image: sitk.Image, labels: sitk.Image) -> Picture:
    """Return a CT with the labels that a model gave it."""
    array, values = sitk.GetArrayFromImage(image).astype(np.float32), sitk.GetArrayFromImage(labels)
    spacing = image.GetSpacing()[::-1]
    return Picture(normalize(array, DEFAULT_RULES["ct"]).numpy(), values, spacing, long_axis(values, spacing))


def look_of(picture: Picture) -> dict[str, float]:
    """Return mean and spread of each structure in view, contrasts, noise and the width of the endocardium's edge.

    Contrasts are ratios of means above the darkest value, noise and spread have the unit of the normalised image. What
    is dark in the left ventricle are papillary muscles, trabeculae and the rim of the labels.
    """
    look, voxel_ml = {}, float(np.prod(picture.spacing)) / 1000.0
    for value in WHOLE_HEART:
        inside = picture.image[picture.labels == value]
        if len(inside) * voxel_ml >= _IN_VIEW_ML:
            look[f"{STRUCTURES[value].id} mean"] = float(inside.mean())
            look[f"{STRUCTURES[value].id} spread"] = float(inside.std())
    for one in ("MYO", "RV"):
        if f"{one} mean" in look and look.get("LV mean", -1.0) > -0.95:
            look[f"{one}/LV"] = (look[f"{one} mean"] + 1.0) / (look["LV mean"] + 1.0)
            look[f"{one} - LV"] = look[f"{one} mean"] - look["LV mean"]
    cavity, muscle = picture.labels == _LV, picture.labels == _MYO
    if "MYO - LV" in look:
        look["noise"] = noise_level(picture.image, cavity)
        if abs(look["MYO - LV"]) >= _CONTRAST:
            look["edge mm"] = _edge(picture, cavity, muscle)
            look["LV dark share"], look["LV bright spread"] = dark_share(picture.image[cavity], picture.image[muscle])
    return {name: round(number, 4) for name, number in look.items() if np.isfinite(number)}


def _edge(picture: Picture, cavity: np.ndarray, muscle: np.ndarray) -> float:
    box = box_of(cavity | muscle)
    if picture.axis is None or box is None:
        return float("nan")
    return edge_width(picture.image[box], cavity[box], muscle[box], picture.spacing, picture.axis)


def summary(looks: dict[str, list[dict[str, float]]], real: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict]:
    """Return quantiles of each measure by mode, and where real scans lie in them, percentiles."""
    found: dict[str, dict] = {}
    for mode, rows in looks.items():
        found[mode] = {}
        for name in sorted({name for row in rows for name in row}):
            values = [row[name] for row in rows if name in row]
            found[mode][name] = {"scans": len(values), "quantiles 5 25 50 75 95": np.percentile(
                values, (5, 25, 50, 75, 95)).round(3).tolist()}
            cases = {case: look[name] for case, look in real.get(mode, {}).items() if name in look}
            if cases:
                found[mode][name]["real"] = cases
                found[mode][name]["percentile of real"] = {case: round(percentile_of(values, value))
                                                           for case, value in cases.items()}
    return found


def outside(found: dict[str, dict]) -> list[str]:
    """Return one line for each real value beyond 5 to 95 % of what is generated."""
    lines = []
    for mode, rows in found.items():
        for name, row in rows.items():
            for case, place in row.get("percentile of real", {}).items():
                if not 5 <= place <= 95:
                    lines.append(f"{mode}, {name}: {case} has {row['real'][case]:.3f}, percentile {place} of "
                                 f"{row['quantiles 5 25 50 75 95'][0]:.3f} to {row['quantiles 5 25 50 75 95'][-1]:.3f}")
    return lines
