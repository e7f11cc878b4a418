"""Reading one segment's voxels on a small box, and writing them back into labelmaps that segments share.

Positions are (i, j, k) in the lattice of the segment's own labelmap, whose extent may start anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene.text import _

Mask = NDArray[np.uint8]
Extent = tuple[int, int, int, int, int, int]
"""First and last voxel along i, j, k, both inside, as VTK writes it."""

BINARY = "Binary labelmap"
_SAME_LATTICE = 1e-3  # of a voxel


@dataclass(frozen=True)
class SegmentBox:
    """One segment's voxels on a box.

    Attributes:
        extent: The box.
        mask: (z, y, x), 1 where the voxel belongs to the segment.
        spacing: (x, y, z) in mm as the world sees it: a linear parent transform that scales is included.
        labelmap: The vtkOrientedImageData whose lattice the box lies on.
    """

    extent: Extent
    mask: Mask
    spacing: tuple[float, float, float]
    labelmap: slicer.vtkOrientedImageData


def labelmap_of(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str) -> slicer.vtkOrientedImageData:
    """The labelmap that holds a segment, often shared with other segments.

    Raises:
        InputError: The segment is gone or has no voxels of its own.
    """
    segment = segmentation.GetSegmentation().GetSegment(segment_id) if segmentation is not None else None
    if segment is None:
        raise InputError(_("This structure is no longer in the segmentation."), _("Choose another structure."))
    labelmap = segment.GetRepresentation(BINARY)
    if labelmap is None or labelmap.GetPointData().GetScalars() is None or labelmap.IsEmpty():
        raise InputError(_("{name} has no voxels.").format(name=segment.GetName()),
                         _("Draw it first, or go back to the model's result."))
    return labelmap


def voxels_of(labelmap: slicer.vtkOrientedImageData) -> NDArray[np.integer]:
    """A view (z, y, x) on a labelmap's voxels."""
    i0, i1, j0, j1, k0, k1 = labelmap.GetExtent()
    view: NDArray[np.integer] = vtk_to_numpy(labelmap.GetPointData().GetScalars())
    return view.reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1)


def read_box(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, margin_mm: float = 0.0) -> SegmentBox:
    """Reads a segment on its bounding box, widened by a margin within the segmentation's reference geometry.

    Raises:
        InputError: The segment is gone or empty.
    """
    labelmap = labelmap_of(segmentation, segment_id)
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    spacing = world_spacing(segmentation, labelmap)
    content = bounding_extent(voxels_of(labelmap) == segment.GetLabelValue(), labelmap.GetExtent())
    if content is None:
        raise InputError(_("{name} has no voxels.").format(name=segment.GetName()),
                         _("Draw it first, or go back to the model's result."))
    steps = [int(np.ceil(margin_mm / step)) + 1 for step in spacing]
    limit = scan_extent_of(segmentation, labelmap)
    extent = []
    for axis in range(3):
        first, last = content[2 * axis] - steps[axis], content[2 * axis + 1] + steps[axis]
        if limit is not None:  # a chamber drawn beyond the reference stays whole
            first = min(content[2 * axis], max(first, limit[2 * axis]))
            last = max(content[2 * axis + 1], min(last, limit[2 * axis + 1]))
        extent += [first, last]
    box: Extent = (extent[0], extent[1], extent[2], extent[3], extent[4], extent[5])
    mask = (crop(labelmap, box) == segment.GetLabelValue()).astype(np.uint8)
    return SegmentBox(box, mask, spacing, labelmap)


def taken_where(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, box: SegmentBox,
                chosen: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Where, on the box, other segments that are `chosen` by their id have voxels."""
    found = np.zeros(box.mask.shape, bool)
    for labelmap, segments in layers_of(segmentation).items():
        values = [value for other, value in segments.items() if other != segment_id and chosen(other)]
        if values:
            found |= np.isin(crop(_on_lattice(labelmap, box), box.extent), values)
    return found


def layers_of(segmentation: slicer.vtkMRMLSegmentationNode) -> dict[slicer.vtkOrientedImageData, dict[str, int]]:
    """Label value of every segment that has voxels, by the labelmap that stores it."""
    return layers_in(segmentation.GetSegmentation())


def layers_in(contents: slicer.vtkSegmentation) -> dict[slicer.vtkOrientedImageData, dict[str, int]]:
    """As `layers_of`, of segments that no node of the scene holds."""
    layers: dict[slicer.vtkOrientedImageData, dict[str, int]] = {}
    for segment_id in contents.GetSegmentIDs():
        segment = contents.GetSegment(segment_id)
        labelmap = segment.GetRepresentation(BINARY)
        if labelmap is not None and not labelmap.IsEmpty():
            layers.setdefault(labelmap, {})[segment_id] = segment.GetLabelValue()
    return layers


def labels_in(segmentation: slicer.vtkMRMLSegmentationNode, labelmap: slicer.vtkOrientedImageData) -> set[int]:
    """The label values of the segments that share a labelmap."""
    return set(layers_of(segmentation).get(labelmap, {}).values())


def mask_of(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, box: SegmentBox) -> NDArray[np.bool_]:
    """Where, on the box of another segment, a segment has voxels; it may have none."""
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    labelmap = segment.GetRepresentation(BINARY)
    if labelmap is None or labelmap.IsEmpty():
        return np.zeros(box.mask.shape, bool)
    values: NDArray[np.bool_] = crop(_on_lattice(labelmap, box), box.extent) == segment.GetLabelValue()
    return values


def write_box(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mask: Mask, box: SegmentBox) -> None:
    """Makes `mask` all that a segment has; other segments lose the voxels that it gained over `box.mask`.

    Slicer's own function keeps shared labelmaps right and converts the other representations, such as the closed
    surfaces of every segment that changed.
    """
    _take_from_other_layers(segmentation, segment_id, (mask > 0) & (box.mask == 0), box)
    _write(segmentation, segment_id, mask, box, slicer.vtkSlicerSegmentationsModuleLogic.MODE_REPLACE)


def add_voxels(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, where: NDArray[np.bool_],
               box: SegmentBox) -> None:
    """Gives a segment voxels of a box, which other segments lose; its voxels elsewhere stay."""
    _take_from_other_layers(segmentation, segment_id, where, box)
    _write(segmentation, segment_id, where.astype(np.uint8), box,
           slicer.vtkSlicerSegmentationsModuleLogic.MODE_MERGE_MASK)


def crop(labelmap: slicer.vtkOrientedImageData, extent: Extent) -> NDArray[np.integer]:
    """A copy (z, y, x) of a labelmap's voxels on a box, 0 outside what the labelmap stores."""
    stored = labelmap.GetExtent()
    source = voxels_of(labelmap)
    shape = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in (2, 1, 0))
    result = np.zeros(shape, source.dtype)
    into, out_of = [], []
    for axis in (2, 1, 0):
        first = max(extent[2 * axis], stored[2 * axis])
        stop = max(min(extent[2 * axis + 1], stored[2 * axis + 1]) + 1, first)
        into.append(slice(first - extent[2 * axis], stop - extent[2 * axis]))
        out_of.append(slice(first - stored[2 * axis], stop - stored[2 * axis]))
    result[tuple(into)] = source[tuple(out_of)]
    return result


def bounding_extent(found: NDArray[np.bool_], extent: Extent) -> Extent | None:
    """The box around the true voxels of an array that lies at `extent`, None where all are false."""
    edges = []
    flat = np.asarray(found.any(axis=0))
    for axis, occupied in enumerate((flat.any(axis=0), flat.any(axis=1), found.any(axis=(1, 2)))):
        places = np.flatnonzero(occupied)
        if not places.size:
            return None
        edges += [int(places[0]) + extent[2 * axis], int(places[-1]) + extent[2 * axis]]
    return edges[0], edges[1], edges[2], edges[3], edges[4], edges[5]


def image_of_mask(mask: Mask, box: SegmentBox) -> slicer.vtkOrientedImageData:
    """A vtkOrientedImageData with a copy of `mask` on the box's place."""
    image = slicer.vtkOrientedImageData()
    matrix = vtk.vtkMatrix4x4()
    box.labelmap.GetImageToWorldMatrix(matrix)
    image.SetExtent(box.extent)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    voxels_of(image)[:] = mask
    return image


def image_to_world(labelmap: slicer.vtkOrientedImageData) -> NDArray[np.float64]:
    """The 4 x 4 matrix from (i, j, k) of a labelmap to RAS millimeters in the segmentation's own frame."""
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    return _array(matrix)


def world_spacing(segmentation: slicer.vtkMRMLSegmentationNode,
                  labelmap: slicer.vtkOrientedImageData) -> tuple[float, float, float]:
    """Voxel steps (x, y, z) in mm after a linear parent transform; a grid transform is left out, being local."""
    return _steps_in_world(segmentation, image_to_world(labelmap))


def scan_spacing(segmentation: slicer.vtkMRMLSegmentationNode) -> tuple[float, float, float] | None:
    """As `world_spacing`, of the scan, whose voxels may be coarser than those in which somebody edited; None where the
    segmentation does not know its scan's geometry."""
    found = _scan_geometry(segmentation)
    return None if found is None else _steps_in_world(segmentation, found[0])


def _steps_in_world(segmentation: slicer.vtkMRMLSegmentationNode,
                    to_ras: NDArray[np.float64]) -> tuple[float, float, float]:
    axes = to_ras[:3, :3]
    transform = segmentation.GetParentTransformNode()
    if transform is not None and transform.IsTransformToWorldLinear():
        matrix = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(matrix)
        axes = _array(matrix)[:3, :3] @ axes
    x, y, z = np.linalg.norm(axes, axis=0)
    return float(x), float(y), float(z)


def _scan_geometry(segmentation: slicer.vtkMRMLSegmentationNode) -> tuple[NDArray[np.float64], list[int]] | None:
    """The 4 x 4 matrix from (i, j, k) of the scan to RAS millimeters and its extent, None where they are not known."""
    converter, matrix, extent = slicer.vtkSegmentationConverter, vtk.vtkMatrix4x4(), [0, -1, 0, -1, 0, -1]
    text = segmentation.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    if not text or not converter.DeserializeImageGeometry(text, matrix, extent):
        return None
    return _array(matrix), extent


def _take_from_other_layers(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str,
                            gained: NDArray[np.bool_], box: SegmentBox) -> None:
    """Removes voxels from the segments that do not share the segment's labelmap; Slicer does it for those that do."""
    home = segmentation.GetSegmentation().GetSegment(segment_id).GetRepresentation(BINARY)
    for labelmap, segments in layers_of(segmentation).items():
        for other in segments if labelmap is not home and gained.any() else ():
            if other != segment_id and (mask_of(segmentation, other, box) & gained).any():
                kept = np.where(gained, 0, 255).astype(np.uint8)
                _write(segmentation, other, kept, box, slicer.vtkSlicerSegmentationsModuleLogic.MODE_MERGE_MIN)


def _write(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, mask: Mask, box: SegmentBox,
           mode: int) -> None:
    contents = segmentation.GetSegmentation()
    home = contents.GetSegment(segment_id).GetRepresentation(BINARY)
    shared = [other for other in layers_of(segmentation).get(home, {}) if other != segment_id]
    if not slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
            image_of_mask(mask, box), segmentation, segment_id, mode, box.extent, False, shared):
        raise InputError(
            _("Slicer could not change the voxels of {name}.").format(name=contents.GetSegment(segment_id).GetName()),
            _("Save the segmentation, load it again and repeat the edit."))


def scan_extent_of(segmentation: slicer.vtkMRMLSegmentationNode,
                   labelmap: slicer.vtkOrientedImageData) -> Extent | None:
    """The reference geometry, which is that of the scan, in the labelmap's lattice; None where their axes differ.

    The lattice may be finer, as the Segment Editor makes it: then these are its voxels within the scan.
    """
    found = _scan_geometry(segmentation)
    if found is None:
        return None
    to_ras, extent = found
    between = np.linalg.inv(image_to_world(labelmap)) @ to_ras
    scale = np.diag(between)[:3]
    if np.abs(between[:3, :3] - np.diag(scale)).max() > _SAME_LATTICE or scale.min() <= 0 or extent[1] < extent[0]:
        return None
    first = np.rint(scale * (np.array(extent[::2]) - 0.5) + between[:3, 3] + 0.5)
    last = np.rint(scale * (np.array(extent[1::2]) + 0.5) + between[:3, 3] - 0.5)
    i0, j0, k0, i1, j1, k1 = (int(edge) for edge in (*first, *last))
    return i0, i1, j0, j1, k0, k1


def on_lattice_of(labelmap: slicer.vtkOrientedImageData,
                  other: slicer.vtkOrientedImageData) -> slicer.vtkOrientedImageData:
    """The labelmap itself, or all its voxels on the lattice of another one, each from the nearest of its own."""
    resample = slicer.vtkOrientedImageDataResample
    if resample.DoGeometriesMatch(labelmap, other):
        return labelmap
    result = slicer.vtkOrientedImageData()
    resample.ResampleOrientedImageToReferenceOrientedImage(labelmap, other, result, False, True)
    return result


def _on_lattice(labelmap: slicer.vtkOrientedImageData, box: SegmentBox) -> slicer.vtkOrientedImageData:
    """The labelmap itself, or its voxels on the box's lattice where another program gave it an own geometry."""
    resample = slicer.vtkOrientedImageDataResample
    if resample.DoGeometriesMatch(labelmap, box.labelmap):
        return labelmap
    result = slicer.vtkOrientedImageData()
    resample.ResampleOrientedImageToReferenceOrientedImage(labelmap, image_of_mask(box.mask, box), result)
    return result


def _array(matrix: vtk.vtkMatrix4x4) -> NDArray[np.float64]:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
