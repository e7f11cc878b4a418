"""Editing one structure: what it may take from, the presets, and Slicer's Segment Editor below them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import qt

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.panel.embedded_editor import EmbeddedEditor
from HeartSeg3DLib.scene.text import _

MODES = ("neighbors", "background", "anything")


class EditTools:
    """Edits the chosen structure with a preset or leaves it to the embedded editor.

    Args:
        context: The panel's widgets and collaborators.
        changed: Called after each edit.
    """

    def __init__(self, context: PanelContext, changed: Callable[[], None]) -> None:
        self._context = context
        self._changed = changed
        self._segmentation: Any = None
        self._protection: Any = None
        self.chamber = ""
        self.editor = EmbeddedEditor(context.ui.segmentEditor)
        self._connect_presets()
        for mode, radio in self._mode_buttons().items():
            radio.connect("toggled(bool)", lambda on, mode=mode: self._choose_mode(mode) if on else None)

    def edit(self, segmentation: Any, id: str) -> None:
        """Make a structure the one that is edited, and show it in the slice views."""
        services = self._context.services
        if segmentation is not self._segmentation:
            self.leave()
            self._segmentation = segmentation
            self._protection = services.protection.ContactProtection(segmentation, _later)
        self.chamber = id
        self._context.parameters.chamber = id
        source = segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())
        self.editor.edit(services.editor_node.segment_editor_node(), segmentation, source, id)
        self._apply_mode()
        self._say("")
        self._fit_distance(source)
        services.editing.jump_to(segmentation, id)

    def enter(self) -> None:
        """The module comes into view again: the chosen structure can be edited as before."""
        if self.chamber:
            self.editor.enter()

    def start_afresh(self) -> None:
        """Forget what could be undone: the segmentation shows another phase now."""
        if self.chamber:
            self.editor.forget(self._segmentation, self.chamber)

    def leave(self) -> None:
        """Edit nothing any more."""
        if self._protection is not None:
            self._protection.stop()
        self._protection = None
        self._segmentation = None
        self.chamber = ""
        self.editor.leave()

    def show_tools(self, present: set[str], edited: set[str]) -> None:
        """Show the tools of the chosen structure; `present` and `edited` are segment ids."""
        if self.chamber and self.chamber not in present:
            self.leave()
        ui = self._context.ui
        ui.editRow.visible = bool(self.chamber)
        if not self.chamber:
            return
        name = self._name()
        ui.maskingLabel.text = _("Editing {name} may take voxels from:").format(name=name)
        ui.restoreButton.text = _("Back to the model's {name}").format(name=_short_name(self.chamber, name))
        ui.restoreButton.enabled = self.chamber in edited
        ui.restoreAllButton.enabled = bool(edited)
        has_wall = self._context.services.editing.wall_of(self.chamber) is not None
        ui.wallButton.enabled = ui.wallSpinBox.enabled = has_wall

    def _connect_presets(self) -> None:
        ui, editing = self._context.ui, self._context.services.editing
        for button, preset in ((ui.smoothButton, editing.smooth), (ui.growButton, editing.grow),
                               (ui.shrinkButton, editing.shrink)):
            button.connect("clicked()", lambda preset=preset: self._preset(preset, ui.distanceSpinBox.value))
        for button, preset in ((ui.fillButton, editing.fill), (ui.largestButton, editing.keep_largest)):
            button.connect("clicked()", lambda preset=preset: self._preset(preset))
        ui.wallButton.connect("clicked()", lambda: self._preset(editing.make_wall, ui.wallSpinBox.value))
        ui.restoreButton.connect("clicked()", lambda: self._restore([self.chamber]))
        ui.restoreAllButton.connect("clicked()", lambda: self._restore(None))

    def _preset(self, preset: Callable[..., Any], *millimeters: float) -> None:
        mode = self._context.parameters.editMode
        self._change(lambda: preset(self._segmentation, self.chamber, *millimeters, mode))

    def _restore(self, ids: list[str] | None) -> None:
        self._change(lambda: self._context.services.original.restore(self._segmentation, ids))

    def _change(self, change: Callable[[], Any]) -> None:
        """Change the segmentation so that one undo brings it back; say why if it does not change."""
        self.editor.save_for_undo()
        try:
            with self._protection.paused():
                changed = change()
            self._say(_("There is nothing to change.") if changed == 0 else "")
        except HeartSegError as error:
            self._say(str(error))
        self._changed()

    def _say(self, text: str) -> None:
        """Show a sentence beside the tools, where the user looks."""
        self._context.ui.editMessageLabel.text = text
        self._context.ui.editMessageLabel.visible = bool(text)

    def _fit_distance(self, source: Any) -> None:
        """Offer a distance that reaches the next voxel."""
        box = self._context.ui.distanceSpinBox
        if source is not None:
            box.value = max(box.value, math.ceil(10 * min(source.GetSpacing()) + 0.05) / 10)

    def _choose_mode(self, mode: str) -> None:
        if self._context.parameters is not None and self._context.parameters.editMode != mode:
            self._context.parameters.editMode = mode
            self._apply_mode()

    def show_mode(self) -> None:
        """Show the mode that the parameter node holds."""
        self._mode_buttons()[self._context.parameters.editMode].checked = True

    def _apply_mode(self) -> None:
        if self._segmentation is None:
            return
        mode = self._context.parameters.editMode
        services = self._context.services
        services.editing.set_masking(services.editor_node.segment_editor_node(), self._segmentation, self.chamber, mode)
        self._protection.watch(self.chamber, mode)

    def _name(self) -> str:
        return str(self._segmentation.GetSegmentation().GetSegment(self.chamber).GetName())

    def _mode_buttons(self) -> dict[str, Any]:
        ui = self._context.ui
        return dict(zip(MODES, (ui.neighborsRadio, ui.backgroundRadio, ui.anythingRadio), strict=True))


def _later(work: Callable[[], None]) -> None:
    """Do this once the Segment Editor's effect has finished its stroke."""
    qt.QTimer.singleShot(0, work)


def _short_name(id: str, name: str) -> str:
    """Return what fits on a button: the id of a structure that the project knows is its usual abbreviation."""
    return id.replace("_", " ") if id in BY_ID else name
