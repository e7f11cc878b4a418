"""The section that lists the structures of the result and leads to their editing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from HeartSeg3DLib.panel.chamber_row import NO_MARK, ChamberRow, ChamberState
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.panel.drawing import level_name, trust_dot
from HeartSeg3DLib.panel.edit_tools import EditTools
from HeartSeg3DLib.panel.observations import Observations
from HeartSeg3DLib.panel.phase_slider import PhaseSlider
from HeartSeg3DLib.panel.result_summary import marks_of, trust_of
from HeartSeg3DLib.scene.segmentation_result import MODEL_ATTRIBUTE
from HeartSeg3DLib.scene.text import _

QUIET_MS = 300
"""Volumes are counted again this long after the last change: not at every stroke of a brush."""


class ChambersSection:
    """A row for each structure of the shown segmentation.

    Args:
        context: The panel's widgets and collaborators.
        volumes_changed: Called once the volumes have been counted after a change.
    """

    def __init__(self, context: PanelContext, volumes_changed: Callable[[], None]) -> None:
        self._context = context
        self._volumes_changed = volumes_changed
        self._segmentation: Any = None
        self._rows: list[ChamberRow] = []
        self._volumes: dict[str, float] = {}
        self._edited: set[str] = set()
        self._observations = Observations()
        self.tools = EditTools(context, self.measure_soon)
        self.phases = PhaseSlider(context, self._show_phase)
        self._quiet = qt.QTimer(context.form)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(QUIET_MS)
        self._quiet.connect("timeout()", self._measure_changes)
        self._afterwards = qt.QTimer(context.form)
        self._afterwards.setSingleShot(True)
        self._afterwards.setInterval(0)
        self._afterwards.connect("timeout()", self._measure_edits)
        context.ui.showSurfacesCheckBox.connect("toggled(bool)", self._show_surfaces)

    def show(self, segmentation: Any) -> None:
        """List the structures of a segmentation, or say that there is none."""
        self._observations.remove_all()
        if segmentation is not self._segmentation:
            self.tools.leave()
        self._segmentation = segmentation
        if segmentation is not None:
            self._observe(segmentation)
        self.phases.show(segmentation)
        self._edited = set()
        self._measure_volumes()

    def leave(self) -> None:
        """Let go of the segmentation, before scene or module close."""
        self._quiet.stop()
        self._afterwards.stop()
        self._observations.remove_all()
        self.tools.leave()
        self._segmentation = None

    def measure_soon(self, *_caller_and_event: Any) -> None:
        """Measure once nothing has changed for a moment."""
        self._quiet.start()

    def measure(self) -> None:
        """Count the volumes again, see what is edited, and show both at once."""
        self._measure_volumes()
        self._measure_edits()

    def _measure_changes(self) -> None:
        self._measure_volumes()
        self._volumes_changed()

    def _measure_volumes(self) -> None:
        """The first half of measuring; the second follows once the panel has had a moment."""
        services = self._context.services
        self._volumes = {}
        if self._segmentation is not None:
            self._volumes = services.volume_table.volumes(self._segmentation)
            if self._segmentation.GetAttribute(MODEL_ATTRIBUTE) is not None:
                services.volume_table.update_table(self._segmentation, self._volumes)
            self._afterwards.start()
        self.phases.refresh()
        self.refresh()

    def _measure_edits(self) -> None:
        self._afterwards.stop()
        if self._segmentation is not None:
            self._edited = set(self._context.services.original.edited(self._segmentation))
        self.refresh()

    def refresh(self, *_caller_and_event: Any) -> None:
        """Show rows and tools as the segmentation is now."""
        states = self._states()
        ui = self._context.ui
        self._fit_rows(len(states))
        chosen = self.tools.chamber if states else ""
        for row, state in zip(self._rows, states, strict=True):
            row.show(state, state.id == chosen)
        ui.chambersLabel.text = "" if states else _("Segment a heart to see its chambers here.")
        ui.chamberRows.visible = bool(states)
        self._show_trust(bool(states))
        ui.showSurfacesCheckBox.visible = bool(states)
        self.tools.show_tools({state.id for state in states}, self._edited)

    def choose(self, id: str) -> None:
        """Show a structure in the slice views and make it the one that is edited."""
        self.tools.edit(self._segmentation, id)
        self.refresh()

    def _show_phase(self) -> None:
        self.tools.start_afresh()
        self.measure()

    def _show_trust(self, possible: bool) -> None:
        """Show how far the result as a whole can be trusted, of a sequence that of the phase shown."""
        ui = self._context.ui
        level, sentence = trust_of(self._segmentation, edited=bool(self._edited)) if possible else ("", "")
        ui.trustRow.visible = bool(level)
        ui.trustLabel.text = sentence
        if level:
            ui.trustLight.setPixmap(trust_dot(level))
            ui.trustLight.toolTip = level_name(level)

    def _states(self) -> list[ChamberState]:
        if self._segmentation is None:
            return []
        segments = self._segmentation.GetSegmentation()
        display = self._segmentation.GetDisplayNode()
        marks = marks_of(self._segmentation)
        states = []
        for id in segments.GetSegmentIDs():
            segment = segments.GetSegment(id)
            red, green, blue = (round(255 * part) for part in segment.GetColor())
            states.append(ChamberState(
                id, segment.GetName(), (red, green, blue), self._volumes.get(id),
                display is None or bool(display.GetSegmentVisibility(id)), marks.get(id, NO_MARK), id in self._edited,
            ))
        return states

    def _fit_rows(self, count: int) -> None:
        while len(self._rows) > count:
            self._rows.pop().remove()
        while len(self._rows) < count:
            self._rows.append(ChamberRow(self._context.ui.chamberRows, len(self._rows), self._context.icons,
                                         self.choose, self._show_or_hide))
        # The column of names takes the space that is left.
        self._context.ui.chamberRows.layout().setColumnStretch(0, 1)

    def _observe(self, segmentation: Any) -> None:
        segments = segmentation.GetSegmentation()
        for event in (segments.SegmentAdded, segments.SegmentRemoved, segments.SegmentModified,
                      segments.SourceRepresentationModified):
            self._observations.add(segmentation, event, self.measure_soon)
        self._observations.add(segmentation, segmentation.TransformModifiedEvent, self.measure_soon)
        self._observations.add(segmentation, segmentation.DisplayModifiedEvent, self.refresh)

    def _show_or_hide(self, id: str, visible: bool) -> None:
        self._segmentation.GetDisplayNode().SetSegmentVisibility(id, visible)

    def _show_surfaces(self, shown: bool) -> None:
        if self._segmentation is not None and self._segmentation.GetDisplayNode() is not None:
            self._segmentation.GetDisplayNode().SetVisibility3D(shown)
