"""Stand-ins behind the panel's seams, and a panel to click on: real widgets, no child process, no dialogs."""

from __future__ import annotations

import unittest
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.module_panel import ModulePanel
from HeartSeg3DLib.panel.services import SceneServices
from HeartSeg3DLib.scene.parameters import parameters_of

RESOURCES = Path(__file__).resolve().parents[3] / "HeartSeg3D" / "Resources"
SIZE = 24


def a_volume(name: str = "CTA cardio") -> Any:
    """A small scan in the scene."""
    voxels = np.random.default_rng(1).integers(-200, 400, (SIZE, SIZE, SIZE)).astype(np.int16)
    return slicer.util.addVolumeFromArray(voxels, name=name)


def a_segmentation(volume: Any, ids: tuple[str, ...] = ("LV", "MYO", "RV")) -> Any:
    """A segmentation of boxes, 1000 mm3 each."""
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{volume.GetName()} heart")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for number, id in enumerate(ids):
        structure = BY_ID[id]
        segmentation.GetSegmentation().AddEmptySegment(id, structure.name, [part / 255 for part in structure.color])
        voxels = np.zeros((SIZE, SIZE, SIZE), np.uint8)
        voxels[7 * number:7 * number + 6, 2:12, 2:12] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, segmentation, id, volume)
    return segmentation


class FakeRun:
    """A run that goes on until the test says how it ends."""

    def __init__(self, target: Any, settings: dict[str, Any]) -> None:
        self.target, self.settings = target, settings
        self.state, self.fraction, self.stage, self.seconds = "running", 0.0, "Looking for the heart", 6.0
        self.error: HeartSegError | None = None
        self.warnings: list[str] = []
        self.segmentation: Any = None
        self.frames = [None]
        self.steps = 0
        self.cancelled = False

    def step(self) -> None:
        self.steps += 1

    def cancel(self) -> None:
        self.cancelled = True
        self.state = "cancelled"

    def report_text(self) -> str:
        return "HeartSeg report"


class FakeLogic:
    """Hands out fake runs and the scene's settings."""

    def __init__(self) -> None:
        self.runs: list[FakeRun] = []
        self.refusal: HeartSegError | None = None
        self._node: Any = None

    def getParameterNode(self) -> Any:
        if self._node is None or self._node.GetScene() is None:
            self._node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "HeartSeg3D")
        return parameters_of(self._node)

    def startSegmentation(self, scan: Any, target: Any, **settings: Any) -> FakeRun:
        if self.refusal is not None:
            raise self.refusal
        self.runs.append(FakeRun(target, settings))
        return self.runs[-1]


@dataclass
class FakeQuestions:
    """Gives the answers that a test prepared and remembers what was asked."""

    replace: str = "cancel"
    consent: bool = False
    path: str = ""
    asked: list[Any] = field(default_factory=list)

    def replace_result(self, name: str, edited: list[str]) -> str:
        self.asked.append((name, edited))
        return self.replace

    def confirm(self, text: str, action: str) -> bool:
        self.asked.append(text)
        return self.consent

    def open_file(self, title: str, kinds: str) -> str:
        self.asked.append(title)
        return self.path

    def open_folder(self, title: str) -> str:
        self.asked.append(title)
        return self.path

    def save_file(self, title: str, suggestion: str, kinds: str) -> str:
        self.asked.append(suggestion)
        return self.path


class FakeDependencies:
    """Dependencies in the state that a test wants."""

    def __init__(self) -> None:
        self.now = "ready"

    def state(self) -> str:
        return self.now

    def explanation(self) -> str:
        return "HeartSeg needs PyTorch (about 200 MB)."

    def install(self, ask: Any) -> bool:
        if not ask(self.explanation()):
            return False
        self.now = "ready"
        return True


@dataclass(frozen=True)
class FakeDevice:
    id: str
    name: str


class FakeDeviceQuery:
    """Answers at the second step."""

    error: HeartSegError | None = None
    devices = (FakeDevice("auto", "automatic"), FakeDevice("cpu", "CPU"), FakeDevice("cuda:0", "RTX 3060"))
    started = 0

    def __init__(self) -> None:
        self._steps = 0

    def start(self) -> None:
        type(self).started += 1

    def step(self) -> bool:
        self._steps += 1
        return self._steps == 2

    def close(self) -> None:
        pass


class FakeDevices:
    """The room `scene.devices` with devices that this computer may lack."""

    DeviceQuery = FakeDeviceQuery

    @staticmethod
    def label(device: FakeDevice) -> str:
        return f"{device.name}, 9.8 GB free" if "cuda" in device.id else device.name


class FakeSettings:
    """Remembers nothing beyond the test."""

    def __init__(self) -> None:
        self.times: dict[tuple[str, str], float] = {}
        self.meshes: list[tuple[int | None, float]] = []
        self.remembered = "standard"

    def expected_seconds(self, quality: str, device: str) -> float | None:
        return self.times.get((quality, device))

    def remember_choices(self, parameters: Any) -> None:
        self.remembered = parameters.quality

    def apply_choices(self, parameters: Any) -> None:
        parameters.quality = self.remembered

    def expected_mesh_seconds(self, tetrahedra: int | None) -> float:
        return 30.0 if tetrahedra is None else tetrahedra / 1e4

    def remember_mesh(self, tetrahedra: int | None, seconds: float) -> None:
        self.meshes.append((tetrahedra, seconds))

    def remember_run(self, quality: str, device: str, seconds: float) -> None:
        self.times[quality, device] = seconds


class PanelCase(unittest.TestCase):
    """A panel over an empty scene."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        FakeDeviceQuery.started = 0
        self.logic = FakeLogic()
        self.questions = FakeQuestions()
        self.dependencies = FakeDependencies()
        self.settings = FakeSettings()
        self.form = slicer.util.loadUI(str(RESOURCES / "UI" / "HeartSeg3D.ui"))
        self.form.setMRMLScene(slicer.mrmlScene)
        self.ui = slicer.util.childWidgetVariables(self.form)
        self.panel = self.make_panel()
        self.form.show()
        self.panel.enter()

    def make_panel(self) -> ModulePanel:
        services = replace(SceneServices(), dependencies=self.dependencies, devices=FakeDevices(),
                           settings=self.settings)
        return ModulePanel(self.form, self.ui, self.logic, RESOURCES / "Icons", self.questions, services)

    def tearDown(self) -> None:
        self.panel.cleanup()
        self.form.close()
        self.form.setMRMLScene(None)
        self.form.deleteLater()
        slicer.mrmlScene.Clear()

    @property
    def parameters(self) -> Any:
        return self.panel.context.parameters

    def turn_the_pump(self, times: int = 1) -> None:
        """Do what the timer does."""
        for _turn in range(times):
            self.panel.context.pump.tick()
