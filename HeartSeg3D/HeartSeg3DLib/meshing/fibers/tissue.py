"""The ventricles' tissue in a mesh, and its nodes on the endocardia, the epicardium, the base and the apex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

from ...anatomy import BY_ID
from ...errors import InputError
from ..mesh import TetraMesh

LEFT_TISSUE = tuple(BY_ID[name].value for name in ("MYO", "SCAR", "MVO", "OEDEMA"))
RIGHT_WALL = BY_ID["RV_WALL"].value
VENTRICULAR_TISSUE = (*LEFT_TISSUE, RIGHT_WALL)

LARGEST_ISLAND = 0.01
"""Parts of the tissue up to this share of it may lie apart: they get no fibers. Larger ones are a question."""

_BASE_PATCHES = ("BASE", "MV", "AV", "TV", "PV")
"""Of the valves, tissue has the nodes of their rings."""

_CUT_BASE = ("MYO_CUT", "MYO_CUT_1")
"""Without valve, atrium or opening, the largest place where the image border cuts the myocardium is its base."""

_CAP = 0.98
"""The apex is the middle of the epicardium beyond this part of the largest distance from the base: the farthest node
alone moves by millimeters with the roughness of a blunt surface."""

_CORNER_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@dataclass(frozen=True)
class Tissue:
    """The ventricles' tissue as a mesh of its own.

    Attributes:
        cells: (k,) indices of its tetrahedra in the whole mesh, ascending.
        nodes: (n,) indices of its nodes in the whole mesh, ascending.
        points: (n, 3) LPS, mm.
        tetrahedra: (k, 4) indices into `points`.
        left, right: (n,) nodes on the endocardium of each ventricle; `right` may be empty.
        outside: (n,) nodes on the epicardium, apart from endocardia and the rim of the base.
        base: (n,) nodes on the base.
        apex: (n,) nodes of a path through the wall at the apex, none of them at the base.
    """

    cells: NDArray[np.intp]
    nodes: NDArray[np.integer]
    points: NDArray[np.float64]
    tetrahedra: NDArray[np.int32]
    left: NDArray[np.bool_]
    right: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    base: NDArray[np.bool_]
    apex: NDArray[np.bool_]


def ventricular_tissue(mesh: TetraMesh, patches: Mapping[str, NDArray[np.intp]]) -> Tissue:
    """Return the tissue of both ventricles: myocardium with its lesions, and the right wall where it is meshed.

    Islands of at most 1 % of it are left out.

    Args:
        mesh: Tetrahedra, LPS, mm.
        patches: Indices of triangles of `mesh.surface` by name, see `patches.name_patches`.

    Raises:
        InputError: There is no tissue, it is in several large parts, or one of its surfaces is missing.
    """
    cells = np.flatnonzero(np.isin(mesh.labels, VENTRICULAR_TISSUE))
    if not len(cells):
        raise InputError("The mesh has no ventricular myocardium.", "Mesh a label map with the myocardium (label 2).")
    cells = cells[_in_largest_part(mesh.tetrahedra[cells])]
    nodes, inverse = np.unique(mesh.tetrahedra[cells], return_inverse=True)
    tetrahedra = inverse.reshape(-1, 4).astype(np.int32)
    links = _links(tetrahedra, len(nodes))

    def on(*names: str) -> NDArray[np.bool_]:
        chosen = [mesh.surface.triangles[patches[name]].ravel() for name in names if name in patches]
        return np.isin(nodes, np.concatenate(chosen)) if chosen else np.zeros(len(nodes), bool)

    left, base = on("LV_ENDO"), on(*_BASE_PATCHES)
    if not base.any():
        base = on(*_CUT_BASE)
    right = on("RV_ENDO") & ~left
    outside = np.isin(nodes, _epicardium(mesh, patches, nodes[left | right])) & ~left & ~right
    refuse_missing(left, outside, base)
    own = np.zeros(len(nodes), bool)
    own[tetrahedra[np.isin(mesh.labels[cells], LEFT_TISSUE)]] = True
    points = mesh.points[nodes]
    apex = _apex_path(points, links, outside & own, base & own, left & ~base) & ~base
    return Tissue(cells, nodes, points, tetrahedra, left, right, outside, base, apex)


def _epicardium(
    mesh: TetraMesh, patches: Mapping[str, NDArray[np.intp]], endocardium: NDArray[np.integer]
) -> NDArray[np.integer]:
    """Return the nodes of the epicardium's triangles that do not touch an endocardium.

    The others are the rounded rim where the base meets a cavity: too steep for the base, they have the name EPI.
    """
    triangles = mesh.surface.triangles[patches.get("EPI", np.empty(0, np.intp))]
    return triangles[~np.isin(triangles, endocardium).any(axis=1)].ravel()


def _links(tetrahedra: NDArray[np.int32], count: int) -> sparse.csr_array:
    """Return the (count, count) matrix that is not zero between nodes with a common edge, on one side only."""
    starts, stops = (np.concatenate([tetrahedra[:, pair[side]] for pair in _CORNER_PAIRS]) for side in range(2))
    return sparse.coo_array((np.ones(len(starts), np.int32), (starts, stops)), shape=(count, count)).tocsr()


def _in_largest_part(tetrahedra: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which tetrahedra (k,) hang together with most others by their nodes."""
    nodes, inverse = np.unique(tetrahedra, return_inverse=True)
    _, part = connected_components(_links(inverse.reshape(-1, 4).astype(np.int32), len(nodes)), directed=False)
    of_cells = part[inverse.reshape(-1, 4)[:, 0]]
    sizes = np.bincount(of_cells)
    refuse_parts(sizes)
    return np.asarray(of_cells == sizes.argmax())


def refuse_parts(sizes: NDArray[np.integer]) -> None:
    """Refuse tissue in parts of these sizes, in tetrahedra or voxels, if more than one of them is large.

    Raises:
        InputError: A second part is larger than an island.
    """
    large = int((sizes > LARGEST_ISLAND * sizes.sum()).sum())
    if large > 1:
        share = 1.0 - sizes.max() / sizes.sum()
        raise InputError(f"The muscle of the ventricles is in {large} separate parts; {share:.0%} of it is not in the "
                         "largest.",
                         "Keep only the largest part of the myocardium, or connect the parts.")


def refuse_missing(left: NDArray[np.bool_], outside: NDArray[np.bool_], base: NDArray[np.bool_]) -> None:
    """Refuse tissue without a surface that the fibers follow; each is given as its nodes or voxels.

    Raises:
        InputError: One has none.
    """
    if not left.any():
        raise InputError("The myocardium has no left endocardium.",
                         "Mesh the cavity of the left ventricle (label 1) together with the myocardium.")
    if not outside.any():
        raise InputError("The myocardium has no epicardium.", "Check that the outside of the heart is not labeled.")
    if not base.any():
        raise InputError("The myocardium has no base: it touches no atrium and no valve.",
                         "Label the left atrium, or cut the myocardium and its cavity by one plane at the base.")


def _apex_path(
    points: NDArray[np.float64], links: sparse.csr_array, outside: NDArray[np.bool_], base: NDArray[np.bool_],
    endocardium: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return the nodes (n,) of a path with few edges from the left epicardium's farthest node to the endocardium.

    A single node would hold the apico-basal field at one value nearly everywhere: the finer the mesh, the less a
    point conducts. A path with the fewest edges never has three nodes in one tetrahedron, so that each keeps a slope.
    """
    if not (outside.any() and base.any() and endocardium.any()):
        raise InputError("The left ventricle lacks an epicardium, a base, or an endocardium below its base.",
                         "Check that the label map shows the whole left ventricle.")
    candidates = np.flatnonzero(outside)
    center = points[base].mean(axis=0)
    distances = np.linalg.norm(points[candidates] - center, axis=1)
    cap = points[candidates[distances >= _CAP * distances.max()]].mean(axis=0)
    apex = candidates[np.linalg.norm(points[candidates] - cap, axis=1).argmin()]
    steps, before = dijkstra(links, directed=False, indices=apex, return_predecessors=True, unweighted=True)
    targets = np.flatnonzero(endocardium)
    nearest = targets[steps[targets] == steps[targets].min()]
    node = nearest[np.linalg.norm(points[nearest] - points[apex], axis=1).argmin()]
    path = np.zeros(len(points), bool)
    path[node] = True
    while node != apex:
        node = before[node]
        path[node] = True
    return path
