"""Cuts the structures of a label map into tetrahedra that share their nodes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import InputError
from .checking import name_of
from .lattice import Numbers, lattice_around
from .lattice_labels import give_specks_away, smooth_walls, strongest_labels
from .locked import free_locked
from .memory import check_memory
from .mesh import OUTSIDE, SurfaceMesh, TetraMesh
from .snapping import LabeledTetrahedra, snap
from .tetra_shares import Shares, shares_of
from .tetra_topology import repair_lattice

_SHARP_VOXELS, _SHARP_EDGES = 0.4, 0.2
"""Least width of the Gaussian that decides to which structure a tetrahedron belongs, in voxels and in edges: thin walls
and sharp rims stay."""

_SMOOTH_VOXELS, _SMOOTH_EDGES = 0.7, 0.35
"""The same for the walls onto which nodes move: steps of voxels vanish, and slopes are known far enough away."""

_SPECK_ROUNDS = 5
_QUIET_SECONDS = 0.5


def tetra_mesh(
    labels: sitk.Image, edge_mm: float, progress: Callable[[float], None] = lambda _: None
) -> TetraMesh:
    """Cut the structures of a label map into tetrahedra.

    Every structure keeps the volume of its voxels, no tetrahedron has a scaled Jacobian below 0.2, neighbors share the
    nodes of their wall, and the surface of any structures taken together is a manifold.

    Args:
        labels: 3-D uint8 label map in any orientation, cleaned, with at least one label.
        edge_mm: Mean edge of the tetrahedra. A wall should be at least two edges thick.
        progress: Told the finished part, 0 to 1, once in a second or two; what it raises ends the work.

    Returns:
        Tetrahedra and walls, LPS, mm.

    Raises:
        InputError: No label, the edge is not positive, or it is too long for a structure.
        DeviceError: There is not enough memory.
        CheckError: The topology could not be repaired.
    """
    if not edge_mm > 0:
        raise InputError(f"{edge_mm:g} mm is no length of an edge.", "Choose an edge above zero.")
    if not sitk.GetArrayViewFromImage(labels).any():
        raise InputError("The label map is empty: no voxel belongs to a structure.", "Segment the heart first.")
    check_memory(labels, edge_mm)
    pulse = _Pulse(progress)
    mesh = _labeled_lattice(labels, edge_mm, pulse)
    pulse.reach(0.13)
    free_locked(mesh, pulse.tick)
    pulse.reach(0.24)
    sigma = max(_SMOOTH_VOXELS * min(labels.GetSpacing()), _SMOOTH_EDGES * edge_mm)
    shares = shares_of(labels, sigma)
    pulse.reach(0.25)
    snap(mesh, shares, sigma, edge_mm, shares.structures.volumes_mm3, lambda part: pulse.reach(0.25 + 0.73 * part),
         pulse.tick)
    made = _in_patient(mesh, labels, shares.structures.values)
    pulse.reach(1.0)
    return made


class _Pulse:
    """Tells progress wherever the work comes by, so that a user sees life and can cancel."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress, self._reached, self._told = progress, 0.0, time.monotonic()

    def reach(self, fraction: float) -> None:
        self._reached, self._told = fraction, time.monotonic()
        self._progress(fraction)

    def tick(self) -> None:
        if time.monotonic() - self._told > _QUIET_SECONDS:
            self.reach(self._reached)


def _labeled_lattice(labels: sitk.Image, edge_mm: float, pulse: _Pulse) -> LabeledTetrahedra:
    """Return the tetrahedra of a lattice that lie in structures and a layer around them, walls manifold."""
    shares = shares_of(labels, max(_SHARP_VOXELS * min(labels.GetSpacing()), _SHARP_EDGES * edge_mm))
    pulse.reach(0.01)
    lattice = lattice_around(*shares.box(), edge_mm)
    numbers = strongest_labels(lattice, shares, pulse.tick)
    pulse.reach(0.02)
    smooth_walls(lattice, numbers, shares, pulse.tick)
    pulse.reach(0.08)

    def belonging(tetrahedra: Numbers, of: NDArray[np.uint8]) -> NDArray[np.float32]:
        return shares.of(lattice.centroids(tetrahedra), of)

    for _ in range(_SPECK_ROUNDS):
        given = give_specks_away(lattice, numbers)
        pulse.tick()
        if not repair_lattice(lattice, numbers, belonging, pulse.tick) + given:
            break
    _refuse_lost(numbers, shares)
    mixed = lattice.mixed_vertices(numbers)
    needed = numbers != OUTSIDE
    needed[lattice.stars(mixed)] = True
    kept = np.flatnonzero(needed)
    pulse.tick()
    corners = lattice.corners(kept)
    pulse.tick()
    used = np.zeros(2 * lattice.cells, bool)
    used[corners] = True
    vertices = np.flatnonzero(used)
    number_of = np.cumsum(used, dtype=np.int32) - 1
    on_wall = np.zeros(2 * lattice.cells, bool)
    on_wall[mixed] = True
    pulse.tick()
    return LabeledTetrahedra(lattice.points(vertices), number_of[corners], numbers[kept], on_wall[vertices])


def _refuse_lost(numbers: np.ndarray, shares: Shares) -> None:
    lost = np.flatnonzero(np.bincount(numbers, minlength=shares.count) == 0)
    if len(lost):
        names = ", ".join(name_of(shares.structures.values[number]) for number in lost)
        raise InputError(f"Too small or too thin for tetrahedra of this size: {names}.",
                         "Choose a shorter edge length, or take these structures out of the label map.")


def _in_patient(mesh: LabeledTetrahedra, image: sitk.Image, label_values: tuple[int, ...]) -> TetraMesh:
    """Return the mesh in LPS with the label values of an image."""
    structures = mesh.labels != OUTSIDE
    used = np.zeros(len(mesh.points), bool)
    used[mesh.tetrahedra[structures]] = True
    number_of = np.cumsum(used, dtype=np.int32) - 1
    mesh = LabeledTetrahedra(mesh.points[used], number_of[mesh.tetrahedra[structures]], mesh.labels[structures],
                             mesh.on_wall[used])
    direction = np.reshape(image.GetDirection(), (3, 3))
    points = image.GetOrigin() + mesh.points[:, ::-1] @ direction.T
    # The axes z, y, x are left-handed where x, y, z are right-handed.
    turn = [0, 2, 1, 3] if np.linalg.det(direction) > 0 else [0, 1, 2, 3]
    values = np.array(label_values, np.int16)
    order = np.argsort(mesh.labels, kind="stable")
    mesh.tetrahedra, mesh.labels = mesh.tetrahedra[order][:, turn], mesh.labels[order]
    triangles, sides = mesh.walls()
    surface = SurfaceMesh(points, triangles, values[sides])
    return TetraMesh(points, mesh.tetrahedra, values[mesh.labels], surface)
