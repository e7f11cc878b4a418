"""All three stages of the demo from the module of 3D Slicer, which is closed and opened again before each next step.

Each session is a process of its own in the test runtime and does everything by clicking: pretrain, close, open, refine
from that job, close, open, fine-tune from the refined encoder, close, open, give the model to HeartSeg3D and segment
the sample with it, whose heart nothing was learned from. Where ../shared/data/priors has label maps of real hearts,
the two stages of pretraining learn from scans of them, too, through an index. It takes some minutes on two cores.

    python Testing/Benchmarks/training_from_slicer.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results"
PATIENCE_SECONDS = 3600.0
STAGES = ("ssl", "ressl", "finetune")
PRIORS = REPOSITORY.parent / "shared" / "data" / "priors"
LABELS = "Resources/Samples/chest_ct_generated_labels.nii.gz"
SHARED, REFERENCE = Path("shared"), Path("reference.npy")
"""In the folder that all sessions share: a training set of real hearts, and the label map of the sample."""


def open_module(name: str) -> Any:
    """Show a module of this checkout in the test runtime."""
    import SlicerRuntime

    return SlicerRuntime.show_module(SlicerRuntime.load_module(REPOSITORY / name / f"{name}.py"))


def wait(until: Callable[[], Any]) -> None:
    import SlicerRuntime

    if not SlicerRuntime.process_events(PATIENCE_SECONDS, until=until):
        raise TimeoutError("the panel did not come to the state that was waited for")


def jobs_are_listed(panel: Any, count: int) -> None:
    """Wait until the panel has found the jobs of earlier sessions."""
    wait(lambda: len(panel.jobs._jobs) == count)


def train(stage: str) -> dict[str, Any]:
    """Start a stage by clicking, from the one before it, and leave as soon as it trains."""
    window = open_module("HeartSegTraining")
    panel, ui = window.self().panel, window.self().panel.context.ui
    jobs_are_listed(panel, STAGES.index(stage))
    earlier = [job.name for job in panel.jobs._jobs]
    wait(lambda: not any(job.is_active for job in panel.jobs._jobs))
    learns_from = choose_data(ui, stage)
    ui.stageSelector.setCurrentIndex(ui.stageSelector.findData(stage))
    ui.recipeSelector.setCurrentIndex(ui.recipeSelector.findData("demo"))
    choices = [ui.startSelector.itemData(number) for number in range(ui.startSelector.count)]
    before = STAGES[STAGES.index(stage) - 1] if stage != "ssl" else ""
    start = next(choice for choice in choices if choice.endswith(f"/demo-{before}") or (not before))
    ui.startSelector.setCurrentIndex(choices.index(start))
    ui.nameEdit.text = f"demo-{stage}"
    ui.startButton.click()
    wait(lambda: not panel.training.running)
    if "is training" not in ui.newMessageLabel.text:
        raise RuntimeError(ui.newMessageLabel.text)
    return {"stage": stage, "found again": earlier, "started from": Path(start).name, "learns from": learns_from,
            "said": ui.newMessageLabel.text}


def choose_data(ui: Any, stage: str) -> str:
    """Choose the index of shared hearts to pretrain on, where there is one; the recipe's hearts are mixed in."""
    if stage == "finetune" or not SHARED.is_dir():
        ui.recipeRadio.click()
        return "generated hearts"
    ui.indexRadio.click()
    ui.indexPath.currentPath, ui.storePath.currentPath = str(SHARED / "index.jsonl"), str(SHARED / "store")
    return "an index of shared hearts, and generated hearts"


def finish(stage: str) -> dict[str, Any]:
    """Open again while the stage trains or after it, find it, and wait for its end."""
    window = open_module("HeartSegTraining")
    panel = window.self().panel
    jobs_are_listed(panel, STAGES.index(stage) + 1)
    job = lambda: next(job for job in panel.jobs._jobs if job.name == f"demo-{stage}")  # noqa: E731
    seen = job().state
    wait(lambda: not job().is_active)
    columns = panel.context.logic.curves(job().folder)
    return {"stage": stage, "found": seen, "ended": job().state, "reason": job().reason, "steps": job().step,
            "loss": [columns["loss"][0], columns["loss"][-1]]}


def use() -> dict[str, Any]:
    """Give the model to HeartSeg3D and segment the sample with it."""
    from HeartSeg3DLib.scene import sample_data

    segmenting, window = open_module("HeartSeg3D"), open_module("HeartSegTraining")
    panel, ui = window.self().panel, window.self().panel.context.ui
    jobs_are_listed(panel, len(STAGES))
    panel.jobs.select(next(job.folder for job in panel.jobs._jobs if job.kind == "finetune"))
    ui.useModelButton.click()
    wait(lambda: panel.jobs._model is None)
    ui.jobRemedyButton.click()
    logic = segmenting.self().logic
    model = logic.getParameterNode().model
    sample = sample_data.load_sample()
    heart = logic.segment(sample, device="cpu", model=model)
    dice = dice_of(heart, sample)
    return {"model": model, "volumes in mL": {id: round(volume, 1) for id, volume in logic.volumes(heart).items()},
            "dice": dice, "mean dice": round(sum(dice.values()) / len(dice), 3)}


def dice_of(heart: Any, sample: Any) -> dict[str, float]:
    """Dice of each structure with the label map that the sample was made from; 0 for one that was not found."""
    import slicer

    from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART

    reference, found = np.load(REFERENCE), {}
    for value in WHOLE_HEART:
        id, wanted = STRUCTURES[value].id, reference == value
        there = heart.GetSegmentation().GetSegment(id) is not None
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(heart, id, sample) > 0 if there else np.zeros_like(wanted)
        found[id] = round(2.0 * float((mask & wanted).sum()) / float(mask.sum() + wanted.sum()), 3)
    return found


def prepare(folder: Path) -> None:
    """Keep the sample's labels, and make a training set of CT and MR scans of the shared hearts where they are."""
    import SimpleITK as sitk

    np.save(folder / REFERENCE, sitk.GetArrayFromImage(sitk.ReadImage(str(REPOSITORY / LABELS))))
    if PRIORS.is_dir():
        make_shared_set(folder / SHARED)


def make_shared_set(folder: Path) -> None:
    """Put each shared heart into a chest and image it as CT and as MR, at the voxel size of the demo."""
    import SimpleITK as sitk

    from HeartSegTrainingLib.datasets import OwnCase, own_training_set
    from HeartSegTrainingLib.generator.priors import read_priors
    from HeartSegTrainingLib.generator.sampler import Sampler, SamplerConfig
    from HeartSegTrainingLib.generator.scenes import make_scene

    config = SamplerConfig(window=60, spacing=4.0, cut=0.0)
    cases = []
    for number, (name, heart) in enumerate(sorted(read_priors(PRIORS).items())):
        sampler = Sampler([make_scene(number, 1, {name: heart}, parametric_share=0.0)], config)
        for mode, modality in (("ct_contrast", "ct"), ("mr_bright", "mr")):
            scan = sampler.scan(np.random.default_rng(number), mode=mode, scene=0)
            image, labels = (sitk.GetImageFromArray(np.ascontiguousarray(array)) for array in (
                scan.image.numpy().astype(np.float32), scan.labels.numpy().astype(np.uint8)))
            for one in (image, labels):
                one.SetSpacing((config.spacing,) * 3)
            cases.append(OwnCase(f"{name}_{modality}", image, labels, modality=modality, person=name))
    own_training_set(cases, folder, spacing=config.spacing)


def session(part: str, data: str) -> dict[str, Any]:
    """Run one session of Slicer and return what it found, with its seconds."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, __file__, "--session", part], capture_output=True, text=True, cwd=data,
                          env={**os.environ, "HEARTSEG_DATA": data})
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{part}: {found}", flush=True)
    return {**found, "seconds": round(time.monotonic() - began, 1)}


def run_session(part: str) -> None:
    """In a process of its own: do one part and print what it found."""
    sys.path[:0] = [str(REPOSITORY / "Testing"), str(REPOSITORY / "HeartSeg3D")]
    import SlicerRuntime

    SlicerRuntime.start()
    what, _, stage = part.partition(":")
    found = use() if what == "use" else {"train": train, "finish": finish}[what](stage)
    failures = SlicerRuntime.slot_failures()
    if failures:
        raise RuntimeError("a function that Qt or VTK called failed") from failures[0]
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--session", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.session:
        run_session(asked.session)
        return
    load = [round(value, 1) for value in os.getloadavg()]
    with tempfile.TemporaryDirectory() as data:
        prepare(Path(data))
        parts = [part for stage in STAGES for part in (f"train:{stage}", f"finish:{stage}")]
        sessions = [session(part, data) for part in (*parts, "use")]
    ended = [one["ended"] for one in sessions if "ended" in one]
    if ended != ["finished"] * len(STAGES):
        raise RuntimeError(f"not every stage came to its end: {ended}")
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": describe_machine(), "load before": load, "sessions": sessions,
              "seconds": round(sum(one["seconds"] for one in sessions), 1)}
    (RESULTS / "training_from_slicer.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
