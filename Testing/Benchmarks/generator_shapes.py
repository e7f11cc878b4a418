"""How large generated hearts are: as they were built, and with the changes of shape that training sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from published_ranges import ANY_PHASE, AT_END_DIASTOLE, Range

from HeartSeg3DLib.anatomy import MYOCARDIAL_DENSITY_G_PER_ML, STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.measurement.diameter import inscribed_sphere_diameter
from HeartSegTrainingLib.evaluation.likeness import percentile_of, shares_of_range, wall_thickness
from HeartSegTrainingLib.generator import Sampler, SamplerConfig, Scene
from HeartSegTrainingLib.generator.tissues import LABEL_OF_TISSUE

DIASTOLE, CONTRACTING, PRIORS, TRAINED = GROUPS = (
    "procedural, end diastole", "procedural, contracting", "real shapes", "all, as training sees them")
_END_DIASTOLE = 0.6
"""Up to here, the parameter of contraction leaves a procedural heart at end diastole."""
_LV, _MYO, _LA, _AO, _PA = 1, 2, 4, 6, 7
_SEED = 41


def shapes_of(paths: Sequence[Path]) -> dict[str, list[dict[str, float]]]:
    """Return the measures of every heart of prepared scenes, by group."""
    found: dict[str, list[dict[str, float]]] = {group: [] for group in GROUPS}
    config = SamplerConfig(window=176, spacing=1.5, cut=0.0, thick_mr=0.0, thick_ct=0.0)
    for number, path in enumerate(paths):
        scene = Scene.load(path)
        found[_group(scene)].append(heart_shape(LABEL_OF_TISSUE[scene.tissue], (scene.spacing,) * 3))
        rng = np.random.default_rng((_SEED, number))
        changed = Sampler([scene], config).scan(rng, mode="ct_plain", scene=0).labels.numpy()
        found[TRAINED].append(heart_shape(changed, (config.spacing,) * 3))
    return found


def _group(scene: Scene) -> str:
    parameters = scene.record.get("parameters")
    if parameters is None:
        return PRIORS
    return DIASTOLE if parameters["contraction"] <= _END_DIASTOLE else CONTRACTING


def heart_shape(labels: np.ndarray, spacing: Sequence[float]) -> dict[str, float]:
    """Return volumes in mL, mass in g, ratio, diameters and wall in mm of a label map [z, y, x]."""
    counts = np.bincount(labels.ravel(), minlength=8)
    shape = {STRUCTURES[value].id: float(counts[value] * np.prod(spacing) / 1000.0) for value in WHOLE_HEART}
    shape["mass"] = shape["MYO"] * MYOCARDIAL_DENSITY_G_PER_ML
    for one, other in (("RV", "LV"), ("RA", "LA")):
        shape[f"{one}/{other}"] = shape[one] / max(shape[other], 1e-3)
    for name, value in (("AO diameter", _AO), ("PA diameter", _PA)):
        shape[name] = inscribed_sphere_diameter(_cropped(labels == value), tuple(spacing))
    shape["wall"] = _wall(labels, spacing)
    return {name: round(value, 2) for name, value in shape.items()}


def real_shape(labels: sitk.Image) -> dict[str, float]:
    """Return what a short-axis label map of the ventricles has of the same measures."""
    array, spacing = sitk.GetArrayFromImage(labels), labels.GetSpacing()[::-1]
    counts = np.bincount(array.ravel(), minlength=8) * np.prod(spacing) / 1000.0
    wall = wall_thickness(array == _LV, array == _MYO, spacing, (1, 0, 0))
    left, muscle, right = (float(count) for count in counts[1:4])
    return {"LV": round(left, 1), "MYO": round(muscle, 1), "RV": round(right, 1),
            "mass": round(muscle * MYOCARDIAL_DENSITY_G_PER_ML, 1), "RV/LV": round(right / left, 2),
            "wall": round(wall, 2)}


def _cropped(mask: np.ndarray) -> np.ndarray:
    box = box_of(mask)
    return np.pad(mask[box], 1) if box else mask[:1, :1, :1]


def box_of(mask: np.ndarray) -> tuple[slice, ...] | None:
    """Return the box around a mask, None for an empty one."""
    places = np.argwhere(mask)
    return tuple(slice(low, high + 1) for low, high in zip(places.min(0), places.max(0), strict=True)) if len(
        places) else None


def _wall(labels: np.ndarray, spacing: Sequence[float]) -> float:
    axis = long_axis(labels, spacing)
    if axis is None:
        return float("nan")
    box = box_of((labels == _LV) | (labels == _MYO))
    part = np.pad(labels[box], 1)
    return wall_thickness(part == _LV, part == _MYO, spacing, axis)


def long_axis(labels: np.ndarray, spacing: Sequence[float]) -> np.ndarray | None:
    """Return the direction in mm from the left ventricle to the left atrium, None where one is not in view."""
    places = [np.argwhere(labels == value) for value in (_LV, _LA)]
    if min(map(len, places)) < 200:
        return None
    return (places[1].mean(0) - places[0].mean(0)) * np.asarray(spacing)


def range_of(name: str, group: str) -> Range | None:
    """Return what healthy adults have, for hearts of a group."""
    return (AT_END_DIASTOLE if group == DIASTOLE else ANY_PHASE).get(name)


def summary(shapes: dict[str, list[dict[str, float]]], real: dict[str, dict[str, float]]) -> dict[str, dict]:
    """Return quantiles, shares of the healthy range and the real cases' percentiles, by measure and group."""
    names, found = list(shapes[TRAINED][0]), {}
    for name in names:
        found[name] = {}
        for group in GROUPS:
            values = [one[name] for one in shapes[group] if np.isfinite(one[name])]
            if values:
                found[name][group] = _described(values, range_of(name, group), name, real)
    return found


def _described(values: list[float], healthy: Range | None, name: str, real: dict[str, dict[str, float]]) -> dict:
    row: dict = {"hearts": len(values), "quantiles 5 25 50 75 95": np.percentile(
        values, (5, 25, 50, 75, 95)).round(2).tolist()}
    if healthy:
        shares = shares_of_range(values, healthy.low, healthy.high)
        row["healthy"] = [round(healthy.low, 2), round(healthy.high, 2)]
        row["percent below, in, above"] = [round(share) for share in shares]
        row["percentiles of the range's ends"] = [round(percentile_of(values, end))
                                                  for end in (healthy.low, healthy.high)]
    row["percentile of real cases"] = {case: round(percentile_of(values, one[name]))
                                       for case, one in real.items() if name in one}
    return row
