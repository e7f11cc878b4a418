"""Slicer's own Segment Editor inside the panel: set up, entered and left as Slicer's own module does."""

from __future__ import annotations

from typing import Any

EFFECTS = ("Paint", "Draw", "Erase", "Scissors", "Islands", "Smoothing", "Threshold")
"""The effects that are offered, in this order."""

HIDDEN_PARTS = (
    "setSegmentationNodeSelectorVisible",
    "setSourceVolumeNodeSelectorVisible",
    "setAddRemoveSegmentButtonsVisible",
    "setSwitchToSegmentationsButtonVisible",
    "setSpecifyGeometryButtonVisible",
    "setShow3DButtonVisible",
    "setMaskingSectionVisible",
)
"""What the panel offers itself; the newest of these settings is absent in Slicer 5.10."""

UNDO_STATES = 20


class EmbeddedEditor:
    """Drives a qMRMLSegmentEditorWidget for one structure at a time.

    Args:
        widget: The qMRMLSegmentEditorWidget of the form.
    """

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._entered = False
        for setting in HIDDEN_PARTS:
            if hasattr(widget, setting):
                getattr(widget, setting)(False)
        # The panel's own list of chambers takes the place of the editor's table.
        for table in widget.findChildren("qMRMLSegmentsTableView"):
            table.visible = False
            if table.parent().className() == "ctkExpandableWidget":  # the grip below it
                table.parent().visible = False
        widget.setMaximumNumberOfUndoStates(UNDO_STATES)
        widget.setEffectNameOrder(list(EFFECTS))
        widget.unorderedEffectsVisible = False

    def edit(self, editor_node: Any, segmentation: Any, volume: Any, id: str) -> None:
        """Make a segment the one that the effects change.

        Args:
            editor_node: vtkMRMLSegmentEditorNode of this module.
            segmentation: vtkMRMLSegmentationNode.
            volume: vtkMRMLScalarVolumeNode that is edited on; None if it has been deleted.
            id: Segment id.
        """
        widget = self._widget
        if widget.mrmlSegmentEditorNode() is not editor_node:
            widget.setMRMLSegmentEditorNode(editor_node)
        widget.setSegmentationNode(segmentation)
        widget.setSourceVolumeNode(volume)
        self.enter()
        widget.setCurrentSegmentID(id)

    def enter(self) -> None:
        """Listen to the views and to the keyboard."""
        if not self._entered:
            self._widget.setupViewObservations()
            self._widget.installKeyboardShortcuts(self._widget)
            self._entered = True

    def exit(self) -> None:
        """Listen no more: another module is in view."""
        if self._entered:
            self._widget.setActiveEffect(None)
            self._widget.uninstallKeyboardShortcuts()
            self._widget.removeViewObservations()
            self._entered = False

    def leave(self) -> None:
        """Edit nothing, before the segmentation goes."""
        self.exit()
        if self._widget.mrmlSegmentEditorNode() is not None:
            self._widget.setSegmentationNode(None)

    def forget(self, segmentation: Any, id: str) -> None:
        """Start a new history, since undo would write into what is not in view any more."""
        self._widget.setSegmentationNode(None)
        self._widget.setSegmentationNode(segmentation)
        self._widget.setCurrentSegmentID(id)

    def save_for_undo(self) -> None:
        """Let the next undo bring back what is there now."""
        self._widget.saveStateForUndo()
