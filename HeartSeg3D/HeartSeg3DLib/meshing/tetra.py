"""Cuts the structures of a label map into tetrahedra that share their nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..errors import InputError
from .indicators import Indicators, indicators
from .label_field import LabelField, label_field
from .lattice import KINDS, Lattice, lattice_around
from .locked import free_locked
from .memory import check_memory
from .mesh import OUTSIDE, SurfaceMesh, TetraMesh
from .snapping import LabeledTetrahedra, snap
from .tetra_topology import repair_lattice, smooth_walls

Points = NDArray[np.float64]

_SIGMA_SAMPLES = 0.7
"""Width of the blur in samples of the field: the walls' slope is known one and a half samples away."""


def sampling_pitch(spacing: tuple[float, ...], edge_mm: float) -> float:
    """Return the distance in mm at which labels are sampled for tetrahedra of a mean edge.

    As fine as the voxels, but not finer than half an edge, which nobody would see, nor coarser than an edge.

    >>> sampling_pitch((0.4, 0.4, 3.0), 2.0), sampling_pitch((1.0, 1.0, 1.0), 1.1), sampling_pitch((3.0, 3.0, 3.0), 2.0)
    (1.0, 1.0, 2.0)
    """
    return min(max(min(spacing), 0.5 * edge_mm), edge_mm)


def tetra_mesh(
    labels: sitk.Image, edge_mm: float, progress: Callable[[float], None] = lambda _: None
) -> TetraMesh:
    """Cut the structures of a label map into tetrahedra.

    Every structure keeps the volume of its voxels, no tetrahedron has a scaled Jacobian below 0.2, and neighbors share
    the nodes of their wall.

    Args:
        labels: 3-D uint8 label map in any orientation, cleaned, with at least one label.
        edge_mm: Mean edge of the tetrahedra. A wall should be at least two edges thick.
        progress: Told the finished part, 0 to 1.

    Returns:
        Tetrahedra and walls, LPS, mm.

    Raises:
        InputError: No label, the edge is not positive, or it is too long for a structure.
        DeviceError: There is not enough memory.
        CheckError: The topology could not be repaired.
    """
    if not edge_mm > 0:
        raise InputError(f"{edge_mm:g} mm is no length of an edge.", "Choose an edge above zero.")
    check_memory(labels, edge_mm)
    field = label_field(labels, sampling_pitch(labels.GetSpacing(), edge_mm))
    samples = _Samples.of(field)
    progress(0.1)
    mesh = _labeled_lattice(samples, edge_mm)
    _refuse_lost(mesh, field)
    progress(0.3)
    free_locked(mesh)
    progress(0.4)
    snap(mesh, samples.share, samples.pitch_mm, edge_mm, field.indicators.volumes_mm3,
         lambda part: progress(0.4 + 0.6 * part))
    return _in_patient(mesh, field)


@dataclass(frozen=True)
class _Samples:
    """Smooth shares of the labels of a field, in mm along its axes z, y, x from its first sample."""

    structures: Indicators
    heart: NDArray[np.float32]
    pitch_mm: float

    @staticmethod
    def of(field: LabelField) -> _Samples:
        image = sitk.GetImageFromArray(field.labels)
        heart = ndimage.gaussian_filter((field.labels > 0).astype(np.float32), _SIGMA_SAMPLES)
        return _Samples(indicators(image, _SIGMA_SAMPLES), heart, field.pitch_mm)

    def share(self, points: Points, number: int) -> NDArray[np.float32]:
        """Return the share (N,) of a label, by its number, at points (N, 3)."""
        if number:
            return self.structures.structures[number - 1].at(points / self.pitch_mm)
        return 1.0 - ndimage.map_coordinates(self.heart, (points / self.pitch_mm).T, order=1, output=np.float32)

    def box(self) -> tuple[Points, Points]:
        """Return the lowest and highest corner (3,) of what is not surely outside."""
        starts = np.min([item.start for item in self.structures.structures], axis=0)
        stops = np.max([item.start + item.shares.shape for item in self.structures.structures], axis=0)
        return starts * self.pitch_mm, (stops - 1) * self.pitch_mm


def _labeled_lattice(samples: _Samples, edge_mm: float) -> LabeledTetrahedra:
    """Return the tetrahedra of a lattice that lie in structures and a layer around them, walls manifold."""
    lattice = lattice_around(*samples.box(), edge_mm)
    numbers = _strongest(samples, lattice)
    smooth_walls(lattice, numbers)
    repair_lattice(lattice, numbers)
    mixed = lattice.mixed_vertices(numbers)
    kept = np.union1d(np.flatnonzero(numbers), lattice.stars(mixed))
    corners = lattice.corners(kept)
    used = np.zeros(2 * lattice.cells, bool)
    used[corners] = True
    vertices = np.flatnonzero(used)
    number_of = np.cumsum(used, dtype=np.int32) - 1
    on_wall = np.zeros(2 * lattice.cells, bool)
    on_wall[mixed] = True
    return LabeledTetrahedra(lattice.points(vertices), number_of[corners], numbers[kept], on_wall[vertices])


def _strongest(samples: _Samples, lattice: Lattice) -> NDArray[np.uint8]:
    """Return the number of the label with the largest share at the centroid of each tetrahedron, (12 * cells,)."""
    numbers = np.zeros((KINDS, *lattice.shape), np.uint8)
    for kind in range(KINDS):
        axes = [places / samples.pitch_mm for places in lattice.grid_axes(kind)]
        parts = [structure.on_grid(axes) for structure in samples.structures.structures]
        best = np.ones(lattice.shape, np.float32)
        for part, values in parts:
            best[part] -= values
        for number, (part, values) in enumerate(parts, 1):
            stronger = values > best[part]
            best[part][stronger] = values[stronger]
            numbers[kind][part][stronger] = number
    return numbers.ravel()


def _refuse_lost(mesh: LabeledTetrahedra, field: LabelField) -> None:
    lost = set(range(1, len(field.values))) - set(np.unique(mesh.labels).tolist())
    if lost:
        raise InputError(f"Label {field.values[min(lost)]} is too small for tetrahedra of this size.",
                         "Choose a shorter edge, or remove the label.")


def _in_patient(mesh: LabeledTetrahedra, field: LabelField) -> TetraMesh:
    """Return the mesh in LPS with the field's label values."""
    structures = mesh.labels != OUTSIDE
    used = np.zeros(len(mesh.points), bool)
    used[mesh.tetrahedra[structures]] = True
    number_of = np.cumsum(used, dtype=np.int32) - 1
    mesh = LabeledTetrahedra(mesh.points[used], number_of[mesh.tetrahedra[structures]], mesh.labels[structures],
                             mesh.on_wall[used])
    points = field.origin + mesh.points[:, ::-1] @ field.direction.T
    # The axes z, y, x are left-handed where x, y, z are right-handed.
    turn = [0, 2, 1, 3] if np.linalg.det(field.direction) > 0 else [0, 1, 2, 3]
    values = np.array(field.values, np.int16)
    order = np.argsort(mesh.labels, kind="stable")
    mesh.tetrahedra, mesh.labels = mesh.tetrahedra[order][:, turn], mesh.labels[order]
    triangles, sides = mesh.walls()
    surface = SurfaceMesh(points, triangles, values[sides])
    return TetraMesh(points, mesh.tetrahedra, values[mesh.labels], surface)
