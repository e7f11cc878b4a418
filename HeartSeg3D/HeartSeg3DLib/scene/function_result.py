"""Function of a segmented sequence: volumes of every phase, what follows from them, and how the scene keeps it."""

from __future__ import annotations

import json
from typing import Any

from HeartSeg3DLib.anatomy import MYOCARDIAL_DENSITY_G_PER_ML
from HeartSeg3DLib.measurement import HeartFunction, heart_function
from HeartSeg3DLib.scene.cardiac_phases import mark_phases
from HeartSeg3DLib.scene.function_plot import show_plot, store_curves, store_numbers
from HeartSeg3DLib.scene.layer_volumes import stamp_of
from HeartSeg3DLib.scene.segment_voxels import scan_spacing
from HeartSeg3DLib.scene.segmentation_result import MARKS_ATTRIBUTE
from HeartSeg3DLib.scene.sequence_result import (
    HEART_RATE_ATTRIBUTE,
    SequencePlacement,
    check_sequence_target,
    is_sequence_result,
    phase_count,
    phases_of,
    select_phase,
    selected_phase,
    sequence_of,
)
from HeartSeg3DLib.scene.volume_table import volumes_of
from HeartSeg3DLib.scene.volumes import times_of_sequence
from HeartSeg3DLib.trust import says_cut

__all__ = ["SequencePlacement", "check_sequence_target", "function_facts", "function_of", "is_sequence_result",
           "phase_count", "select_phase", "selected_phase", "show_plot", "store_function", "volume_curves",
           "volumes_stamp"]

_FROM_SCANNER = "from the scanner"
_MUSCLE = ("MYO", "SCAR", "MVO", "OEDEMA")
"""The myocardium and the lesions that are drawn inside it and weigh as much."""


def volume_curves(segmentation: Any) -> dict[str, list[float]]:
    """Return the volume in mL of every structure in every phase, hand-made corrections and transforms included.

    Args:
        segmentation: The vtkMRMLSegmentationNode that plays the phases.

    Raises:
        UsageError: It is the result of a single volume.
    """
    transform = segmentation.GetParentTransformNode()
    found = [volumes_of(phase.GetSegmentation(), transform) for phase in phases_of(segmentation)]
    ids = dict.fromkeys(id for phase in found for id in phase)
    return {id: [phase.get(id, 0.0) for phase in found] for id in ids}


def volumes_stamp(segmentation: Any) -> tuple[Any, ...]:
    """Return what changes whenever the volume of a structure may have changed in any phase; takes no time.

    Args:
        segmentation: The vtkMRMLSegmentationNode that plays the phases.

    Raises:
        UsageError: It is the result of a single volume.
    """
    transform = segmentation.GetParentTransformNode()
    return tuple(stamp_of(phase.GetSegmentation(), transform) for phase in phases_of(segmentation))


def function_of(segmentation: Any, heart_rate: float | None = None, height_cm: float | None = None,
                weight_kg: float | None = None, end_diastole: int | None = None,
                end_systole: int | None = None) -> HeartFunction:
    """Measure the function of a segmented sequence.

    Args:
        segmentation: The vtkMRMLSegmentationNode that plays the phases.
        heart_rate: Beats a minute; what the scanner wrote, or what the times of a whole beat say, if None.
        height_cm: Of the patient, None where unknown.
        weight_kg: Of the patient, None where unknown.
        end_diastole: Phase that a person chose, from 0; the largest left ventricle if None.
        end_systole: Phase that a person chose, from 0; the smallest left ventricle if None.

    Raises:
        InputError: There is no left ventricle in at least two phases.
        UsageError: It is the result of a single volume, or a number that cannot be.
    """
    told = function_facts(segmentation, heart_rate, height_cm, weight_kg, end_diastole, end_systole)
    curves = volume_curves(segmentation)
    muscle = [curves[id] for id in _MUSCLE if id in curves]
    mass = [MYOCARDIAL_DENSITY_G_PER_ML * sum(phase) for phase in zip(*muscle, strict=True)] if muscle else None
    spacing = scan_spacing(segmentation)
    return heart_function(curves, times_of_sequence(sequence_of(segmentation)), myocardial_mass_g=mass,
                          cut=_cut_by_the_border(segmentation),
                          slice_distance_mm=None if spacing is None else max(spacing), **told)


def _cut_by_the_border(segmentation: Any) -> set[str]:
    """Return the ids of the structures of which the marks of any phase say that the border of the scan cuts them."""
    marks = [mark for phase in phases_of(segmentation)
             for mark in json.loads(phase.GetAttribute(MARKS_ATTRIBUTE) or "[]")]
    return {mark["id"] for mark in marks if says_cut(mark["sentence"])}


def function_facts(segmentation: Any, heart_rate: float | None = None, height_cm: float | None = None,
                   weight_kg: float | None = None, end_diastole: int | None = None,
                   end_systole: int | None = None) -> dict[str, Any]:
    """Return the arguments of `measurement.heart_function` and fields of `FunctionChoices`, the scanner's heart rate
    in place of one that nobody told. Arguments as `function_of`.

    Raises:
        UsageError: It is the result of a single volume.
    """
    written = sequence_of(segmentation).GetAttribute(HEART_RATE_ATTRIBUTE)
    rate = {"heart_rate": heart_rate} if heart_rate is not None or not written else \
        {"heart_rate": float(written), "heart_rate_source": _FROM_SCANNER}
    return {**rate, "height_cm": height_cm, "weight_kg": weight_kg, "end_diastole": end_diastole,
            "end_systole": end_systole}


def store_function(segmentation: Any, function: HeartFunction) -> None:
    """Write function into the scene: a table of the curves, a table of the numbers, a plot, and the phases' names.

    Nodes of an earlier call are updated.

    Args:
        segmentation: The vtkMRMLSegmentationNode that plays the phases.
        function: What `function_of` returned.

    Raises:
        UsageError: It is the result of a single volume.
    """
    store_curves(segmentation, volume_curves(segmentation), function.times_ms)
    store_numbers(segmentation, function)
    mark_phases(segmentation, function.ed_index, function.es_index)
