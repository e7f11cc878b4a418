"""The slider that moves a segmented sequence from phase to phase."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from HeartSeg3DLib.panel.context import PanelContext


class PhaseSlider:
    """Shown for sequences only.

    Args:
        context: The panel's widgets and collaborators.
        changed: Called after another phase was chosen.
    """

    def __init__(self, context: PanelContext, changed: Callable[[], None]) -> None:
        self._context = context
        self._changed = changed
        self._segmentation: Any = None
        ui = context.ui
        ui.phaseSlider.connect("valueChanged(int)", ui.phaseSpinBox.setValue)
        ui.phaseSpinBox.connect("valueChanged(int)", self._select)

    def show(self, segmentation: Any) -> None:
        """Show the phases of a segmented sequence, or nothing for a single one."""
        functions = self._context.services.function_result
        ui = self._context.ui
        beating = segmentation is not None and functions.is_sequence_result(segmentation)
        ui.phaseRow.visible = beating
        self._segmentation = None
        if beating:
            last = functions.phase_count(segmentation) - 1
            ui.phaseSlider.maximum = last
            ui.phaseSpinBox.maximum = last
            ui.phaseSpinBox.value = functions.selected_phase(segmentation)
            self._segmentation = segmentation

    def refresh(self) -> None:
        """Show the phase that is in view now, such as while Slicer plays the sequence."""
        segmentation, self._segmentation = self._segmentation, None
        if segmentation is not None:
            self._context.ui.phaseSpinBox.value = self._context.services.function_result.selected_phase(segmentation)
        self._segmentation = segmentation

    def _select(self, phase: int) -> None:
        self._context.ui.phaseSlider.value = phase
        if self._segmentation is not None:
            self._context.services.function_result.select_phase(self._segmentation, phase)
            self._changed()
