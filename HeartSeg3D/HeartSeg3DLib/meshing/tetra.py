"""Cuts the structures of a label map into tetrahedra that share their nodes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import InputError
from ..imaging.probabilities import ClassProbabilities
from .checking import check_labels, name_of, thinnest_wall
from .lattice import Lattice, Numbers, lattice_around
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

_SMOOTH_VOXELS, _SMOOTH_EDGES = 0.85, 0.35
"""The same for the walls onto which nodes move: steps of voxels vanish, and slopes are known far enough away."""

_SMOOTH_WALLS = 0.55
"""Largest width in thicknesses of the thinnest wall: within it a share of 0.6 is left, more than the outside's."""

_SPECK_ROUNDS = 5
_QUIET_SECONDS = 0.5


@dataclass(frozen=True)
class Cut:
    """A label map cut into tetrahedra, and what that took from its labels before walls moved to their place.

    Attributes:
        mesh: Tetrahedra and walls, LPS, mm.
        smoothed: Tetrahedra that stuck out of a structure and went to what is around them, by the label that lost them;
            they are cut anew along the smooth walls, so that no volume is lost.
        repaired: Tetrahedra that changed their label in the repair of the topology, counting repeated changes.
        specks: Tetrahedra of pieces that sampling cut off and that went to what is around them, by label.
    """

    mesh: TetraMesh
    smoothed: dict[int, int]
    repaired: int
    specks: dict[int, int]


def tetra_mesh(
    labels: sitk.Image, edge_mm: float, progress: Callable[[float], None] = lambda _: None
) -> TetraMesh:
    """Return the mesh that `cut_into_tetrahedra` makes."""
    return cut_into_tetrahedra(labels, edge_mm, progress).mesh


def cut_into_tetrahedra(
    labels: sitk.Image, edge_mm: float, progress: Callable[[float], None] = lambda _: None,
    probabilities: ClassProbabilities | None = None,
) -> Cut:
    """Cut the structures of a label map into tetrahedra.

    Every structure keeps the volume of its voxels, no tetrahedron has a scaled Jacobian below 0.2, neighbors share the
    nodes of their wall, and the surface of any structures taken together is a manifold.

    Args:
        labels: 3-D uint8 label map in any orientation, cleaned, with at least one label.
        edge_mm: Mean edge of the tetrahedra. A wall should be at least two edges thick.
        progress: Told the finished part, 0 to 1, once in a second or two; what it raises ends the work.
        probabilities: On the same voxels, where there are any: they say where within voxels the walls lie.

    Returns:
        The mesh, and what was changed of the labels.

    Raises:
        InputError: `check_labels` refuses the label map, the edge is not positive, or it is too long for a structure.
        DeviceError: There is not enough memory.
        CheckError: The topology could not be repaired.
    """
    if not edge_mm > 0:
        raise InputError(f"{edge_mm:g} mm is no length of an edge.", "Choose an edge above zero.")
    wall_mm = thinnest_wall(check_labels(labels))
    check_memory(labels, edge_mm)
    pulse = _Pulse(progress)
    # Probabilities have no steps of voxels to be smoothed away.
    step_mm = min(labels.GetSpacing()) if probabilities is None else 0.0
    sharp_mm = max(_SHARP_VOXELS * step_mm, _SHARP_EDGES * edge_mm)
    sharp = shares_of(labels, sharp_mm, probabilities)
    pulse.reach(0.01)
    mesh, changes = _labeled_lattice(sharp, edge_mm, pulse)
    del sharp
    pulse.reach(0.13)
    free_locked(mesh, pulse.tick)
    pulse.reach(0.24)
    sigma = max(min(_SMOOTH_VOXELS * step_mm, _SMOOTH_WALLS * wall_mm), _SMOOTH_EDGES * edge_mm)
    shares = shares_of(labels, sigma, probabilities)
    pulse.reach(0.25)
    snap(mesh, shares, sigma, edge_mm, shares.structures.volumes_mm3, lambda part: pulse.reach(0.25 + 0.73 * part),
         pulse.tick)
    values = shares.structures.values
    made = _in_patient(mesh, labels, values)
    pulse.reach(1.0)
    return Cut(made, _by_value(changes.smoothed, values), changes.repaired, _by_value(changes.specks, values))


@dataclass
class _Changes:
    """Tetrahedra of the lattice that changed their label, by its number where there are several."""

    smoothed: dict[int, int]
    repaired: int
    specks: dict[int, int]


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


def _labeled_lattice(shares: Shares, edge_mm: float, pulse: _Pulse) -> tuple[LabeledTetrahedra, _Changes]:
    """Return the tetrahedra of a lattice that lie in structures and a layer around them, walls manifold."""
    lattice = lattice_around(*shares.box(), edge_mm)
    numbers, changes = _settled_labels(lattice, shares, pulse)
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
    mesh = LabeledTetrahedra(lattice.points(vertices), number_of[corners], numbers[kept], on_wall[vertices])
    return mesh, changes


def _settled_labels(lattice: Lattice, shares: Shares, pulse: _Pulse) -> tuple[NDArray[np.uint8], _Changes]:
    """Return the label number of each tetrahedron of a lattice: walls smooth and manifold, no specks."""
    numbers = strongest_labels(lattice, shares, pulse.tick)
    pulse.reach(0.02)
    before = numbers.copy()
    smooth_walls(lattice, numbers, shares, pulse.tick)
    lost = np.bincount(before[before != numbers])
    pulse.reach(0.08)

    def belonging(tetrahedra: Numbers, of: NDArray[np.uint8]) -> NDArray[np.float32]:
        return shares.of(lattice.centroids(tetrahedra), of)

    repaired, specks = 0, Counter[int]()
    for _ in range(_SPECK_ROUNDS):
        given = give_specks_away(lattice, numbers)
        specks.update(given)
        pulse.tick()
        mended = repair_lattice(lattice, numbers, belonging, pulse.tick)
        repaired += mended
        if not mended and not given:
            break
    _refuse_lost(numbers, shares)
    return numbers, _Changes({number: int(count) for number, count in enumerate(lost) if count}, repaired, dict(specks))


def _by_value(counts: dict[int, int], label_values: tuple[int, ...]) -> dict[int, int]:
    """Return counts by the labels' values instead of their numbers, ascending."""
    return {label_values[number]: counts[number] for number in sorted(counts)}


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
