"""Rule-based fibers of the ventricles from solutions of Laplace's equation.

After Bayer, Blake, Plank and Trayanova 2012, A novel rule-based algorithm for assigning myocardial fiber orientation to
computational heart models, Ann Biomed Eng 40:2243, doi 10.1007/s10439-012-0593-5. Two things differ, so that the angle
goes linearly with the share of the wall's thickness, as histology reports it; on the surfaces nothing changes.

- In the paper, only the epicardial frame is turned by the angle of its depth before it is mixed with the endocardial
  one, by the depth again: angles go with the square of the depth, and where they span more than 90 degrees the shortest
  way between the frames turns about inside the wall. Here both frames are turned by the angle of the depth.
- In a thick curved wall the solution of Laplace's equation is steeper inside: it reaches 0.54 halfway from 7 to 10 mm.
  Flux is the same along a line across the wall; with a conductivity that goes with the slope the slope becomes the
  same, too. Two such passes bring the depth in an ellipsoid from 0.06 to below 0.01 of the linear one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ...errors import UsageError
from ..mesh import TetraMesh
from .frames import axis_frames, interpolated, turned
from .laplace import LaplaceSolver, Told
from .tissue import Tissue, ventricular_tissue

FIBER, SHEET, TRANSMURAL, APICOBASAL = "fiber", "sheet", "transmural", "apicobasal"
"""Names of the fields that `with_fibers` adds."""

RULE = ("Laplace-Dirichlet rule after Bayer et al. 2012, doi 10.1007/s10439-012-0593-5, "
        "with angles that go linearly with the depth in the wall")
FIELDS = {
    FIBER: "unit vector along the fibers of a tetrahedron, its sign has no meaning; zero where there are none",
    SHEET: "unit vector in the sheets, across the fiber",
    TRANSMURAL: "of a node: 0 on both endocardia, 1 on the epicardium; no number outside the ventricles' muscle",
    APICOBASAL: "of a node: 0 at the apex, 1 at the base; no number outside the ventricles' muscle",
}
"""What the fields mean, for people."""

_EVENING = 2
"""Passes that even out the slope across the wall."""

_FLATTEST = 1e-6
"""Least slope, of the steepest, that conductivity follows."""

_BLOCK = 100_000
"""Tetrahedra whose frames are computed at once: frames take 1 kB each."""

_STEEPEST_DEGREES = 90.0


@dataclass(frozen=True)
class FiberAngles:
    """Angles in degrees, -90 to 90, at the endocardium and the epicardium.

    Attributes:
        endocardium, epicardium: Of the fibers to the circumferential direction; positive where they rise towards the
            base as they run counter-clockwise, seen from the base.
        sheet_endocardium, sheet_epicardium: Of the sheets to the outward direction, about the fiber; the paper's.

    Raises:
        UsageError: An angle is out of range.
    """

    endocardium: float = 60.0
    epicardium: float = -60.0
    sheet_endocardium: float = -65.0
    sheet_epicardium: float = 25.0

    def __post_init__(self) -> None:
        for angle in (self.endocardium, self.epicardium, self.sheet_endocardium, self.sheet_epicardium):
            if not abs(angle) <= _STEEPEST_DEGREES:
                raise UsageError(f"A fiber angle of {angle:g} degrees is out of range.",
                                 "Choose angles from -90 to 90 degrees.")


@dataclass(frozen=True)
class _Wall:
    """Fields and gradients in the tissue: value (n,) per node, gradient (k, 3) per tetrahedron."""

    outside: NDArray[np.float64]
    right: NDArray[np.float64]
    height: NDArray[np.float64]
    to_outside: NDArray[np.float64]
    to_left: NDArray[np.float64]
    to_right: NDArray[np.float64]
    upward: NDArray[np.float64]


def with_fibers(
    mesh: TetraMesh, patches: Mapping[str, NDArray[np.intp]], angles: FiberAngles | None = None,
    progress: Told = lambda _: None,
) -> TetraMesh:
    """Return the mesh with fibers in the ventricles' tissue.

    Args:
        mesh: Tetrahedra, LPS, mm, of the tissue alone or of the whole heart.
        patches: Indices of triangles of `mesh.surface` by name, see `patches.name_patches`.
        angles: +60 and -60 degrees where none are given.
        progress: Told the finished part, 0 to 1.

    Returns:
        The same mesh with four more fields. "fiber" and "sheet" (K, 3): unit vectors, LPS, orthogonal, their sign has
        no meaning; zero outside the tissue. "transmural" (N,): 0 on both endocardia, also on that of the right side of
        the septum, 1 on the epicardium; "apicobasal" (N,): 0 at the apex, 1 at the base; not a number outside the
        tissue.

    Raises:
        InputError: There is no tissue, it is in several large parts, or one of its surfaces is missing.
        CheckError: An equation could not be solved.
    """
    angles = angles or FiberAngles()
    tissue = ventricular_tissue(mesh, patches)
    progress(0.1)
    wall = _solved(tissue, lambda part: progress(0.1 + 0.5 * part))
    fiber, sheet = np.zeros((2, len(mesh.tetrahedra), 3))
    for start in range(0, len(tissue.cells), _BLOCK):
        block = slice(start, start + _BLOCK)
        directions = _frames(tissue, wall, angles, block).as_matrix()
        fiber[tissue.cells[block]], sheet[tissue.cells[block]] = directions[:, :, 0], directions[:, :, 2]
        progress(0.6 + 0.4 * min(1.0, block.stop / len(tissue.cells)))
    fields = {FIBER: fiber, SHEET: sheet, TRANSMURAL: _everywhere(mesh, tissue, wall.outside),
              APICOBASAL: _everywhere(mesh, tissue, wall.height)}
    return replace(mesh, fields={**mesh.fields, **fields}, nodal=mesh.nodal | {TRANSMURAL, APICOBASAL})


def _solved(tissue: Tissue, progress: Told) -> _Wall:
    """Return the fields of the wall. The three across it add up to one, so that two are solved for."""
    solver = LaplaceSolver(tissue.points, tissue.tetrahedra)
    fixed = tissue.left | tissue.right | tissue.outside
    passes = _EVENING + 1

    def solved(where: NDArray[np.bool_], ones: NDArray[np.bool_], start: float, stop: float) -> NDArray[np.float64]:
        return solver.solve(where, ones.astype(float), lambda part: progress(start + (stop - start) * part))

    height = solved(tissue.base | tissue.apex, tissue.base, 0.0, 0.4)
    upward = solver.gradients(height)
    conductivity = np.ones(len(tissue.cells))
    for finished in range(passes):
        start, stop = 0.4 + 0.6 * finished / passes, 0.4 + 0.6 * (finished + 1) / passes
        solver.conduct(conductivity)
        outside = solved(fixed, tissue.outside, start, 0.5 * (start + stop))
        right = solved(fixed, tissue.right, 0.5 * (start + stop), stop) if tissue.right.any() else np.zeros(
            len(tissue.nodes))
        to_outside, to_right = solver.gradients(outside), solver.gradients(right)
        to_left = -to_outside - to_right
        steepness = np.sqrt(sum(np.einsum("ij,ij->i", each, each) for each in (to_outside, to_right, to_left)))
        conductivity *= np.maximum(steepness, _FLATTEST * steepness.max())
    return _Wall(outside, right, height, to_outside, to_left, to_right, upward)


def _frames(tissue: Tissue, wall: _Wall, angles: FiberAngles, block: slice) -> Rotation:
    """Return the frames of fiber, normal and sheet in a block of tetrahedra, equation by equation of the paper."""
    corners = tissue.tetrahedra[block]
    depth = wall.outside[corners].mean(axis=1)
    inner = np.maximum(1.0 - depth, np.finfo(float).tiny)
    septal = np.clip(wall.right[corners].mean(axis=1) / inner, 0.0, 1.0)
    upward = wall.upward[block]
    through = (1.0 - 2.0 * septal) * (1.0 - depth), (1.0 - 2.0 * septal) * depth
    between = _mixed(angles, *through)
    left = turned(axis_frames(upward, -wall.to_left[block]), *between)
    right = turned(axis_frames(upward, wall.to_right[block]), *between)
    outer = turned(axis_frames(upward, wall.to_outside[block]), *_mixed(angles, 1.0 - depth, depth))
    return interpolated(interpolated(left, right, septal), outer, depth)


def _mixed(
    angles: FiberAngles, inner: NDArray[np.float64], outer: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return angles of fibers and sheets in degrees for shares of the endocardium's and the epicardium's."""
    return (angles.endocardium * inner + angles.epicardium * outer,
            angles.sheet_endocardium * inner + angles.sheet_epicardium * outer)


def _everywhere(mesh: TetraMesh, tissue: Tissue, values: NDArray[np.float64]) -> NDArray[np.float64]:
    field = np.full(len(mesh.points), np.nan)
    field[tissue.nodes] = values
    return field
