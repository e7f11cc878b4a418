"""The same heart in every way of storing it: 48 axis orders and flips, and three oblique frames.

    python Testing/Benchmarks/orientations.py [IMAGE] [--model ID|DIR] [--locator ID|DIR] [--out orientations.json]

Each is segmented; Dice between the result and that of the image as it is, per structure, on the image's own grid. The
oblique frames hold the image interpolated onto turned grids of half its spacing: a coarser turned grid would
blur image and labels and measure that blur. IMAGE is the sample that comes with HeartSeg by default.
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


def turned(image: sitk.Image, degrees: tuple[float, float, float]) -> sitk.Image:
    """The image on a turned grid of half its spacing that holds all of it."""
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*np.deg2rad(degrees))
    direction = np.array(turn.GetMatrix()).reshape(3, 3)
    size, spacing = np.array(image.GetSize()), 0.5 * np.array(image.GetSpacing())
    corners = np.array([image.TransformContinuousIndexToPhysicalPoint([float(c * n - 0.5) for c, n in
                                                                       zip(corner, size, strict=True)])
                        for corner in product((0, 1), repeat=3)]) @ direction
    lower, upper = corners.min(0), corners.max(0)
    counts = np.ceil((upper - lower) / spacing).astype(int)
    grid = sitk.Image(counts.tolist(), image.GetPixelID())
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection(direction.ravel().tolist())
    grid.SetOrigin((direction @ (lower + 0.5 * spacing)).tolist())
    smallest = float(sitk.GetArrayViewFromImage(image).min())
    return sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, smallest)


def dice(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Dice of each structure that either label map holds."""
    scores = {}
    for value in np.union1d(np.unique(one), np.unique(other)):
        if value:
            a, b = one == value, other == value
            scores[STRUCTURES[int(value)].id] = round(float(2 * (a & b).sum() / (a.sum() + b.sum())), 5)
    return scores


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
    own = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    for code in CODES:
        labels = segmenter.segment(sitk.DICOMOrient(image, code), modality).labels
        scores[code] = dice(reference, sitk.GetArrayFromImage(sitk.DICOMOrient(labels, own)))
        print(code, min(scores[code].values()), flush=True)
    for name, degrees in TURNS.items():
        labels = segmenter.segment(turned(image, degrees), modality).labels
        back = sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        scores[name] = dice(reference, sitk.GetArrayFromImage(back))
        print(name, scores[name], flush=True)
    lowest = {structure: min(found.get(structure, 0.0) for found in scores.values())
              for structure in dice(reference, reference)}
    stored = {"machine": describe_machine(), "image": path.name, "models": [fine.card.id, locator.card.id],
              "lowest_dice": lowest, "identical_orders": sum(set(scores[c].values()) == {1.0} for c in CODES),
              "dice": scores, "seconds": round(time.perf_counter() - start, 1)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(stored, indent=1) + "\n")
    print(json.dumps(lowest))


if __name__ == "__main__":
    main()
