"""The panel as a whole: its sections, the scene's settings, and what happens when module or scene come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import vtk

from HeartSeg3DLib.panel.batch_section import BatchSection
from HeartSeg3DLib.panel.chambers_section import ChambersSection
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.panel.function_section import FunctionSection
from HeartSeg3DLib.panel.mesh_section import MeshSection
from HeartSeg3DLib.panel.message_area import MessageArea
from HeartSeg3DLib.panel.models_section import ModelsSection
from HeartSeg3DLib.panel.observations import Observations
from HeartSeg3DLib.panel.pump import Pump
from HeartSeg3DLib.panel.questions import Questions
from HeartSeg3DLib.panel.report_section import ReportSection
from HeartSeg3DLib.panel.segment_section import SegmentSection
from HeartSeg3DLib.panel.services import SceneServices

_VOLUME, _SEQUENCE = "vtkMRMLScalarVolumeNode", "vtkMRMLSequenceNode"


class ModulePanel:
    """Everything that the module shows.

    Args:
        form: The widget loaded from HeartSeg3D.ui.
        ui: Its named widgets as attributes.
        logic: HeartSeg3DLogic.
        icons: Folder of the module's icons.
        questions: Asks the user; dialogs by default.
        services: The rooms of `scene`; the real ones by default.
    """

    def __init__(self, form: Any, ui: Any, logic: Any, icons: Path, questions: Questions | None = None,
                 services: SceneServices | None = None) -> None:
        self.context = PanelContext(
            form, ui, logic, icons, questions or Questions(form), services or SceneServices(), Pump(form),
            MessageArea(ui),
        )
        self.chambers = ChambersSection(self.context, self._show_new_volumes)
        self.segment = SegmentSection(self.context, self.chambers.tools.leave)
        self.function = FunctionSection(self.context)
        self.meshes = MeshSection(self.context)
        self.batch = BatchSection(self.context, self.segment.choices)
        self.report = ReportSection(self.context)
        self.models = ModelsSection(self.context, self.segment.choices.refresh_models)
        self.context.result_changed.append(self.show_result)
        self._observations = Observations()
        self._gui_tag: Any = None
        self._shown_result: Any = None
        self._first_time = True
        self._nodes_changed = qt.QTimer(form)
        self._nodes_changed.setSingleShot(True)
        self._nodes_changed.setInterval(0)
        self._nodes_changed.connect("timeout()", self._choose_a_scan)
        self._loading_ended = qt.QTimer(form)
        self._loading_ended.setSingleShot(True)
        self._loading_ended.setInterval(0)
        self._loading_ended.connect("timeout()", self._show_settings)
        self._attach()

    def enter(self) -> None:
        """The module comes into view."""
        self._attach()
        if self._first_time:
            self._first_time = False
            if self.segment.show_dependencies():
                self.segment.choices.ask_for_devices()
        self.segment.choices.refresh_models()  # another module may have installed one
        self.models.refresh()
        self.show_result()
        self.chambers.tools.enter()

    def exit(self) -> None:
        """Another module comes into view; a run goes on."""
        self.chambers.tools.editor.exit()

    def scene_about_to_close(self) -> None:
        """Stop what runs and let go of every node."""
        self.segment.abandon()
        self.meshes.abandon()
        self.batch.abandon()
        self.report.abandon()
        self.models.abandon()
        self.context.messages.clear()
        self._detach()

    def scene_imported(self) -> None:
        """Show what a loaded scene holds; its nodes are there only now, after the settings that name them."""
        if self.context.parameters is not None:
            # Wrapping the node again drops values that this version does not know.
            self.context.logic.getParameterNode().parameterNode.Modified()
            self.segment.choices.show_parameters()
            self.chambers.tools.show_mode()
            self.show_result()
            self._loading_ended.start()

    def cleanup(self) -> None:
        """The module is unloaded: nothing may run or call back any more."""
        self.scene_about_to_close()
        self.segment.choices.close()

    def show_result(self) -> None:
        """Show the chosen segmentation in every section that needs one."""
        self._shown_result = self.context.result
        self.chambers.show(self._shown_result)
        self.function.show(self._shown_result)
        self.meshes.show(self._shown_result)
        self.report.show(self._shown_result)
        self.segment.refresh()

    def _attach(self) -> None:
        """Bind the widgets to the scene's settings."""
        if self.context.parameters is not None:
            return
        parameters = self.context.logic.getParameterNode()
        self.context.parameters = parameters
        ui = self.context.ui
        # Number fields are not among them: this binding would take their ranges away.
        self._gui_tag = parameters.connectParametersToGui(
            {"scan": ui.scanSelector, "result": ui.resultSelector, "showSurfaces": ui.showSurfacesCheckBox}
        )
        self._observations.add(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._on_parameters)
        scene = self.context.form.mrmlScene()
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            # A file that is being loaded adds its node before it fills it: look once Slicer has a moment.
            self._observations.add(scene, event, lambda _caller, _event: self._nodes_changed.start())
        self.segment.choices.refresh_models()
        self.models.refresh()
        self.chambers.tools.show_mode()
        self._choose_a_scan()
        self.show_result()

    def _detach(self) -> None:
        self._observations.remove_all()
        self._nodes_changed.stop()
        self._loading_ended.stop()
        self.chambers.leave()
        self.function.leave()
        if self.context.parameters is not None:
            self.context.parameters.disconnectGui(self._gui_tag)
        self.context.parameters = None
        self._shown_result = None

    def _show_settings(self) -> None:
        """Show the settings again: node selectors offer the nodes of a loaded scene only when loading has ended."""
        if self.context.parameters is not None:
            self.context.parameters.parameterNode.Modified()

    def _choose_a_scan(self) -> None:
        """Take the first volume if none is chosen, so that a scene with one scan is ready at once."""
        parameters = self.context.parameters
        if parameters is None:
            return
        self._offer_scans_only()
        if parameters.scan is None and not self.segment.running:
            # Label maps and vector volumes derive from scalar volumes; they are no scans.
            plain = [node for node in self._nodes(_VOLUME)
                     if node.GetClassName() == _VOLUME and not node.GetHideFromEditors()]
            if plain and plain[0].GetImageData() is not None:
                parameters.scan = plain[0]
        self.segment.refresh()

    def _offer_scans_only(self) -> None:
        """Leave out sequences of anything but volumes, such as the phases of a result."""
        others = [node.GetID() for node in self._nodes(_SEQUENCE) if node.GetDataNodeClassName() not in ("", _VOLUME)]
        offered = self.context.ui.scanSelector.sortFilterProxyModel()
        if list(offered.hiddenNodeIDs) != others:
            offered.hiddenNodeIDs = others

    def _nodes(self, kind: str) -> list[Any]:
        scene = self.context.form.mrmlScene()
        return [scene.GetNthNodeByClass(number, kind) for number in range(scene.GetNumberOfNodesByClass(kind))]

    def _show_new_volumes(self) -> None:
        self.function.refresh()
        self.meshes.measure()

    def _on_parameters(self, _caller: Any, _event: Any) -> None:
        if self.context.result is not self._shown_result:
            self.show_result()
        else:
            self.function.refresh()
            self.segment.refresh()
