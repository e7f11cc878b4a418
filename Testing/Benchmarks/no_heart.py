"""Does the locator say "no heart" where there is none, and find a heart of which only a part is in view?

    python Testing/Benchmarks/no_heart.py [--model ID|DIR] [--locator ID|DIR] [--cases 50]

50 volumes without a heart (heads, bellies and thighs) and 50 that hold 30-70 % of a held-out
heart, in CT and MR contrasts, all from seeds that no model was trained on. Stores results/no_heart.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from generated_hearts import held_out_scenes

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSegTrainingLib.generator import WIDE, Sampler, SamplerConfig, Scene
from HeartSegTrainingLib.generator.deformation import Deformation
from HeartSegTrainingLib.generator.heartless import heartless_scene

RESULTS = Path(__file__).parent / "results"
MODES = ("ct_contrast", "ct_plain", "mr_bright", "mr_dark")
SEED = 950


def to_image(values: np.ndarray, spacing: float) -> sitk.Image:
    image = sitk.GetImageFromArray(np.clip(values, -1024, 3000).astype(np.int16))
    image.SetSpacing((spacing,) * 3)
    return image


def without_heart(index: int) -> tuple[sitk.Image, str]:
    """A body without a heart at 3 mm, 192 to 288 mm wide."""
    rng = np.random.default_rng((SEED, index))
    window = int(rng.integers(64, 97))
    config = SamplerConfig(window=window, spacing=3.0, deformation=Deformation(shift=(40, 40, 60)))
    scan = Sampler([heartless_scene(index, SEED, WIDE)], config).scan(rng, mode=MODES[index % len(MODES)], scene=0)
    values = np.where(scan.inside.numpy(), scan.image.numpy(), -1024.0 if scan.modality == "ct" else 0.0)
    return to_image(values, 3.0), scan.modality


def part_of_heart(index: int, scenes: list[Scene]) -> tuple[sitk.Image, str, float]:
    """A scan that cuts through a held-out heart: 30-70 % of it stay in view."""
    rng = np.random.default_rng((SEED, 1, index))
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


def finds_heart(segmenter: Segmenter, image: sitk.Image, modality: str) -> bool:
    try:
        segmenter.segment(image, modality)
    except InputError as error:
        if "No heart found" in error.message:
            return False
        raise
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="")
    parser.add_argument("--locator", default="")
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--scenes", type=Path, default=Path(__file__).parents[2] / "work/scenes/heldout")
    parser.add_argument("--out", default="no_heart.json")
    args = parser.parse_args()
    store = ModelStore()
    locator = store.load(args.locator or store.default("locator").card.id)
    segmenter = Segmenter(store.load(args.model or store.default("segmenter").card.id), locator, choose_device("auto"))
    scenes = held_out_scenes(args.scenes, 12)
    invented, missed = [], []
    for index in range(args.cases):
        if finds_heart(segmenter, *without_heart(index)):
            invented.append(index)
        image, modality, share = part_of_heart(index, scenes)
        if not finds_heart(segmenter, image, modality):
            missed.append({"case": index, "share": round(share, 2), "mode": MODES[index % len(MODES)]})
        print(index, "invented", len(invented), "missed", len(missed), flush=True)
    result = {"locator": locator.card.sha256, "cases_each": args.cases,
              "invented_percent": 100 * len(invented) / args.cases, "missed_percent": 100 * len(missed) / args.cases,
              "invented": invented, "missed": missed}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
