"""Does the locator say "no heart" where there is none, and find a heart of which only a part is in view?

    python Testing/Benchmarks/no_heart.py [--model ID|DIR] [--locator ID|DIR] [--cases 50] [--choose]

50 volumes without a heart (heads, bellies and thighs) and 50 that hold 30-70 % of a held-out
heart, in CT and MR contrasts, all from seeds that no model was trained on. Stores results/no_heart.json.
With --choose, other volumes are taken, and the thresholds printed that fit them best: those of a new locator's card.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from generated_hearts import held_out_scenes
from machine import describe_machine, weights_of

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.models import LoadedModel, ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSeg3DLib.segmentation.locate import Decision, Evidence, is_heart
from HeartSegTrainingLib.generator import NARROW, WIDE, Sampler, SamplerConfig, Scene, prepare_scenes
from HeartSegTrainingLib.generator.deformation import Deformation
from HeartSegTrainingLib.generator.heartless import heartless_scene

RESULTS = Path(__file__).parent / "results"
MODES = ("ct_contrast", "ct_plain", "mr_bright", "mr_dark")
SEED, CHOOSING_SEED = 950, 970
THRESHOLDS = ("min_volume_ml", "min_mean_probability", "min_peak_probability", "min_labeled_ml", "min_agreement")


def to_image(values: np.ndarray, spacing: float) -> sitk.Image:
    image = sitk.GetImageFromArray(np.clip(values, -1024, 3000).astype(np.int16))
    image.SetSpacing((spacing,) * 3)
    return image


def without_heart(seed: int, index: int) -> tuple[sitk.Image, str]:
    """A body without a heart at 3 mm, 192 to 288 mm wide."""
    rng = np.random.default_rng((seed, index))
    window = int(rng.integers(64, 97))
    config = SamplerConfig(window=window, spacing=3.0, deformation=Deformation(shift=(40, 40, 60)))
    scan = Sampler([heartless_scene(index, seed, WIDE)], config).scan(rng, mode=MODES[index % len(MODES)], scene=0)
    values = np.where(scan.inside.numpy(), scan.image.numpy(), -1024.0 if scan.modality == "ct" else 0.0)
    return to_image(values, 3.0), scan.modality


def part_of_heart(seed: int, index: int, scenes: list[Scene]) -> tuple[sitk.Image, str, float]:
    """A scan that cuts through a held-out heart: 30-70 % of it stay in view."""
    rng = np.random.default_rng((seed, 1, index))
    config = SamplerConfig(window=128, spacing=2.0, cut=0.0, thick_mr=0.0, thick_ct=0.0,
                           deformation=Deformation(shift=(8, 8, 8)))
    scan = Sampler(scenes, config).scan(rng, mode=MODES[index % len(MODES)])
    heart = (scan.labels.numpy() > 0)
    axis, keep_low, share = int(rng.integers(3)), bool(rng.random() < 0.5), float(rng.uniform(0.3, 0.7))
    profile = heart.sum(tuple(k for k in range(3) if k != axis)).cumsum() / heart.sum()
    cut = int(np.searchsorted(profile, share if keep_low else 1 - share))
    kept = [slice(None)] * 3
    kept[axis] = slice(0, cut) if keep_low else slice(cut, None)
    return to_image(scan.image.numpy()[tuple(kept)], 2.0), scan.modality, share


def evidence_of(segmenter: Segmenter, image: sitk.Image, modality: str) -> dict[str, float]:
    """What speaks for a heart, in volumes where no threshold stops the segmenter; empty where not a cell was found."""
    try:
        return segmenter.segment(image, modality).evidence
    except InputError as error:
        if "No heart found" in error.message:
            return {}
        raise


def without_thresholds(locator: LoadedModel) -> LoadedModel:
    """The locator, every finding of which is followed up to the labels."""
    decision = {**Decision.from_card(locator.card.conventions).__dict__, **dict.fromkeys(THRESHOLDS, 0.0)}
    card = replace(locator.card, conventions={**locator.card.conventions, "decision": decision})
    return replace(locator, card=card)


def counts_as_heart(evidence: dict[str, float], decision: Decision) -> bool:
    return bool(evidence) and is_heart(Evidence(**evidence), decision)


def choose(rows: list[dict[str, Any]], decision: Decision) -> Decision:
    """The thresholds with which fewest cases go wrong; among equals, those in the middle of the range that does."""
    grids = [np.arange(10, 121, 10.0), np.arange(0.5, 0.96, 0.01), np.arange(0.5, 0.96, 0.05), [10.0],
             np.arange(0, 0.61, 0.05)]
    tried = []
    for values in itertools.product(*grids):
        changed = replace(decision, **dict(zip(THRESHOLDS, map(float, values), strict=True)))
        wrong = sum(counts_as_heart(row["evidence"], changed) != row["heart"] for row in rows)
        tried.append((wrong, values))
    least = min(wrong for wrong, _ in tried)
    best = np.array([values for wrong, values in tried if wrong == least])
    middle = best[np.abs((best - np.median(best, 0)) / (np.ptp(best, 0) + 1e-9)).sum(1).argmin()]
    print(f"{least} of {len(rows)} wrong with {dict(zip(THRESHOLDS, middle.round(2).tolist(), strict=True))}")
    return replace(decision, **dict(zip(THRESHOLDS, map(float, middle), strict=True)))


def hearts_to_choose_on(folder: Path) -> list[Scene]:
    """Other hearts of the held-out region than those that are reported on."""
    return [Scene.load(path) for path in prepare_scenes(folder, 12, CHOOSING_SEED, {}, NARROW, held_out=True)]


def collect(segmenter: Segmenter, seed: int, cases: int, scenes: list[Scene]) -> Iterator[dict[str, Any]]:
    """Every volume with what it holds and the evidence for a heart in it."""
    for index in range(cases):
        mode = MODES[index % len(MODES)]
        yield {"case": index, "mode": mode, "heart": False,
               "evidence": evidence_of(segmenter, *without_heart(seed, index))}
        image, modality, share = part_of_heart(seed, index, scenes)
        yield {"case": index, "mode": mode, "heart": True, "share": round(share, 2),
               "evidence": evidence_of(segmenter, image, modality)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="")
    parser.add_argument("--locator", default="")
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--choose", action="store_true", help="print the best thresholds, store nothing")
    parser.add_argument("--scenes", type=Path, default=Path(__file__).parents[2] / "work/scenes/heldout")
    parser.add_argument("--out", default="no_heart.json")
    args = parser.parse_args()
    store = ModelStore()
    locator = store.load(args.locator or store.default("locator").card.id)
    fine = store.load(args.model or store.default("segmenter").card.id)
    segmenter = Segmenter(fine, without_thresholds(locator), choose_device("auto"))
    decision = Decision.from_card(locator.card.conventions)
    rows = []
    scenes = hearts_to_choose_on(args.scenes.with_name("choosing")) if args.choose else held_out_scenes(args.scenes, 12)
    for row in collect(segmenter, CHOOSING_SEED if args.choose else SEED, args.cases, scenes):
        row["right"] = counts_as_heart(row["evidence"], decision) == row["heart"]
        print(row, flush=True)
        rows.append(row)
    wrong = {name: [row for row in rows if row["heart"] is heart and not row["right"]]
             for name, heart in (("invented", False), ("missed", True))}
    result = {"locator": locator.card.sha256, "cases_each": args.cases,
              **{f"{name}_percent": 100 * len(found) / args.cases for name, found in wrong.items()}, **wrong,
              "machine": describe_machine(weights_of(fine, locator))}
    print(json.dumps(result))
    if args.choose:
        choose(rows, decision)
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
