"""From a volume or sequence in the scene to plain numbers: voxels as held views, geometry in LPS.

This is the only file where RAS, the frame of Slicer, and LPS, the frame of everything else, meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util import numpy_support

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene.text import _

_FLIP = np.diag([-1.0, -1.0, 1.0])
_SHEAR = 2e-3
"""Largest cosine between two image axes that still counts as rounding; as `imaging` judges files."""

_MODALITIES = {"CT": "ct", "MR": "mr"}
_MILLISECONDS = {"ms": 1.0, "s": 1000.0}
_MODALITY_TAG, _HEART_RATE_TAG = "0008,0060", "0018,1088"


_Grid = tuple[tuple[int, int, int], tuple[float, float, float], tuple[float, float, float], tuple[float, ...]]
"""Size, spacing, origin and direction."""


@dataclass(frozen=True, eq=False)
class ScanSource:
    """A scan of the scene as it was when it was taken.

    Attributes:
        node: The vtkMRMLScalarVolumeNode or vtkMRMLSequenceNode.
        volume: The volume that shows the scan: the node itself, or the one that plays the sequence; None where no
            sequence browser does.
        name: What the user calls it.
        frames: One array [z, y, x] a frame; views that keep the voxels alive, never copies.
        times_ms: Time of each frame in ms, None where unknown.
        size: Voxels along x, y, z.
        spacing: mm along x, y, z.
        origin: Center of the first voxel, LPS in mm.
        direction: Nine numbers row by row; columns are the image axes in LPS.
        modality: `ct`, `mr` or `auto`.
        heart_rate: Beats per minute as the scanner wrote it, None where unknown.
        transform: The parent vtkMRMLTransformNode, None without one.
        is_warped: Whether that transform, with those above it, is not linear.
    """

    node: Any
    volume: Any
    name: str
    frames: tuple[NDArray[Any], ...]
    times_ms: tuple[float | None, ...]
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    modality: str
    heart_rate: float | None
    transform: Any
    is_warped: bool = False

    @property
    def is_sequence(self) -> bool:
        """Whether the scan is a sequence, also one of a single frame."""
        return bool(self.node.IsA("vtkMRMLSequenceNode"))

    @property
    def byte_count(self) -> int:
        """Size of all voxels in bytes."""
        return sum(frame.nbytes for frame in self.frames)

    def ijk_to_ras(self) -> NDArray[np.float64]:
        """Return the (4, 4) matrix from voxel indices (i, j, k) to RAS in mm, parent transform not applied."""
        return ras_matrix(self.spacing, self.origin, self.direction)


def ras_matrix(spacing: tuple[float, ...], origin: tuple[float, ...],
               direction: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the (4, 4) matrix from voxel indices to RAS in mm of a grid that is given in LPS."""
    matrix = np.eye(4)
    matrix[:3, :3] = _FLIP @ np.reshape(direction, (3, 3)) * np.asarray(spacing)
    matrix[:3, 3] = _FLIP @ np.asarray(origin)
    return matrix


def lps_to_ras(points: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of points or normals (N, 3) in RAS; from RAS it leads back to LPS."""
    flipped = np.array(points, order="C")
    flipped[:, :2] *= -1
    return flipped


def in_world(scan: ScanSource) -> ScanSource | None:
    """Return a scan with its parent transform in its grid, None where no regular grid can have it (shear, bending)."""
    if scan.transform is None:
        return scan
    if not scan.transform.IsTransformToWorldLinear():
        return None
    grid = grid_of_matrix(linear_to_world(scan.transform) @ scan.ijk_to_ras())
    if grid is None:
        return None
    spacing, origin, direction = grid
    return replace(scan, spacing=spacing, origin=origin, direction=direction, transform=None)


def linear_to_world(transform: Any) -> NDArray[np.float64]:
    """Return the (4, 4) matrix of a linear vtkMRMLTransformNode, with those above it, to the world; RAS in mm."""
    to_world = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(to_world)
    matrix: NDArray[np.float64] = slicer.util.arrayFromVTKMatrix(to_world)
    return matrix


def grid_of_matrix(
    ijk_to_ras: NDArray[np.float64],
) -> tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, ...]] | None:
    """Return spacing, origin and direction in LPS of a grid, as `ras_matrix` takes them; None where it is sheared."""
    x, y, z = (float(step) for step in np.linalg.norm(ijk_to_ras[:3, :3], axis=0))
    direction = _FLIP @ ijk_to_ras[:3, :3] / (x, y, z)
    if np.abs(direction.T @ direction - np.eye(3)).max() > _SHEAR:
        return None
    left, back, up = (float(place) for place in _FLIP @ ijk_to_ras[:3, 3])
    return (x, y, z), (left, back, up), tuple(float(cosine) for cosine in direction.ravel())


def scan_of(node: Any) -> ScanSource:
    """Take a scan from the scene without copying its voxels.

    Args:
        node: vtkMRMLScalarVolumeNode, or vtkMRMLSequenceNode of such. A volume that plays a sequence is one phase.

    Raises:
        InputError: It is no scan that can be segmented; the sentence says why.
    """
    if node is None:
        raise InputError(_("No scan is selected."), _("Select a volume or a sequence of volumes."))
    if node.IsA("vtkMRMLSequenceNode"):
        return _scan_of_sequence(node)
    grid = _grid_of(node, node.GetName())
    transform = node.GetParentTransformNode()
    return ScanSource(node, node, node.GetName(), (_voxels(node),), (None,), *grid, _modality(node),
                      _heart_rate(node), transform, _is_warp(transform))


def _scan_of_sequence(sequence: Any) -> ScanSource:
    name, count = sequence.GetName(), sequence.GetNumberOfDataNodes()
    if count == 0:
        raise InputError(_("The sequence {name} is empty.").format(name=name), _("Select a sequence of volumes."))
    nodes = [sequence.GetNthDataNode(index) for index in range(count)]
    if not any(one is not None and one.IsA("vtkMRMLVolumeNode") for one in nodes):
        raise InputError(_("The sequence {name} does not hold volumes.").format(name=name),
                         _("Select a sequence of volumes."))
    grids = [_grid_of(one, _("Frame {number} of {name}").format(number=number, name=name))
             for number, one in enumerate(nodes, start=1)]
    for number, (one, grid) in enumerate(zip(nodes, grids, strict=True), start=1):
        same = all(np.allclose(here, first, rtol=0, atol=1e-3) for here, first in zip(grid, grids[0], strict=True))
        if not same or _voxels(one).dtype != _voxels(nodes[0]).dtype:
            raise InputError(
                _("Frame {number} of {name} has another size, position or voxel type than the first.").format(
                    number=number, name=name),
                _("Remove this frame from the sequence, or resample it to the grid of the others."))
    shown = _volume_that_plays(sequence)
    transform = shown.GetParentTransformNode() if shown is not None else None
    known = shown if shown is not None else nodes[0]
    return ScanSource(sequence, shown, name, tuple(_voxels(one) for one in nodes),
                      times_of_sequence(sequence), *grids[0], _modality(known), _heart_rate(known), transform,
                      _is_warp(transform))


def _grid_of(node: Any, name: str) -> _Grid:
    """Judge a volume and return its size, spacing, origin and direction, the last two in LPS."""
    _require_gray_values(node, name)
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or 0 in image.GetDimensions():
        raise InputError(_("{name} is empty.").format(name=name), _("Load the scan again, or select another one."))
    if image.GetNumberOfScalarComponents() != 1:
        raise InputError(_("{name} has several numbers per voxel, such as a color image.").format(name=name),
                         _("Select a volume of gray values."))
    size = image.GetDimensions()
    if min(size) < 2:
        raise InputError(_("{name} is a single slice.").format(name=name),
                         _("Select a volume with many slices that covers the heart."))
    axes = vtk.vtkMatrix4x4()
    node.GetIJKToRASDirectionMatrix(axes)
    direction, spacing = _FLIP @ slicer.util.arrayFromVTKMatrix(axes)[:3, :3], node.GetSpacing()
    products = np.abs(direction.T @ direction - np.eye(3))
    if not (np.isfinite(direction).all() and np.isfinite(spacing).all() and min(spacing) > 0):
        raise InputError(_("The geometry of {name} is damaged.").format(name=name), _("Load the scan again."))
    if products.max() > _SHEAR:
        raise InputError(_("The axes of {name} are not at right angles.").format(name=name),
                         _("Resample it to a regular grid, for example with Crop Volume."))
    x, y, z = (float(place) for place in _FLIP @ np.asarray(node.GetOrigin()))
    return size, spacing, (x, y, z), tuple(float(cosine) for cosine in direction.ravel())


def _require_gray_values(node: Any, name: str) -> None:
    if node is None or not node.IsA("vtkMRMLVolumeNode"):
        raise InputError(_("{name} is not a volume.").format(name=name), _("Select a volume of gray values."))
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(_("{name} is a label map, not a scan.").format(name=name),
                         _("Select the scan that it belongs to."))
    if not node.IsA("vtkMRMLScalarVolumeNode") or node.IsA("vtkMRMLTensorVolumeNode"):
        raise InputError(_("{name} has several numbers per voxel, such as a color image.").format(name=name),
                         _("Select a volume of gray values."))


def _voxels(node: Any) -> NDArray[Any]:
    image = node.GetImageData()
    flat = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    return flat.reshape(image.GetDimensions()[::-1])


def _volume_that_plays(sequence: Any) -> Any:
    """Return the volume through which a sequence browser shows the sequence, or None."""
    browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    shown = (browser.GetProxyNode(sequence) for browser in browsers
             if browser.IsSynchronizedSequenceNodeID(sequence.GetID(), True))
    return next((volume for volume in shown if volume is not None), None)


def times_of_sequence(sequence: Any) -> tuple[float | None, ...]:
    """Return the time of each frame of a sequence in ms, None where its index is no time."""
    factor = _MILLISECONDS.get(sequence.GetIndexUnit())
    count = sequence.GetNumberOfDataNodes()
    if factor is None or sequence.GetIndexType() != slicer.vtkMRMLSequenceNode.NumericIndex:
        return (None,) * count
    return tuple(_number(sequence.GetNthIndexValue(index), factor) for index in range(count))


def _number(text: str, factor: float = 1.0) -> float | None:
    try:
        return float(text) * factor
    except ValueError:
        return None


def _is_warp(transform: Any) -> bool:
    return transform is not None and not transform.IsTransformToWorldLinear()


def _modality(node: Any) -> str:
    """Return what the subject hierarchy or the DICOM database says, `auto` where neither does."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    written = hierarchy.GetItemAttribute(item, "DICOM.Modality") if item else ""
    return _MODALITIES.get(written or _dicom_value(node, _MODALITY_TAG), "auto")


def _heart_rate(node: Any) -> float | None:
    rate = _number(_dicom_value(node, _HEART_RATE_TAG))
    return rate if rate else None


def _dicom_value(node: Any, tag: str) -> str:
    """Return what the volume's first DICOM file says, empty without a database or for other files."""
    instances = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    read: Callable[[str, str], str] | None = getattr(getattr(slicer, "dicomDatabase", None), "instanceValue", None)
    return read(instances[0], tag) if instances and read is not None else ""
