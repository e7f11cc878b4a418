"""Accuracy on generated hearts that no model was trained on, through the whole path as a user's scan takes it.

    python Testing/Benchmarks/generated_hearts.py [--model ID|DIR] [--locator ID|DIR] [--cases 12]

The hearts come from the held-out region of the procedural parameters (the model card names it), in bodies that
were never seen. Every scan covers 264 mm at 1.5 mm; about half of the MR scans and a twelfth of the CT scans are
stacks of thick slices that cover a part of the heart. A structure of which less than 3 mL lie in view - a sliver in
the outermost slice - is not scored; how often that was so is stored. Stores results/generated_hearts.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from machine import describe_machine, weights_of

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSegTrainingLib.evaluation import evaluate_pair
from HeartSegTrainingLib.generator import NARROW, Sampler, SamplerConfig, Scene, prepare_scenes, read_priors
from HeartSegTrainingLib.generator.deformation import Deformation
from HeartSegTrainingLib.generator.scenes import build_scene

RESULTS = Path(__file__).parent / "results"
MODES = ("ct_contrast", "ct_plain", "mr_bright")
SLIVER_ML = 3.0
SEED = 900
"""Seed of the measured scans; training uses others."""


def held_out_scenes(folder: Path, count: int) -> list[Scene]:
    """Scenes of the held-out region, made once."""
    return [Scene.load(path) for path in prepare_scenes(folder, count, SEED, {}, NARROW, held_out=True)]


def prior_scenes(priors: Path, name: str, count: int) -> list[Scene]:
    """One prior, undistorted, in several bodies."""
    heart = read_priors(priors)[name]
    return [build_scene(heart, np.random.default_rng((SEED, index)), NARROW, 1.0) for index in range(count)]


def as_images(sampler: Sampler, mode: str, index: int) -> tuple[sitk.Image, sitk.Image]:
    """Scan and reference label map of case ``index``, in LPS."""
    scan = sampler.scan(np.random.default_rng((SEED, MODES.index(mode), index)), mode=mode, scene=index)
    outside = -1024.0 if scan.modality == "ct" else 0.0
    values = np.where(scan.inside.numpy(), scan.image.numpy(), outside)
    image = sitk.GetImageFromArray(np.clip(values, -1024, 3000).astype(np.int16))
    labels = sitk.GetImageFromArray(scan.labels.numpy())
    for item in (image, labels):
        item.SetSpacing((sampler.config.spacing,) * 3)
    return image, labels


def measure(segmenter: Segmenter, scenes: list[Scene]) -> dict[str, dict]:
    """Dice and HD95 of each structure for each mode."""
    config = SamplerConfig(window=176, spacing=1.5, cut=0.0, deformation=Deformation(shift=(8, 8, 8)))
    sampler, results = Sampler(scenes, config), {}
    for mode in MODES:
        cases, failures = [], []
        for index in range(len(scenes)):
            image, reference = as_images(sampler, mode, index)
            try:
                found = segmenter.segment(image, "ct" if mode.startswith("ct") else "mr")
                cases.append(evaluate_pair(found.labels, reference, WHOLE_HEART))
            except HeartSegError as error:
                # A refused heart counts with the score of finding nothing.
                failures.append(f"case {index}: {error.message}")
                empty = sitk.Image(reference.GetSize(), sitk.sitkUInt8)
                empty.CopyInformation(reference)
                cases.append(evaluate_pair(empty, reference, WHOLE_HEART))
        results[mode] = {**summary(cases), "refused": failures}
        print(mode, {key: round(value, 3) for key, value in results[mode]["dice"].items()},
              "mean", round(results[mode]["mean_dice"], 3), "HD95", round(results[mode]["mean_hd95_mm"], 1), flush=True)
    return results


def summary(cases: list) -> dict:
    """Mean over the cases in which a structure is in view."""
    dice, distance, slivers = {}, {}, 0
    for position, value in enumerate(WHOLE_HEART):
        present = [case[position] for case in cases if case[position].reference_ml > 0]
        scores = [score for score in present if score.reference_ml >= SLIVER_ML]
        slivers += len(present) - len(scores)
        dice[STRUCTURES[value].id] = float(np.mean([score.dice for score in scores]))
        distance[STRUCTURES[value].id] = float(np.mean([score.hd95_mm for score in scores]))
    return {"cases": len(cases), "slivers_not_scored": slivers, "dice": dice, "hd95_mm": distance,
            "mean_dice": float(np.mean(list(dice.values()))),
            "mean_hd95_mm": float(np.mean(list(distance.values())))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="")
    parser.add_argument("--locator", default="")
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--scenes", type=Path, default=Path(__file__).parents[2] / "work/scenes/heldout")
    parser.add_argument("--prior", default="", help="measure on this prior instead of the held-out region")
    parser.add_argument("--priors", type=Path, default=Path("../shared/data/priors"))
    parser.add_argument("--out", default="generated_hearts.json")
    args = parser.parse_args()
    store = ModelStore()
    fine = store.load(args.model or store.default("segmenter").card.id)
    locator = store.load(args.locator or store.default("locator").card.id)
    segmenter = Segmenter(fine, locator, choose_device("auto"))
    scenes = (prior_scenes(args.priors, args.prior, args.cases) if args.prior
              else held_out_scenes(args.scenes, args.cases))
    start = time.time()
    results = {"model": fine.card.id, "sha256": fine.card.sha256, "held_out": args.prior or "parameter region",
               "modes": measure(segmenter, scenes), "seconds": round(time.time() - start, 1),
               "machine": describe_machine(weights_of(fine, locator))}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
