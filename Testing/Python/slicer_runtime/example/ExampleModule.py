"""A small module of Slicer for the tests of the test runtime."""

from typing import Annotated, Optional, Union

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLSequenceNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class ExampleModule(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Example")
        parent.categories = ["Testing"]
        self.was_started = False
        slicer.app.connect("startupCompleted()", self.onStarted)

    def onStarted(self):
        self.was_started = True


@parameterNodeWrapper
class ExampleParameterNode:
    scan: Union[vtkMRMLScalarVolumeNode, vtkMRMLSequenceNode, None]  # noqa: UP007 - as Slicer's modules write it
    result: Optional[vtkMRMLSegmentationNode]  # noqa: UP045
    quality: Annotated[str, Choice(["fast", "standard", "best"])] = "standard"
    threshold: Annotated[float, WithinRange(-200, 500)] = 80.0
    frames: Annotated[int, Default(4)]
    smooth: bool = True
    note: str = ""


class ExampleModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.parameters = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/ExampleModule.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = ExampleModuleLogic()
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.applyButton.enabled = False
        self.parameters = ExampleParameterNode(self.logic.getParameterNode())
        named = {widget.property("SlicerParameterName"): widget for widget in vars(self.ui).values()}
        mapping = {name: widget for name, widget in named.items() if name}
        self.tag = self.parameters.connectParametersToGui(mapping)
        self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self.update)
        self.timer = qt.QTimer()
        self.timer.setSingleShot(True)
        self.timer.connect("timeout()", self.update)
        self.update()

    def update(self, caller=None, event=None):
        self.ui.applyButton.enabled = self.parameters.scan is not None

    def onApply(self):
        if not slicer.util.confirmYesNoDisplay("Really?"):
            self.ui.status.text = "No"
            return
        self.parameters.result = self.logic.process(self.parameters.scan, self.parameters.threshold)
        self.ui.editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
        self.ui.editor.setSegmentationNode(self.parameters.result)
        self.ui.status.text = "Done"

    def cleanup(self):
        self.removeObservers()
        self.parameters.disconnectGui(self.tag)


class ExampleModuleLogic(ScriptedLoadableModuleLogic):
    def process(self, volume, threshold):
        array = slicer.util.arrayFromVolume(volume) > threshold
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Bright")
        segmentation.CreateDefaultDisplayNodes()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        segmentation.GetSegmentation().AddEmptySegment("bright", "Bright", (0.8, 0.2, 0.2))
        slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype("uint8"), segmentation, "bright", volume)
        return segmentation


class ExampleModuleTest(ScriptedLoadableModuleTest):
    def runTest(self):
        self.delayDisplay("Test passed")
