"""The same heart in every way of storing it: 48 axis orders and flips, and three oblique frames.

    python Testing/Benchmarks/orientations.py [IMAGE] [--model ID|DIR] [--locator ID|DIR] [--out orientations.json]

Each is segmented; Dice between the result and that of the image as it is, per structure, at the image's own voxels.
The oblique frames hold the image, interpolated by cubic B-splines, on turned grids of a third of its spacing (0.53 mm
for the sample, as in a coronary CT angiogram), so that neither the image nor the labels are coarsened. Their labels
are read at the image's voxels in two ways, both stored: each structure's mask interpolated linearly and the largest
taken, which is the figure; and the nearest voxel, which lies up to half a turned voxel away in each direction and
lowers the Dice of thin structures by that alone. IMAGE is the sample that comes with HeartSeg by default.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import permutations, product
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from machine import describe_machine

from HeartSeg3DLib import resources
from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device

RESULTS = Path(__file__).parent / "results"
SAMPLE = "Samples/chest_ct_generated.nii.gz"
CODES = ["".join(pair[sign] for pair, sign in zip(order, signs, strict=True))
         for order in permutations(("LR", "PA", "SI")) for signs in product((0, 1), repeat=3)]
TURNS = {"10 degrees about z": (0.0, 0.0, 10.0), "25 degrees about x and y": (25.0, 25.0, 0.0),
         "40 degrees about an oblique axis": (23.0, 23.0, 23.0)}
"""Euler angles about x, y and z in degrees."""
FINER = 3
"""Voxels of an oblique frame along each voxel of the image."""


def turned(image: sitk.Image, degrees: tuple[float, float, float]) -> sitk.Image:
    """The image on a finer turned grid that holds all of it; the smallest value around it."""
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*np.deg2rad(degrees))
    direction = np.array(turn.GetMatrix()).reshape(3, 3)
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing()) / FINER
    corners = np.array([image.TransformContinuousIndexToPhysicalPoint([float(c * n - 0.5) for c, n in
                                                                       zip(corner, size, strict=True)])
                        for corner in product((0, 1), repeat=3)]) @ direction
    lower, upper = corners.min(0), corners.max(0)
    counts = np.ceil((upper - lower) / spacing).astype(int)
    origin = direction @ (lower + 0.5 * spacing)
    stored = sitk.GetArrayViewFromImage(image)
    smooth = sitk.Cast(image, sitk.sitkFloat32)
    values = sitk.Resample(smooth, counts.tolist(), sitk.Transform(), sitk.sitkBSpline, origin.tolist(),
                           spacing.tolist(), direction.ravel().tolist(), float(stored.min()))
    # Splines overshoot at edges; rounding keeps whole numbers unbiased.
    values = sitk.Round(sitk.Clamp(values, sitk.sitkFloat32, float(stored.min()), float(stored.max())))
    return sitk.Cast(values, image.GetPixelID())


def read_back(labels: sitk.Image, image: sitk.Image) -> np.ndarray:
    """Labels at the image's voxels: the label whose linearly interpolated mask is the largest."""
    best = np.full(image.GetSize()[::-1], -1.0, np.float32)
    result = np.zeros(best.shape, np.uint8)
    for value in np.unique(sitk.GetArrayViewFromImage(labels)).tolist():
        mask = sitk.Resample(labels == value, image, sitk.Transform(), sitk.sitkLinear, float(value == 0),
                             sitk.sitkFloat32)
        share = sitk.GetArrayViewFromImage(mask)
        result[share > best] = value
        np.maximum(best, share, out=best)
    return result


def dice(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Dice of each structure that either label map holds."""
    scores = {}
    for value in np.union1d(np.unique(one), np.unique(other)):
        if value:
            a, b = one == value, other == value
            scores[STRUCTURES[int(value)].id] = round(float(2 * (a & b).sum() / (a.sum() + b.sum())), 5)
    return scores


def lowest(reference: np.ndarray, scores: dict[str, dict[str, float]]) -> dict[str, float]:
    """Lowest Dice of each structure of the reference."""
    return {structure: min(found.get(structure, 0.0) for found in scores.values())
            for structure in dice(reference, reference)}


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", type=Path)
    parser.add_argument("--model", default="")
    parser.add_argument("--locator", default="")
    parser.add_argument("--out", default="orientations.json")
    args = parser.parse_args()
    path = args.image or resources.path(SAMPLE)
    image, store = sitk.ReadImage(str(path)), ModelStore()
    fine = store.load(args.model or store.default("segmenter").card.id)
    locator = store.load(args.locator or store.default("locator").card.id)
    segmenter = Segmenter(fine, locator, choose_device("auto"))
    start = time.perf_counter()
    result = segmenter.segment(image)
    modality, reference = result.modality, sitk.GetArrayFromImage(result.labels)
    scores: dict[str, dict[str, float]] = {}
    by_nearest: dict[str, dict[str, float]] = {}
    own = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    for code in CODES:
        labels = segmenter.segment(sitk.DICOMOrient(image, code), modality).labels
        scores[code] = dice(reference, sitk.GetArrayFromImage(sitk.DICOMOrient(labels, own)))
        print(code, min(scores[code].values()), flush=True)
    for name, degrees in TURNS.items():
        labels = segmenter.segment(turned(image, degrees), modality).labels
        scores[name] = dice(reference, read_back(labels, image))
        nearest = sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        by_nearest[name] = dice(reference, sitk.GetArrayFromImage(nearest))
        print(name, scores[name], "nearest voxel", by_nearest[name], flush=True)
    stored = {"machine": describe_machine(), "image": path.name, "models": [fine.card.id, locator.card.id],
              "lowest_dice": lowest(reference, scores), "lowest_dice_nearest_voxel": lowest(reference, by_nearest),
              "identical_orders": sum(set(scores[c].values()) == {1.0} for c in CODES),
              "dice": scores, "dice_nearest_voxel": by_nearest, "seconds": round(time.perf_counter() - start, 1)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(stored, indent=1) + "\n")
    print(json.dumps(stored["lowest_dice"]))


if __name__ == "__main__":
    main()
