"""Which stored phase is end-diastole and which end-systole, written as SlicerHeart reads it."""

from __future__ import annotations

from typing import Any

from HeartSeg3DLib.scene.sequence_result import phases_of, selected_phase

PHASE_ATTRIBUTE = "CardiacCyclePhase"
END_DIASTOLE, END_SYSTOLE, OTHER = "end-diastole", "end-systole", "unknown"
"""Values of the attribute (SlicerHeart, HeartValveLib/Constants.py, CARDIAC_CYCLE_PHASE_PRESETS)."""


def mark_phases(segmentation: Any, end_diastole: int, end_systole: int) -> None:
    """Write the attribute on the segmentation of every phase and on the node that shows one of them.

    Args:
        segmentation: The node that plays the phases.
        end_diastole: Its phase, from 0.
        end_systole: Its phase, from 0.

    Raises:
        UsageError: It is the result of a single volume.
    """
    names = {end_diastole: END_DIASTOLE, end_systole: END_SYSTOLE}
    for number, phase in enumerate(phases_of(segmentation)):
        _mark(phase, names.get(number, OTHER))
    _mark(segmentation, names.get(selected_phase(segmentation), OTHER))


def _mark(node: Any, name: str) -> None:
    if node.GetAttribute(PHASE_ATTRIBUTE) != name:
        node.SetAttribute(PHASE_ATTRIBUTE, name)
