"""Shows `mesh_referee.py` meshes with known defects, one at a time, and prints as JSON which it sees."""

from __future__ import annotations

import json

import numpy as np
import pyvista as pv
from mesh_referee import DEFECTS, locked_percent, surface_figures, tetra_figures
from numpy.typing import NDArray

Surface = tuple[NDArray[np.float64], NDArray[np.int64]]
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1], [1, 1, 1]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])


def ball(center: float = 0.0) -> Surface:
    """A closed ball of radius 1 that is turned outward."""
    mesh = pv.Icosphere(radius=1.0, nsub=3, center=(center, 0.0, 0.0))
    return np.asarray(mesh.points, np.float64), mesh.regular_faces.astype(np.int64)


def joined(*surfaces: Surface) -> Surface:
    """Several surfaces as one."""
    starts = np.cumsum([0, *(len(points) for points, _ in surfaces)])
    return (np.concatenate([points for points, _ in surfaces]),
            np.concatenate([triangles + start for (_, triangles), start in zip(surfaces, starts, strict=False)]))


def surfaces_with_defects() -> dict[str, Surface]:
    """A surface by the name of the one defect that it has."""
    points, triangles = ball()
    turned = triangles.copy()
    turned[7] = turned[7, ::-1]
    # Two tetrahedra that share the edge from the first corner to the last; two that share the first corner alone.
    at_edge = np.array([[0, 7, 1, 2], [0, 7, 4, 5]])
    shared = np.concatenate([tetrahedron[FACES] for tetrahedron in at_edge])
    at_corner = np.concatenate([np.array([0, 1, 2, 3])[FACES], np.array([0, 4, 5, 6])[FACES][:, ::-1]])
    return {"open_edges": (points, triangles[1:]), "inconsistent_edges": (points, turned),
            "intersecting_triangles": joined(ball(), ball(0.3)), "non_manifold_edges": (CORNERS, shared),
            "non_manifold_vertices": (CORNERS, at_corner)}


def main() -> None:
    sound = surface_figures(*ball())
    seen = {"none in a sound ball": not any(sound[defect] for defect in DEFECTS),
            "volume of a ball": 0.97 < sound["volume_mm3"] / (4.0 / 3.0 * np.pi) < 1.0}
    seen |= {defect: surface_figures(*surface)[defect] > 0 for defect, surface in surfaces_with_defects().items()}
    tetrahedra = np.array([[0, 1, 2, 3], [0, 2, 1, 7]])
    figures = tetra_figures(CORNERS, tetrahedra, np.array([1, 1]))
    seen |= {"tetrahedron turned inside out": figures["inverted"] == 1, "it is poor": figures["minimum"] < 0.0}
    # Around its middle, no tetrahedron of a ball has all corners on the surface; one that stands alone has.
    _, triangles = ball()
    middle = int(triangles.max()) + 1
    fan = np.column_stack([triangles, np.full(len(triangles), middle)])
    alone = np.vstack([fan, middle + np.arange(1, 5)])
    seen |= {"none locked in a ball": locked_percent(fan) == 0.0,
             "a locked tetrahedron": np.isclose(locked_percent(alone), 100.0 / len(alone))}
    print(json.dumps({"seen": {name: bool(found) for name, found in seen.items()}}))


if __name__ == "__main__":
    main()
