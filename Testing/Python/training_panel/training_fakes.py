"""Stand-ins behind the training panel's seams, and a panel to click on: real widgets, no child process, no jobs."""

from __future__ import annotations

import unittest
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import slicer

from HeartSeg3DLib.errors import HeartSegError
from HeartSegTrainingLib.panel.training_panel import TrainingPanel
from HeartSegTrainingLib.panel.training_services import TrainingServices
from HeartSegTrainingLib.scene.job_watch import Seen
from HeartSegTrainingLib.scene.training_set import TrainingSet
from HeartSegTrainingLib.scene.training_wish import DeviceChoice, RecipeChoice, StartChoice

FORM = Path(__file__).resolve().parents[3] / "HeartSegTraining" / "Resources" / "UI" / "HeartSegTraining.ui"
SIZE = 16


def a_case(name: str = "Chest CT", structures: tuple[str, ...] = ("LV", "MYO")) -> Any:
    """A scan in the scene with a segmentation of boxes; returns the segmentation."""
    voxels = np.random.default_rng(1).integers(-200, 400, (SIZE, SIZE, SIZE)).astype(np.int16)
    volume = slicer.util.addVolumeFromArray(voxels, name=name)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{name} heart")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for number, id in enumerate(structures):
        segmentation.GetSegmentation().AddEmptySegment(id, id)
        mask = np.zeros((SIZE, SIZE, SIZE), np.uint8)
        mask[5 * number:5 * number + 4, 2:10, 2:10] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, id, volume)
    return segmentation


def a_job(name: str = "finetune-1", state: str = "running", kind: str = "finetune", **said: Any) -> Any:
    """What `find_jobs` says of a job."""
    state_file = {"checkpoint": "step_0000100.safetensors"} if state != "starting" else {}
    values = {"step": 120, "steps": 400, "progress": 0.3, "loss": 0.532, "mean_dice": 0.71,
              "eta_seconds": 190.0 if state == "running" else None, "reason": "", **said}
    return SimpleNamespace(folder=Path("/jobs").resolve() / name, name=name, kind=kind, state=state,
                           is_active=state in ("running", "starting"),
                           can_resume=state in ("stopped", "failed", "silent"), state_file=state_file, **values)


COLUMNS = {"step": (50.0, 100.0, 150.0), "loss": (1.9, 1.2, 0.9), "dice_1": (0.2, 0.5, 0.7),
           "dice_2": (0.1, 0.4, float("nan")), "val_dice": (float("nan"), 0.35, 0.55)}


class FakeTask:
    """Something in the background that goes on until the test says how it ends."""

    def __init__(self, **values: Any) -> None:
        self.finished, self.error = False, None
        self.fraction, self.stage = 0.25, "Working"
        self.cancelled = self.closed = False
        self.__dict__.update(values)

    def step(self) -> bool:
        return self.finished

    def cancel(self) -> None:
        self.cancelled = self.finished = True

    def close(self) -> None:
        self.closed = True

    def fail(self, error: HeartSegError) -> None:
        self.finished, self.error = True, error


class FakeTrainingLogic:
    """Hands out tasks and remembers what was asked for."""

    def __init__(self) -> None:
        self.refusal: HeartSegError | None = None
        self.asked: list[Any] = []
        self.task: Any = None

    def startTrainingSet(self, segmentations: list[Any], trust: bool) -> FakeTask:
        return self._start(("set", [node.GetName() for node in segmentations], trust), training_set=None)

    def startJob(self, wish: Any, name: str) -> FakeTask:
        return self._start(("job", wish, name), folder=Path("/jobs").resolve() / name, notes=())

    def startResume(self, folder: Path) -> FakeTask:
        return self._start(("resume", folder), folder=folder)

    def stop(self, folder: Path) -> None:
        self._start(("stop", folder))

    def log(self, folder: Path) -> str:
        return f"log of {folder.name}"

    def _start(self, what: Any, **values: Any) -> FakeTask:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(what)
        self.task = FakeTask(**values)
        return self.task


class FakeWatch:
    """Sees the jobs of a test at once."""

    jobs: tuple[Any, ...] = ()
    columns: Any = None
    best: int | None = None
    kept: tuple[int, ...] = ()
    error: HeartSegError | None = None
    looks = 0

    def __init__(self) -> None:
        self.seen = Seen()

    def look(self, chosen: Path | None) -> None:
        type(self).looks += 1
        if self.error is not None:
            self.seen = Seen(error=self.error)
        else:
            self.seen = Seen(self.jobs, chosen, COLUMNS if self.columns is None else self.columns,
                             self.best, self.kept)

    def step(self) -> bool:
        return True


class FakeControl:
    """Makes models and forgets jobs."""

    def __init__(self) -> None:
        self.forgotten: list[Path] = []
        self.request: Any = None
        self.used: list[tuple[Path, str]] = []

    def use_model(self, folder: Path, which: str) -> FakeTask:
        self.used.append((folder, which))
        self.request = FakeTask(result=None)
        return self.request

    def forget(self, folder: Path) -> None:
        self.forgotten.append(folder)


class FakeEstimates:
    """Estimates nothing by itself."""

    def __init__(self) -> None:
        from HeartSegTrainingLib.scene import training_estimate

        self.duration, self.estimate_sentence = training_estimate.duration, training_estimate.estimate_sentence
        self.request: Any = None
        self.wishes: list[Any] = []

    def ask_for_estimate(self, wish: Any) -> FakeTask:
        self.wishes.append(wish)
        self.request = FakeTask(result=None)
        return self.request


class FakeSettings:
    """Remembers for as long as the test lasts."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def remembered(self, choice: str) -> str:
        return self.values.get(choice, "")

    def remember(self, **choices: str) -> None:
        self.values.update(choices)


class FakeDependencies:
    """Dependencies in the state that a test wants."""

    def __init__(self) -> None:
        self.now = "ready"

    def state(self) -> str:
        return self.now

    def explanation(self) -> str:
        return "Training also needs blosc2 (10 MB)."

    def install(self, ask: Any) -> bool:
        if not ask(self.explanation()):
            return False
        self.now = "ready"
        return True


@dataclass
class FakeQuestions:
    """Gives the answer that a test prepared and remembers what was asked."""

    consent: bool = False
    asked: list[str] = field(default_factory=list)

    def confirm(self, text: str, action: str) -> bool:
        self.asked.append(text)
        return self.consent


class FakeWishes:
    """Recipes and starts that do not depend on this computer."""

    STAGES = ("finetune", "ssl", "ressl")

    def recipe_choices(self) -> list[RecipeChoice]:
        return [RecipeChoice("demo", "Minutes on a processor."), RecipeChoice("lab", "One graphics card.")]

    def device_choices(self) -> list[DeviceChoice]:
        return [DeviceChoice("", "as the recipe says"), DeviceChoice("cpu", "processor")]

    def start_choices(self, kind: str, jobs: Any) -> list[StartChoice]:
        pretrained = [StartChoice(f"job:{job.folder}", job.name) for job in jobs if job.kind == "ssl"]
        if kind == "ressl":
            return pretrained
        return [StartChoice("model:tiny", "Whole heart 1.0.0"), *pretrained, StartChoice("scratch", "nothing")]


class FakeHeartSeg3D:
    """Remembers which model was opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    def open_with_model(self, id: str) -> None:
        self.opened.append(id)


class TrainingPanelCase(unittest.TestCase):
    """A training panel over an empty scene."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        FakeWatch.jobs, FakeWatch.columns, FakeWatch.best, FakeWatch.error, FakeWatch.looks = (), None, None, None, 0
        FakeWatch.kept = ()
        self.logic, self.questions = FakeTrainingLogic(), FakeQuestions()
        self.dependencies, self.settings = FakeDependencies(), FakeSettings()
        self.control, self.estimates, self.heartseg3d = FakeControl(), FakeEstimates(), FakeHeartSeg3D()
        self.open()

    def open(self) -> None:
        self.form = slicer.util.loadUI(str(FORM))
        self.form.setMRMLScene(slicer.mrmlScene)
        self.ui = slicer.util.childWidgetVariables(self.form)
        services = replace(
            TrainingServices(), training_dependencies=self.dependencies, job_settings=self.settings,
            job_watch=SimpleNamespace(JobWatch=FakeWatch), job_control=self.control,
            training_estimate=self.estimates, training_wish=FakeWishes(), heartseg3d=self.heartseg3d)
        self.panel = TrainingPanel(self.form, self.ui, self.logic, self.questions, services)
        self.form.show()
        self.panel.enter()
        self.turn_the_pump()

    def close(self) -> None:
        self.panel.cleanup()
        self.form.close()
        self.form.setMRMLScene(None)
        self.form.deleteLater()

    def tearDown(self) -> None:
        self.close()
        slicer.mrmlScene.Clear()

    def turn_the_pump(self, times: int = 1) -> None:
        """Do what the timer does."""
        for _turn in range(times):
            self.panel.context.pump.tick()

    def show_jobs(self, *jobs: Any) -> None:
        """Let the next look find these jobs."""
        FakeWatch.jobs = jobs
        self.panel.jobs.look()
        self.turn_the_pump(2)  # the second look reads the curves of the job that the first one chose

    def prepared(self) -> TrainingSet:
        """Prepare a set by clicking."""
        self.ui.prepareButton.click()
        found = TrainingSet(Path("/sets/scene/index.jsonl"), Path("/sets/scene/store"), 1, ("LV", "MYO"), ())
        self.logic.task.training_set, self.logic.task.finished = found, True
        self.turn_the_pump()
        return found
