"""Grows walls around the blood pools of a label map that is to be meshed, and reports every voxel that this changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk

from HeartSeg3DLib.api.mesh_words import change_sentences
from HeartSeg3DLib.imaging import ClassProbabilities
from HeartSeg3DLib.meshing.checking import check_memory
from HeartSeg3DLib.meshing.isotropic import pitch_for_walls, resampled_for_walls
from HeartSeg3DLib.meshing.memory import free_memory
from HeartSeg3DLib.meshing.patches import ORIGIN_OF
from HeartSeg3DLib.meshing.vessel_ends import open_ends
from HeartSeg3DLib.meshing.walls import add_walls, walls_to_grow


@dataclass(frozen=True)
class GrownWalls:
    """A label map with its walls.

    Attributes:
        labels: The map, uint8.
        thickness_mm: Thickness asked for of the walls that grew, by wall value.
        open_ends: Number of ends at which the wall of a vessel is open, by wall value.
        changes: What was done, for the report's file.
        sentences: The same for the user.
    """

    labels: sitk.Image
    thickness_mm: Mapping[int, float] = field(default_factory=dict)
    open_ends: Mapping[int, int] = field(default_factory=dict)
    changes: Mapping[str, object] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()


def fine_enough_for_walls(probabilities: ClassProbabilities, walls_mm: Mapping[int, float]) -> ClassProbabilities:
    """Return class probabilities on voxels on which walls can grow: the given ones, or finer.

    Raises:
        DeviceError: Voxels fine enough for a wall do not fit into memory.
    """
    growing = walls_to_grow(probabilities.labels, walls_mm)
    pitch = pitch_for_walls(probabilities.labels, min(growing.values())) if growing else None
    if pitch is None:
        return probabilities
    free = free_memory()
    if free is not None:
        check_memory(probabilities.labels, pitch, free)
    return probabilities.resampled(pitch)


def grow_walls(labels: sitk.Image, walls_mm: Mapping[int, float]) -> GrownWalls:
    """Grow walls; thick slices are resampled before.

    Args:
        labels: Cleaned 3-D label map.
        walls_mm: Thickness by cavity value.

    Raises:
        DeviceError: Samples fine enough for a wall do not fit into memory; nothing was made yet.
    """
    sentences: list[str] = []
    changes: dict[str, object] = {}
    growing = walls_to_grow(labels, walls_mm)
    pitch = pitch_for_walls(labels, min(growing.values())) if growing else None
    if pitch is not None:
        free = free_memory()
        if free is not None:
            check_memory(labels, pitch, free)
        resampled = resampled_for_walls(labels, pitch)
        sentences += [f"The slices are {max(labels.GetSpacing()):.2g} mm apart, too far for walls of "
                      f"{min(growing.values()):g} mm: the label map was resampled to {pitch:.2g} mm before walls grew.",
                      *change_sentences(resampled.repaired, resampled.specks, "sample")]
        changes["samples_before_walls"] = {"topology": resampled.repaired, "specks": resampled.specks}
        labels = resampled.labels
    ends = open_ends(labels, {vessel: ORIGIN_OF[vessel] for vessel in growing if vessel in ORIGIN_OF})
    walled = add_walls(labels, walls_mm, ends)
    changes["walls_mm"] = {"asked": walled.asked_mm, "measured": walled.measured_mm}
    changes["walls_voxels"] = {"islands": walled.islands, "holes": walled.holes}
    thickness = {wall: walled.asked_mm[wall] for wall in walled.measured_mm}
    return GrownWalls(walled.labels, thickness, walled.open_ends, changes, (*sentences, *walled.sentences))
