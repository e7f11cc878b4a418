"""The script for training in the README runs as it stands there; nothing is trained for it."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import slicer

from HeartSegTrainingLib.scene import training_logic

REPOSITORY = Path(__file__).resolve().parents[3]
JOB = Path("/jobs/ours")


class FakeLogic:
    """Remembers what was asked; the job ends after two looks at it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.looks = 0

    def training_set(self, segmentations: Any, folder: Any, trust: bool) -> str:
        self.asked.append(("set", segmentations, trust))
        return "set"

    def start(self, stage: str, data: Any, recipe: str, **settings: Any) -> Path:
        self.asked.append(("start", stage, data, recipe, settings))
        return JOB

    def jobs(self) -> list[Any]:
        self.looks += 1
        return [SimpleNamespace(folder=JOB, is_active=self.looks < 2)]

    def curves(self, job: Path) -> dict[str, tuple[float, ...]]:
        return {"loss": (2.0, 0.5)}

    def use_model(self, job: Path, which: str) -> str:
        self.asked.append(("use", job, which))
        return "job-ours-step-150"


class TrainingScriptTest(unittest.TestCase):
    def test_it_trains_on_the_scene_and_gives_the_model_away(self) -> None:
        blocks = re.findall(r"```python\n(.+?)```", (REPOSITORY / "README.md").read_text("utf-8"), re.DOTALL)
        script, = [block for block in blocks if "from HeartSegTraining import HeartSegTrainingLogic" in block]
        logic = FakeLogic()
        with mock.patch.object(training_logic, "TrainingLogic", return_value=logic), \
                mock.patch("sys.path", [str(REPOSITORY / "HeartSegTraining"), *sys.path]), \
                mock.patch("time.sleep"), mock.patch.object(slicer.util, "loadScene") as load, \
                mock.patch.object(slicer.util, "exit") as leave, \
                contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(script, "train.py", "exec"), {"__name__": "__main__"})
        load.assert_called_once_with("corrected.mrb")
        leave.assert_called_once_with()
        self.assertEqual(logic.asked, [("set", None, False), ("start", "finetune", "set", "demo", {"name": "ours"}),
                                       ("use", JOB, "newest")])
        self.assertEqual(printed.getvalue(), "Loss: 0.5 Model: job-ours-step-150\n")
