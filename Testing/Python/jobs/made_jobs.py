"""Job folders in any state, and a real job that is small enough for a test."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import SimpleITK as sitk  # noqa: F401 - loaded before forks

from HeartSegTrainingLib.generator.scenes import NARROW, Scene, prepare_scenes
from HeartSegTrainingLib.jobs.launch_note import LaunchNote

CONFIG = {"network": {"name": "nano", "features": [4, 8], "blocks": [1, 1], "vil_pairs": [0, 1], "stem_stride": 2,
                      "classes": 8},
          "window": 16, "batch": 1, "steps": 3, "warmup": 1, "workers": 0, "threads": 1, "device": "cpu",
          "log_every": 1}


def made_job(folder: Path, status: str | None, *, launched: bool = True, age_s: float = 0.0, **state: object) -> Path:
    """A job folder that says this of itself; `age_s` ago, which may lie in the future."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"kind": "finetune", "config": CONFIG}))
    if launched:
        LaunchNote("finetune", str(folder / "job.toml"), str(folder)).save(folder)
    if status is not None:
        values = {"status": status, "reason": "", "kind": "finetune", "step": 5, "steps": 10, "progress": 0.5,
                  "seconds": 2.0, "eta_seconds": 2.0, "loss": 1.25, "dice": {"1": 0.5, "2": 0.7}, "host": os.uname()[1],
                  "pid": 1, "updated": "2026-01-01T00:00:00+0000"}
        (folder / "state.json").write_text(json.dumps(values | state))
        then = time.time() - age_s
        os.utime(folder / "state.json", (then, then))
    return folder


def real_job(folder: Path, scenes: Path, **changes: object) -> Path:
    """A job file of a tiny network on one prepared scene."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in (CONFIG | changes).items() if name != "network"]
    network = [f"{name} = {json.dumps(value)}" for name, value in CONFIG["network"].items()]
    file = folder / "job.toml"
    file.write_text("\n".join([*lines, "[network]", *network, "[data]", "spacing = 8.0", "count = 1",
                               f"scenes = {json.dumps(str(scenes))}"]))
    return file


def prepared_scene(folder: Path) -> Path:
    """A folder with the scene that `real_job` learns from."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in prepare_scenes(folder, 1, 1, {}, NARROW, parametric_share=0.55):
        Scene.load(path)
    return folder
