"""What each part of the recipe is worth: the same short training with one thing changed, measured on unseen hearts.

    python Testing/Benchmarks/ablations.py [--seeds 3] [--steps 600] [--at-once 1] [--measure-only]
                                           [--arms NAME ...] [--priors ../shared/data/priors]
                                           [--more-priors work/priors]

The arm of three priors is trained where --more-priors holds fourchamber_healthy.nii.gz, fourchamber_afib.nii.gz and
what `heartseg priors` makes of the two Visible Human hearts in ../shared/data/meshes. The base is the network nano at 2
mm in 160 mm, on 60 bodies with procedural hearts and one prior in their chests; all arms have equal steps, seeds and
rates, and what differs is in ARMS. Whether pretraining helps is measured by `pretraining_gain.py`. Tested are hearts of
the held-out parameter region, and the heart with atrial fibrillation, which no arm has learned from; each is segmented
as a user's scan is, with the shipped locator. Real scans are left alone, so that nothing is chosen on them.

Each training is a job under work/ablations and goes on where it was interrupted; where its package lies already, it is
measured alone. On a GPU a network this small is held up by its many little kernels: train a dozen at once there. The
time of a step is measured on its own, on the processor. Stores results/ablations.json with the curves, and draws them
to pictures/ablations.png.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from generated_hearts import held_out_scenes, measure, prior_scenes
from machine import describe_machine, load
from matplotlib import pyplot as plt

from HeartSeg3DLib.models import ModelStore, load_package
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning import FinetuneConfig
from HeartSegTrainingLib.finetuning.release import export_package
from HeartSegTrainingLib.generator import Scene
from HeartSegTrainingLib.generator.tissues import LABEL_OF_TISSUE
from HeartSegTrainingLib.generator.tissues import Tissue as T
from HeartSegTrainingLib.generator.training_data import GeneratedData
from HeartSegTrainingLib.jobs.estimate import estimate_run
from HeartSegTrainingLib.jobs.kinds import kind_named

RESULTS = Path(__file__).parent / "results" / "ablations.json"
WORK = Path(__file__).parents[2] / "work" / "ablations"
UNSEEN = "fourchamber_afib_labels"
BASE: dict[str, Any] = {
    "network": "nano", "window": 80, "batch": 2, "warmup": 60, "decay_fraction": 0.5, "ema": 0.99,
    "learning_rate": 1e-3, "weight_decay": 1e-4, "workers": 1, "threads": 2, "log_every": 20, "checkpoint_minutes": 2.0,
    "validate_minutes": 0.0}
DATA: dict[str, Any] = {
    "count": 60, "seed": 41, "parametric_share": 0.5, "spacing": 2.0, "mix": [0.4, 0.13, 0.33, 0.03, 0.11],
    "exclude": [UNSEEN]}
ARMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "base": ({}, {}),
    "without ViL": ({"network_overrides": {"vil_pairs": [0, 0, 0, 0]}}, {}),
    "stem stride 1": ({"network_overrides": {"stem_stride": 1}}, {}),
    "1 mm in 112 mm": ({"window": 112}, {"spacing": 1.0}),
    "without a chest": ({}, {}),
    "procedural hearts alone": ({}, {"parametric_share": 1.0}),
    "one prior alone": ({}, {"parametric_share": 0.0}),
    "three priors": ({}, {"exclude": [UNSEEN.removesuffix("_labels")]}),
}
"""What each arm changes: of the run, of its data. The chest is taken out of the prepared scenes. 1 mm is affordable in
a window of 112 mm alone, where the base sees 160: that arm changes both."""

SETS = {"held-out": "unseen", "afib": "fibrillation"}
MODES = {"ct_contrast": "contrast CT", "ct_plain": "plain CT", "mr_bright": "MR"}
"""Names in table and picture."""


def scenes_of(arm: str, data: dict[str, Any]) -> str:
    """Folder of an arm's scenes; those without a chest are copies of the base's in one soft tissue."""
    own = {"procedural hearts alone": "procedural", "one prior alone": "one_prior", "without a chest": "chestless",
           "three priors": "three_priors"}
    folder = WORK / "scenes" / own.get(arm, "base")
    if arm == "without a chest":
        base = GeneratedData.from_table({**data, "scenes": str(WORK / "scenes" / "base")})
        folder.mkdir(parents=True, exist_ok=True)
        for path in base.prepare():
            if not (folder / path.name).exists():
                without_chest(Scene.load(path)).save(folder / path.name)
    return str(folder)


def without_chest(scene: Scene) -> Scene:
    """The heart with its walls in nothing but soft tissue."""
    kept = LABEL_OF_TISSUE > 0
    kept[[T.RV_WALL, T.LA_WALL, T.RA_WALL, T.AORTIC_WALL, T.PULMONARY_WALL]] = True
    scene.tissue = np.where(kept[scene.tissue], scene.tissue, np.uint8(T.SOFT_TISSUE))
    return scene


def config_of(arm: str, seed: int, args: argparse.Namespace) -> FinetuneConfig:
    """The run's config; its scenes are there afterwards."""
    run, changed = ARMS[arm]
    data = {**DATA, **changed, "priors": str(args.more_priors if arm == "three priors" else args.priors)}
    data["scenes"] = scenes_of(arm, data)
    GeneratedData.from_table(data).prepare()
    return FinetuneConfig(**{**BASE, **run}, steps=args.steps, seed=seed, data=data)


def folder_of(arm: str, seed: int, args: argparse.Namespace) -> Path:
    return WORK / f"{args.steps}_steps_seed{seed}" / arm.replace(" ", "_")


def trained(arm: str, seed: int, args: argparse.Namespace) -> Path:
    """The job folder of a finished training, with its package."""
    folder = folder_of(arm, seed, args)
    out = folder / "package"
    if not out.exists():
        config = config_of(arm, seed, args)
        trainer = Trainer(config, kind_named("finetune").make_task(config, folder), folder)
        trainer.run(resume=folder.exists())
        if not trainer.finished:
            raise RuntimeError("Stopped: the same command goes on.")  # nothing may be made of a half trained network
        said = {"id": arm.replace(" ", "-").lower(), "version": "0.0.0", "title": arm, "role": "segmenter",
                "labels": list(range(8)), "modalities": ["ct", "mr"], "licence": "Apache-2.0"}
        export_package(folder, out, said)
    return folder


def train_all(args: argparse.Namespace) -> None:
    """Train what is not trained yet, several at once; scenes are made before, by one."""
    missing = [(arm, seed) for seed in range(1, args.seeds + 1) for arm in args.arms
               if not (folder_of(arm, seed, args) / "package").exists()]
    for arm in dict.fromkeys(arm for arm, _ in missing):
        config_of(arm, 1, args)
    if not missing:
        return
    with ProcessPoolExecutor(args.at_once, multiprocessing.get_context("spawn")) as pool:
        for _ in pool.map(trained, *zip(*missing, strict=True), [args] * len(missing)):
            pass


def step_seconds(arm: str, args: argparse.Namespace) -> float:
    """Time of a step on the processor."""
    config = replace(config_of(arm, 1, args), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        make_task = kind_named("finetune").make_task(config, Path(folder))
        return estimate_run(config, make_task, Path(folder)).step_seconds


def curve_of(folder: Path) -> dict[str, list[float]]:
    """Steps, seconds and loss of a job."""
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in ("step", "seconds", "loss")}


def measured(arm: str, seed: int, tests: dict[str, list[Scene]], args: argparse.Namespace) -> dict[str, Any]:
    """Dice and HD95 of an arm on each set of hearts, kept beside its job."""
    folder = folder_of(arm, seed, args)
    kept, model = folder / "measured.json", load_package(folder / "package")
    found = json.loads(kept.read_text()) if kept.exists() else {}
    if found.get("sha256") != model.card.sha256:
        segmenter = Segmenter(model, ModelStore().load(ModelStore().default("locator").card.id), choose_device("auto"))
        found = {"sha256": model.card.sha256,
                 "tested": {name: {mode: {key: row[key] for key in ("mean_dice", "mean_hd95_mm")}
                                   for mode, row in measure(segmenter, scenes).items()}
                            for name, scenes in tests.items()}}
        kept.write_text(json.dumps(found))
    job = json.loads((folder / "job.json").read_text())
    data = {name: value for name, value in job["config"].pop("data").items() if name not in ("scenes", "priors")}
    return {"arm": arm, "seed": seed, "torch": job["torch"], "config": {**job["config"], "data": data}, **found,
            "curve": curve_of(folder)}


def scores_of(rows: list[dict[str, Any]], arm: str, name: str, mode: str) -> list[float]:
    """Mean Dice of each seed of an arm on one set of scans."""
    return [row["tested"][name][mode]["mean_dice"] for row in rows if row["arm"] == arm]


def table_of(rows: list[dict[str, Any]], seconds: dict[str, float]) -> Iterator[str]:
    """Lines of a Markdown table: mean Dice of the seeds and their range on each set, and the time of a step."""
    sets = [(name, mode) for name in SETS for mode in MODES]
    yield f"| arm | seeds | {' | '.join(f'{SETS[name]}, {MODES[mode]}' for name, mode in sets)} | time of a step |"
    yield "|---" * (len(sets) + 3) + "|"
    for arm in (arm for arm in ARMS if any(row["arm"] == arm for row in rows)):
        found = [scores_of(rows, arm, *one) for one in sets]
        cells = [f"{np.mean(scores):.3f} ({min(scores):.2f}-{max(scores):.2f})" for scores in found]
        time = seconds.get(arm, seconds["base"]) / seconds["base"]
        yield f"| {arm} | {len(found[0])} | {' | '.join(cells)} | {time:.1f} |"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Dice of each training on contrast CT and MR of both sets, and its loss over steps, mean of a hundred."""
    figure, (dots, curves) = plt.subplots(1, 2, figsize=(13, 5))
    arms = [arm for arm in ARMS if any(row["arm"] == arm for row in rows)]
    for number, (name, mode) in enumerate((name, mode) for name in SETS for mode in ("ct_contrast", "mr_bright")):
        for height, arm in enumerate(arms):
            scores = scores_of(rows, arm, name, mode)
            dots.plot(scores, [height + 0.18 * (number - 1.5)] * len(scores), "os"[number // 2], ms=5, alpha=0.75,
                      color=f"C{number}", label=f"{SETS[name]}, {MODES[mode]}" if not height else None)
    dots.set_yticks(range(len(arms)), arms)
    dots.invert_yaxis()
    dots.set(xlabel="mean Dice of seven structures, a mark a seed")
    dots.grid(axis="x", alpha=0.3)
    for number, arm in enumerate(arms):
        for row in (row for row in rows if row["arm"] == arm):
            lines = min(5, len(row["curve"]["loss"]))  # of metrics.csv, 20 steps each
            loss = np.convolve(row["curve"]["loss"], np.ones(lines) / lines, mode="valid")
            curves.plot(row["curve"]["step"][lines - 1:], loss, color=f"C{number}", lw=1.2,
                        label=arm if row["seed"] == 1 else None)
    curves.set(xlabel="step", ylabel="loss on its own training scans", yscale="log")
    curves.set_yticks([1.0, 1.5, 2.0, 3.0], ["1", "1.5", "2", "3"])
    curves.minorticks_off()
    for axis in (dots, curves):
        axis.legend(frameon=False, fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--at-once", type=int, default=1, help="trainings side by side")
    parser.add_argument("--measure-only", action="store_true", help="train nothing, measure what is there")
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--priors", type=Path, default=Path("../shared/data/priors"))
    parser.add_argument("--more-priors", type=Path, default=Path("work/priors"))
    args = parser.parse_args()
    args.arms = ["base", *(arm for arm in args.arms if arm != "base")]  # all are compared with it
    if "three priors" in args.arms and not args.more_priors.is_dir():
        print(f"{args.more_priors} is not there: the arm of three priors is left out.")
        args.arms.remove("three priors")
    tests = {"held-out": held_out_scenes(WORK / "scenes" / "tested", 8), "afib": prior_scenes(args.priors, UNSEEN, 4)}
    if not args.measure_only:
        train_all(args)
    seconds = {arm: step_seconds(arm, args) for arm in args.arms if arm == "base" or ARMS[arm][0]}
    rows: list[dict[str, Any]] = []
    for seed in range(1, args.seeds + 1):
        for arm in args.arms:
            if (folder_of(arm, seed, args) / "package").exists():
                rows.append(measured(arm, seed, tests, args))
                print(seed, *table_of([row for row in rows if row["arm"] == arm], seconds), sep="\n", flush=True)
    print(*table_of(rows, seconds), sep="\n")
    if set(args.arms) != set(ARMS):
        print("Not all arms: nothing is stored.")
        return
    RESULTS.write_text(json.dumps({"machine": describe_machine(), "load_after": load(), "steps": args.steps,
                                   "step_seconds": seconds, "rows": rows}) + "\n")
    draw(rows, RESULTS.parents[1] / "pictures" / "ablations.png")


if __name__ == "__main__":
    main()
