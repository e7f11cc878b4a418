"""Slicer's scene and the logics of its modules, from slicer-core, set up as the application does at its start."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import slicer
import vtk

RESOURCES = Path(__file__).parent / "resources"
SLICE_VIEWS = ("Red", "Green", "Yellow")
# Module name and the class of its logic; each is found as slicer.modules.<lower case>.logic().
_MODULE_LOGICS = {
    "Colors": "vtkMRMLColorLogic",
    "Units": "vtkSlicerUnitsLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Data": "vtkSlicerDataModuleLogic",
}


class ModuleStandIn:
    """A loaded module of Slicer, as far as scripts use it."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = name
        self.title = name
        self.path = ""
        self._logic = logic

    def logic(self) -> Any:
        """The module's logic of C++."""
        return self._logic


class SlicerScene:
    """The scene with everything that the application keeps for it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slicer-runtime-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        _send_messages_of_vtk_to(self.folder / "vtk.log")
        self.scene = slicer.vtkMRMLScene()
        slicer.mrmlScene = self.scene
        self.application_logic = self._make_application_logic()
        slicer.modules = types.SimpleNamespace()
        self.logics = {name: self._make_module(name, kind) for name, kind in _MODULE_LOGICS.items()}
        self._add_cache()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        self.layout_logic = slicer.vtkMRMLLayoutLogic()
        self.layout_logic.SetMRMLScene(self.scene)
        self.layout_logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self.slice_logics = {name: self._make_slice_logic() for name in SLICE_VIEWS}
        self._show_views()
        # Closing the scene makes new view nodes; the slice logics take them once all others have seen the event.
        self.scene.AddObserver(self.scene.EndCloseEvent, self._show_views, -1000.0)

    def view_node(self) -> Any:
        """The node of the 3D view."""
        return self.scene.GetSingletonNode("1", "vtkMRMLViewNode")

    def _show_views(self, *_: Any) -> None:
        for name, logic in self.slice_logics.items():
            node = self.scene.GetSingletonNode(name, "vtkMRMLSliceNode")
            node.SetDimensions(300, 300, 1)
            node.SetMappedInLayout(1)
            if logic.GetSliceNode() is not node:
                logic.SetSliceNode(node)
        self.view_node().SetMappedInLayout(1)

    def _make_application_logic(self) -> Any:
        for name in ("MRMLCorePython", "MRMLLogicPython", "vtkSegmentationCorePython", "SlicerBaseLogicPython"):
            sys.modules.setdefault(name, slicer)
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self.scene.AddNode(crosshair)
        selection = slicer.vtkMRMLSelectionNode()
        self.scene.AddNode(selection)
        self.scene.AddNode(slicer.vtkMRMLInteractionNode())
        logic = slicer.vtkSlicerApplicationLogic()
        logic.SetMRMLScene(self.scene)
        logic.SetTemporaryPath(str(self.folder))
        logic.GetColorLogic().SetMRMLScene(self.scene)
        logic.GetColorLogic().AddDefaultColorNodes()
        self._slice_logic_collection = vtk.vtkCollection()
        self._view_logic_collection = vtk.vtkCollection()
        logic.SetSliceLogics(self._slice_logic_collection)
        logic.SetViewLogics(self._view_logic_collection)
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(logic)
        slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(logic)
        return logic

    def _make_module(self, name: str, kind: str) -> Any:
        logic = self.application_logic.GetColorLogic() if name == "Colors" else getattr(slicer, kind)()
        if name == "Terminologies":
            logic.SetModuleShareDirectory(str(RESOURCES / "terminologies"))
            logic.SetUserContextsPath(str(self.folder / "Terminologies"))
        if name != "Colors":
            logic.SetMRMLScene(self.scene)
            logic.SetMRMLApplicationLogic(self.application_logic)
        self.application_logic.SetModuleLogic(name, logic)
        setattr(slicer.modules, name.lower(), ModuleStandIn(name, logic))
        return logic

    def _add_cache(self) -> None:
        """Bundles (.mrb) are read and written through Slicer's file cache."""
        self._remote = slicer.vtkMRMLRemoteIOLogic()
        self._remote.SetMRMLScene(self.scene)
        self._remote.AddDataIOToScene()
        cache = self.folder / "cache"
        cache.mkdir()
        self._remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))

    def _make_slice_logic(self) -> Any:
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        self._slice_logic_collection.AddItem(logic)
        return logic


def _send_messages_of_vtk_to(path: Path) -> None:
    window = vtk.vtkFileOutputWindow()
    window.SetFileName(str(path))
    window.AppendOn()
    vtk.vtkOutputWindow.SetInstance(window)
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
