"""Presets that change one chamber: smooth, fill, grow, shrink, keep the largest piece, make a wall.

Each works on the chamber's box alone, honors the masking mode (`contacts.MASKING_MODES`) and is one step of undo: the
caller saves the state first, with `qMRMLSegmentEditorWidget.saveStateForUndo()`. Voxels that a chamber loses become
background. A preset that is refused leaves the segmentation as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import slicer
from numpy.typing import NDArray

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene import voxel_edits
from HeartSeg3DLib.scene.contacts import may_take
from HeartSeg3DLib.scene.navigation import center_of, jump_to
from HeartSeg3DLib.scene.segment_description import describe
from HeartSeg3DLib.scene.segment_voxels import (
    BINARY,
    Mask,
    SegmentBox,
    labels_in,
    mask_of,
    read_box,
    taken_where,
    write_box,
)
from HeartSeg3DLib.scene.text import _

__all__ = ["LARGEST_MM", "center_of", "fill", "grow", "jump_to", "keep_largest", "make_wall", "set_masking", "shrink",
           "smooth", "wall_of"]

LARGEST_MM = 30.0
"""The widest step of a preset; more is a slip of the keyboard and would fill the chest."""

_WALLS = {"LV": "MYO", **{cavity: f"{cavity}_WALL" for cavity in ("RV", "LA", "RA", "AO", "PA")}}


def smooth(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mm: float, mode: str) -> int:
    """Smooths a chamber with a Gaussian of `mm` standard deviation, keeping its volume.

    Args:
        segmentation: The segmentation to change.
        segment_id: The chamber.
        mm: Standard deviation in mm.
        mode: Where new voxels may come from, one of `contacts.MASKING_MODES`.

    Returns:
        How many voxels the chamber gained and lost together.

    Raises:
        InputError: The chamber is empty, or the step is not above 0 and at most `LARGEST_MM`.
    """
    _check_step(mm)
    return _edit(segmentation, segment_id, mode, lambda box: voxel_edits.smoothed(box.mask, box.spacing, mm), 3 * mm)


def grow(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mm: float, mode: str) -> int:
    """Grows a chamber by `mm` on all sides, up to the border of the scan. Arguments and returns as `smooth`.

    Raises:
        InputError: As `smooth`, and where `mm` is less than the distance of two voxels.
    """
    _check_step(mm)
    return _edit(segmentation, segment_id, mode,
                 lambda box: _moved(box, voxel_edits.grown(box.mask, box.spacing, mm), mm), mm)


def shrink(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mm: float, mode: str) -> int:
    """Shrinks a chamber by `mm` on all sides; what it loses becomes background. Arguments and returns as `smooth`.

    Raises:
        InputError: As `grow`, and where nothing of the chamber would be left.
    """
    _check_step(mm)
    return _edit(segmentation, segment_id, mode,
                 lambda box: _moved(box, voxel_edits.shrunk(box.mask, box.spacing, mm), mm))


def fill(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mode: str) -> int:
    """Fills the holes that a chamber encloses. Arguments and returns as `smooth`.

    Specks of other structures in a hole are taken where the mode allows it. Most of a structure is never a speck: a
    cavity inside a closed myocardium stays.

    Raises:
        InputError: The chamber is empty.
    """

    def filled(box: SegmentBox) -> Mask:
        inside = voxel_edits.holes(box.mask) > 0
        for other in segmentation.GetSegmentation().GetSegmentIDs():
            if other != segment_id and inside.any():
                inside &= ~_most_of(segmentation, other, inside, box)
        return (inside | (box.mask > 0)).astype(np.uint8)

    return _edit(segmentation, segment_id, mode, filled)


def keep_largest(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mode: str) -> int:
    """Keeps the largest connected piece of a chamber. Arguments and returns as `smooth`.

    Raises:
        InputError: The chamber is empty.
    """
    return _edit(segmentation, segment_id, mode, lambda box: voxel_edits.largest_piece(box.mask))


def wall_of(segment_id: str) -> str | None:
    """Id of the wall that `make_wall` gives to a cavity, None for what has no wall of its own.

    >>> wall_of("LV"), wall_of("RV"), wall_of("MYO")
    ('MYO', 'RV_WALL', None)
    """
    return _WALLS.get(segment_id)


def make_wall(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mm: float, mode: str) -> str:
    """Makes a wall of `mm` around a cavity as a segment of its own, or makes it anew.

    The wall lies outside of the cavity and never takes a voxel of another cavity or of the myocardium; where the mode
    is "anything" it takes those of other walls.

    Args:
        segmentation: The segmentation to change.
        segment_id: The cavity: LV, RV, LA, RA, AO or PA.
        mm: Thickness in mm.
        mode: One of `contacts.MASKING_MODES`.

    Returns:
        Id of the wall's segment.

    Raises:
        InputError: The structure is no cavity, is empty, has its myocardium already, or leaves no room for a wall.
    """
    _check_step(mm)
    wall_id = wall_of(segment_id)
    if wall_id is None:
        raise InputError(_("Only the ventricles, the atria, the aorta and the pulmonary artery get a wall."),
                         _("Choose one of these cavities."))
    contents = segmentation.GetSegmentation()
    box = read_box(segmentation, segment_id, mm)
    if wall_id == "MYO" and contents.GetSegment(wall_id) is not None and mask_of(segmentation, wall_id, box).any():
        raise InputError(_("The left ventricle has its myocardium already."),
                         _("Choose the myocardium and grow or shrink it."))
    shell = _moved(box, voxel_edits.grown(box.mask, box.spacing, mm), mm) - box.mask
    walls = {wall_id} | ({other for other in _WALLS.values() if other != "MYO"} if mode == "anything" else set())
    shell[taken_where(segmentation, segment_id, box, lambda other: other not in walls)] = 0
    if not shell.any():
        name = _name(segmentation, segment_id)
        raise InputError(_("There is no free voxel around {name} for a wall.").format(name=name),
                         _("Choose a thicker wall, or shrink the neighbors first."))
    if contents.GetSegment(wall_id) is None:
        _add_segment(segmentation, wall_id, box)
    write_box(segmentation, wall_id, shell, replace(box, mask=np.zeros_like(shell)))
    return wall_id


def set_masking(editor_node: slicer.vtkMRMLSegmentEditorNode, segmentation: slicer.vtkMRMLSegmentationNode,
                segment_id: str, mode: str) -> None:
    """Sets where the Segment Editor's effects may draw, one of `contacts.MASKING_MODES`.

    "neighbors" lets effects overwrite every segment; `protection.ContactProtection` then gives back what does not touch
    the chamber by anatomy, as Slicer's masking knows no list of segments.

    Args:
        editor_node: Parameter node of the embedded Segment Editor.
        segmentation: The segmentation that it edits.
        segment_id: The chamber that is edited.
        mode: The mode.
    """
    may_take(segment_id, segment_id, mode)  # an unknown mode fails before anything is set
    only_background = mode == "background"
    editor_node.SetAndObserveSegmentationNode(segmentation)
    editor_node.SetSelectedSegmentID(segment_id)
    editor_node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments if only_background
                            else slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
    editor_node.SetOverwriteMode(editor_node.OverwriteAllSegments)


def _edit(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mode: str,
          change: Callable[[SegmentBox], Mask], margin_mm: float = 0.0) -> int:
    """Applies `change` on the chamber's box, holds it to the mode and writes it; returns the changed voxels."""
    box = read_box(segmentation, segment_id, margin_mm)
    wanted = change(box)
    forbidden = taken_where(segmentation, segment_id, box, lambda other: not may_take(segment_id, other, mode))
    wanted[forbidden & (box.mask == 0)] = 0
    if not wanted.any():
        raise InputError(_("Nothing would be left of {name}.").format(name=_name(segmentation, segment_id)),
                         _("Choose a smaller step."))
    changed = int(np.count_nonzero(wanted != box.mask))
    if changed:
        write_box(segmentation, segment_id, wanted, box)
    return changed


def _moved(box: SegmentBox, wanted: Mask, mm: float) -> Mask:
    """The edited mask, refused where the step was too short to reach the next voxel."""
    if mm < min(box.spacing):
        raise InputError(_("{mm:g} mm is less than the distance of two voxels, so nothing would change.").format(mm=mm),
                         _("Choose at least {mm:.2f} mm.").format(mm=min(box.spacing) + 0.005))
    return wanted


def _most_of(segmentation: slicer.vtkMRMLSegmentationNode, other: str, inside: NDArray[np.bool_],
             box: SegmentBox) -> NDArray[np.bool_]:
    """The voxels of a structure in the holes if they are at least half of that structure, else none."""
    theirs = mask_of(segmentation, other, box) & inside
    if not theirs.any():
        return theirs
    whole = int(read_box(segmentation, other).mask.sum())
    return theirs if 2 * int(theirs.sum()) >= whole else np.zeros_like(theirs)


def _add_segment(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, box: SegmentBox) -> None:
    """Adds an empty segment of a structure that shares the labelmap of the box."""
    contents = segmentation.GetSegmentation()
    structure = BY_ID[segment_id]
    used = labels_in(segmentation, box.labelmap)
    segment = slicer.vtkSegment()
    describe(segment, structure)
    segment.SetLabelValue(structure.value if structure.value not in used
                          else contents.GetUniqueLabelValueForSharedLabelmap(box.labelmap))
    segment.AddRepresentation(BINARY, box.labelmap)
    contents.AddSegment(segment, segment_id)


def _name(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str) -> str:
    name: str = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
    return name


def _check_step(mm: float) -> None:
    if not 0.0 < mm <= LARGEST_MM:
        raise InputError(_("A step must be above 0 and at most {mm:g} mm.").format(mm=LARGEST_MM),
                         _("Enter a step in this range."))
