"""Does pretraining help? Four labelled generated scans, sixty without labels, the same network with and without.

    python Testing/Benchmarks/pretraining_gain.py [--seeds 3] [--paper-seeds 1] [--ssl-steps 300] [--ressl-steps 300]
                                                  [--steps 500]

Scans are generated once, at 2 mm in 192 mm, and then fixed: sixty unlabelled ones (half CT, half MR) and four labelled
ones (two CT, two MR) of other hearts, both prepared as a lab's own cases are. Twelve scans of hearts from the held-out
region of the parameters (six contrast CT, six bright-blood MR) are for testing; nothing was chosen on them.

Arms, with equal fine-tuning steps, samples, seeds and rates:
  scratch      a fresh network
  pretrained   the encoder of stage 1 (MR without labels) and stage 2 (CT and MR) in mode dinov2, everything fine-tuned
  frozen       the same encoder, frozen with its bottleneck as in the paper
  paper        the encoder of both stages in mode paper, everything fine-tuned

The settings of pretraining were chosen by its own monitors, before anything was fine-tuned: with so few views a step,
what two views of one scan share is lost within a hundred steps unless the teacher is sharp, prototypes are as few as
views, and views overlap; in mode paper it was lost in every setting tried. What mode dinov2 has more is the loss on
hidden tokens.

Each stage is a job under work/pretraining_gain and goes on where it was interrupted. Dice and HD95 are means over the
structures of the test scans; HD95 of a structure that was not found is the scan's diagonal. Stores
results/pretraining_gain.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from machine import describe_machine, load

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES, normalize
from HeartSegTrainingLib.datasets import DatasetRecord, Entry, SplitRequest, StoreSettings, preprocess, split_index
from HeartSegTrainingLib.datasets.building import completed
from HeartSegTrainingLib.engine.checkpoint import load_ema_weights
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.evaluation import evaluate_pair
from HeartSegTrainingLib.finetuning import FinetuneConfig
from HeartSegTrainingLib.finetuning.task import registered_network
from HeartSegTrainingLib.generator import NARROW, Sampler, SamplerConfig, Scene, prepare_scenes
from HeartSegTrainingLib.generator.deformation import Deformation
from HeartSegTrainingLib.jobs.kinds import kind_named
from HeartSegTrainingLib.pretraining import PretrainConfig, export_encoder

RESULTS = Path(__file__).parent / "results"
WORK = Path(__file__).parents[2] / "work" / "pretraining_gain"
SPACING, SIDE = 2.0, 96
UNLABELLED, LABELLED, TESTED = 60, 4, 12
SCENE_SEED, TEST_SEED = 700, 900
ARMS: dict[str, tuple[str, dict[str, str]]] = {
    "scratch": ("", {}), "pretrained": ("dinov2", {"freeze": "none"}), "frozen": ("dinov2", {"freeze": "encoder"}),
    "paper": ("paper", {"freeze": "none"})}
"""Mode of pretraining, and what is frozen."""

MODES = {
    "paper": {"mode": "paper", "prototypes": 512, "multi_scale": True, "learning_rate": 5e-4, "collapse_grace": 100},
    "dinov2": {"mode": "dinov2", "prototypes": 32, "multi_scale": True, "learning_rate": 3e-4, "local_views": 0,
               "mask_probability": 0.6, "mask_ratio": (0.2, 0.5), "overlap": 0.7, "zoom": (0.95, 1.05),
               "teacher_temperature": (0.015, 0.015), "collapse_grace": 1000}}


def scans(count: int, seed: int, first: int, *, held_out: bool, modes: Sequence[str]) -> list[tuple]:
    """Generated scans, each of a heart of its own: image in scanner units, labels, modality."""
    folder = WORK / ("scenes_held_out" if held_out else "scenes")
    paths = list(prepare_scenes(folder, first + count, seed, {}, NARROW, held_out=held_out))[first:]
    config = SamplerConfig(window=SIDE, spacing=SPACING, cut=0.0, deformation=Deformation(shift=(8, 8, 8)))
    drawn = []
    for number, path in enumerate(paths):
        sampler = Sampler([Scene.load(path)], config)
        scan = sampler.scan(np.random.default_rng((seed, first + number)), mode=modes[number % len(modes)], scene=0)
        outside = -1024.0 if scan.modality == "ct" else 0.0
        values = np.where(scan.inside.numpy(), scan.image.numpy(), outside)
        drawn.append((as_image(np.clip(values, -1024, 3000).astype(np.int16)), as_image(scan.labels.numpy()),
                      scan.modality))
    return drawn


def as_image(voxels: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((SPACING,) * 3)
    return image


def prepared(name: str, cases: list[tuple], *, labelled: bool) -> dict[str, str]:
    """An index and a store of scans, made once."""
    folder = WORK / name
    if not (folder / "index.jsonl").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        entries = []
        for number, (image, labels, modality) in enumerate(cases):
            sitk.WriteImage(image, str(folder / f"{number}.nii.gz"))
            sitk.WriteImage(labels, str(folder / f"{number}_labels.nii.gz"))
            entries.append(Entry(
                id=f"{name}/{number:02d}", dataset=name, subject=f"{name}{number}", path=f"{number}.nii.gz",
                modality=modality, sequence="cta" if modality == "ct" else "cine",
                labels=f"{number}_labels.nii.gz" if labelled else "",
                present=tuple(STRUCTURES[value].id for value in WHOLE_HEART) if labelled else ()))
        values = {value: STRUCTURES[value].id for value in WHOLE_HEART}
        record = DatasetRecord(name, str(folder), values=values)
        index, _ = split_index(completed(entries, record).index, SplitRequest(folds=2))
        preprocess(index, folder / "store", StoreSettings(SPACING))
        index.write(folder / "index.jsonl")
    return {"index": str(folder / "index.jsonl"), "store": str(folder / "store")}


def run(config: object, folder: Path) -> Path:
    """Run a job, or go on with it; gives its last checkpoint."""
    kind = kind_named(config.kind if isinstance(config, FinetuneConfig) else config.stage)
    trainer = Trainer(config, kind.make_task(config, folder), folder)
    checkpoint = trainer.run(resume=folder.exists())
    if not trainer.finished:
        raise SystemExit("Stopped: the same command goes on.")  # nothing may be made of a half trained network
    return checkpoint


def pretrained_encoder(seed: int, mode: str, data: dict[str, str], args: argparse.Namespace) -> Path:
    """The encoder after both stages."""
    folder = WORK / f"{mode}_ssl{args.ssl_steps}_ressl{args.ressl_steps}_seed{seed}"
    out = folder / "encoder"
    if out.exists():
        return out
    shared = {"network": "nano", "window": 48, "batch": 8, "part": 8, "spacing": SPACING, "head_hidden": 256,
              "head_bottleneck": 64, "teacher_momentum": 0.98, "warmup": 30, "workers": 1, "threads": 1, "seed": seed,
              "log_every": 20, "checkpoint_minutes": 2.0, "precision": "fp32", **MODES[mode]}
    first, second = folder / "ssl", folder / "ressl"
    run(PretrainConfig(**shared, steps=args.ssl_steps, data={"store": {**data, "modalities": ["mr"]}}), first)
    run(PretrainConfig(**shared, stage="ressl", init_from=str(first), steps=args.ressl_steps,
                       data={"store": dict(data)}), second)
    return export_encoder(second, out)


def finetuned(seed: int, arm: str, data: dict[str, str], encoder: Path | None, args: argparse.Namespace) -> Path:
    config = FinetuneConfig(
        network="nano", window=64, batch=2, steps=args.steps, warmup=30, ema=0.98, learning_rate=1e-3, workers=1,
        threads=1, seed=seed, log_every=20, checkpoint_minutes=2.0, precision="fp32", validate_minutes=0.0,
        encoder_from=None if encoder is None else str(encoder), data={"index": dict(data), "spacing": SPACING},
        **ARMS[arm][1])
    started = "scratch" if encoder is None else encoder.parent.name
    return run(config, WORK / f"{args.steps}_steps_seed{seed}" / f"{arm}_from_{started}")


@torch.no_grad()
def tested(checkpoint: Path, cases: list[tuple]) -> dict[str, float]:
    """Mean Dice and HD95 of the averaged weights, each scan in one window."""
    network = registered_network(FinetuneConfig(network="nano", steps=1))
    network.load_state_dict(load_ema_weights(checkpoint))
    network.eval()
    dice, distance, missed = [], [], 0
    for image, reference, modality in cases:
        voxels = torch.from_numpy(sitk.GetArrayFromImage(image).astype(np.float32))
        logits = network(normalize(voxels, DEFAULT_RULES[modality])[None, None])
        labels = F.interpolate(logits, voxels.shape, mode="trilinear").argmax(1)[0]
        for score in evaluate_pair(as_image(labels.numpy().astype(np.uint8)), reference, WHOLE_HEART):
            if score.reference_ml > 0:
                dice.append(score.dice)
                distance.append(score.hd95_mm)
                missed += score.predicted_ml == 0
    return {"dice": float(np.mean(dice)), "hd95_mm": float(np.mean(distance)), "structures_missed": missed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--paper-seeds", type=int, default=1)
    parser.add_argument("--ssl-steps", type=int, default=300)
    parser.add_argument("--ressl-steps", type=int, default=300)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", default="pretraining_gain.json")
    args = parser.parse_args()
    mixed = ("ct_contrast", "mr_bright")
    unlabelled = prepared("unlabelled", scans(UNLABELLED, SCENE_SEED, 0, held_out=False, modes=mixed), labelled=False)
    labelled = prepared("labelled", scans(LABELLED, SCENE_SEED, UNLABELLED, held_out=False, modes=mixed), labelled=True)
    cases = scans(TESTED, TEST_SEED, 0, held_out=True, modes=mixed)
    rows = []
    for seed in range(1, args.seeds + 1):
        for arm in ARMS:
            mode = ARMS[arm][0]
            if mode == "paper" and seed > args.paper_seeds:
                continue
            encoder = pretrained_encoder(seed, mode, unlabelled, args) if mode else None
            rows.append({"seed": seed, "arm": arm, **tested(finetuned(seed, arm, labelled, encoder, args), cases)})
            print(rows[-1], flush=True)
    means = {arm: {figure: float(np.mean([row[figure] for row in rows if row["arm"] == arm]))
                   for figure in ("dice", "hd95_mm")} for arm in sorted({row["arm"] for row in rows})}
    print(f"means: {means}; gain {100 * (means['pretrained']['dice'] - means['scratch']['dice']):.1f} Dice points")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps({
        "machine": describe_machine(), "load_after": load(), "unlabelled": UNLABELLED, "labelled": LABELLED,
        "tested": TESTED, "steps": {"ssl": args.ssl_steps, "ressl": args.ressl_steps, "finetune": args.steps},
        "rows": rows, "means": means}, indent=1) + "\n")


if __name__ == "__main__":
    main()
