"""Angles of fibers, measured from the finished mesh: the shape of its surfaces, and none of the fields of the rule.

The helix angle is what histology and diffusion tensor imaging report: between the fiber, seen through the wall, and the
circumference about the left ventricle's long axis. It is positive where the fiber rises towards the base as it runs
counter-clockwise, seen from the base. The rule itself turns fibers against its own apico-basal field, which leans to
all four valves, so that angles scatter about what was asked for where the heart is not round about its axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..fibers import FIBER, SHEET
from ..fibers.tissue import LEFT_TISSUE, RIGHT_WALL, VENTRICULAR_TISSUE
from ..mesh import TetraMesh

LAYERS = 9
"""Layers of a wall, so that one lies in its middle."""

_HEIGHTS = 0.15, 0.8
"""Part of the long axis from apex to base in which a wall has a clear circumference."""

_FEWEST = 20
"""Elements that a layer must have to be reported."""

_BASES = ("MV", "AV", "LV_OPENING", "LV_CUT", "LV_CUT_1", "BASE", "MYO_CUT", "MYO_CUT_1", "TV", "PV")
"""The first of these patches is the base; fibers have one of them."""

_FAR = 0.98
"""The apex is the middle of the endocardium beyond this part of the largest distance from the base."""

_PERCENTILES = 10, 50, 90

Vectors = NDArray[np.float64]
Patches = Mapping[str, NDArray[np.intp]]


@dataclass(frozen=True)
class FiberLayer:
    """Fibers of one layer of a wall.

    Attributes:
        depth: Where it begins and ends, 0 on the endocardium and 1 on the epicardium.
        elements: Tetrahedra with a center in it.
        low, median, high: Helix angle in degrees: 10th, 50th and 90th percentile.
    """

    depth: tuple[float, float]
    elements: int
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class FiberFigures:
    """What is found of the fibers in a mesh.

    Attributes:
        elements: Tetrahedra of the ventricles' muscle, by label.
        with_fibers: Those of them that have a fiber, by label.
        left, right: Layers of the left ventricle with the septum, and of the right ventricle's free wall; the septum
            goes from the left to the right endocardium. Layers with few elements are left out.
        out_of_wall: Median and 95th percentile of the angle in degrees between fibers and the wall's surface.
        worst_length: Largest deviation of a fiber's or sheet's length from 1.
        worst_cosine: Largest cosine between a fiber and its sheet.
        helix: (K,) helix angle in degrees of each tetrahedron, not a number where there is none.
        long_axis: (2, 3) LPS in mm, apex of the left ventricle's endocardium and the middle of its base.
    """

    elements: dict[int, int]
    with_fibers: dict[int, int]
    left: tuple[FiberLayer, ...]
    right: tuple[FiberLayer, ...]
    out_of_wall: tuple[float, float]
    worst_length: float
    worst_cosine: float
    helix: NDArray[np.float64]
    long_axis: Vectors

    @property
    def share(self) -> float:
        """Part of the ventricles' muscle that has fibers, by elements."""
        return sum(self.with_fibers.values()) / sum(self.elements.values())

    def to_dict(self) -> dict[str, object]:
        """Return the figures as plain numbers, lists and dictionaries."""
        return {
            "elements": {str(value): count for value, count in self.elements.items()},
            "with_fibers": {str(value): count for value, count in self.with_fibers.items()},
            "share_with_fibers": round(self.share, 6),
            "helix_degrees": {name: [_plain(layer) for layer in layers]
                              for name, layers in (("left", self.left), ("right", self.right))},
            "out_of_wall_degrees": {"median": round(self.out_of_wall[0], 2), "p95": round(self.out_of_wall[1], 2)},
            "worst_length_error": self.worst_length, "worst_fiber_sheet_cosine": self.worst_cosine,
        }


def measure_fibers(mesh: TetraMesh, patches: Patches) -> FiberFigures:
    """Measure the fibers of a mesh.

    Args:
        mesh: Tetrahedra with the fields "fiber" and "sheet".
        patches: Triangles of its surface by name.
    """
    fibers, sheets = mesh.fields[FIBER], mesh.fields[SHEET]
    known = np.linalg.norm(fibers, axis=1) > 0.0
    centers = mesh.points[mesh.tetrahedra].mean(axis=1)
    apex, axis = _long_axis(mesh, patches)
    height = (centers - apex) @ axis / (axis @ axis)
    clear = (height > _HEIGHTS[0]) & (height < _HEIGHTS[1])
    depth, helix, out = (np.full(len(centers), np.nan) for _ in range(3))
    walls = {}
    for name, labels, inner, outer in (("left", LEFT_TISSUE, ("LV_ENDO",), ("EPI", "RV_ENDO")),
                                       ("right", (RIGHT_WALL,), ("RV_ENDO",), ("EPI",))):
        own = known & np.isin(mesh.labels, labels)
        surfaces = [_Surface.of(mesh, patches, names, labels, into=into)
                    for names, into in ((inner, True), (outer, False))]
        if own.any() and all(len(surface.centers) for surface in surfaces):
            depth[own], normals = _depth(centers[own], *surfaces)
            helix[own], out[own] = _angles(fibers[own], normals, axis / np.linalg.norm(axis))
        walls[name] = _layers(depth, helix, own & clear)
    measured = out[np.isfinite(out)]
    counts = {int(value): (int((mesh.labels == value).sum()), int((known & (mesh.labels == value)).sum()))
              for value in np.unique(mesh.labels) if value in VENTRICULAR_TISSUE}
    lengths = np.linalg.norm(np.concatenate([fibers[known], sheets[known]]), axis=1)
    cosines = np.abs(np.einsum("ij,ij->i", fibers[known], sheets[known]))
    return FiberFigures(
        {value: count for value, (count, _) in counts.items()}, {value: count for value, (_, count) in counts.items()},
        walls["left"], walls["right"],
        (float(np.median(measured)), float(np.percentile(measured, 95))) if len(measured) else (0.0, 0.0),
        float(np.abs(lengths - 1.0).max(initial=0.0)), float(cosines.max(initial=0.0)), helix,
        np.stack([apex, apex + axis]))


@dataclass(frozen=True)
class _Surface:
    """Triangles beside some labels: centers (M, 3) and unit normals (M, 3)."""

    centers: Vectors
    normals: Vectors

    @staticmethod
    def of(mesh: TetraMesh, patches: Patches, names: Iterable[str], labels: tuple[int, ...], *, into: bool) -> _Surface:
        """Return the patches' triangles with a side in the labels, and on the epicardium all; normals into or out of
        the muscle."""
        chosen = [patches[name] for name in names if name in patches]
        numbers = np.concatenate(chosen) if chosen else np.empty(0, np.intp)
        sides = np.isin(mesh.surface.labels[numbers], labels)
        muscle = np.isin(mesh.surface.labels[numbers], VENTRICULAR_TISSUE)
        kept = sides.any(axis=1) | (mesh.surface.labels[numbers, 1] == 0)
        corners = mesh.points[mesh.surface.triangles[numbers[kept]]]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return _Surface(corners.mean(axis=1), np.where((muscle[kept, 0] == into)[:, None], -normals, normals))


def _long_axis(mesh: TetraMesh, patches: Patches) -> tuple[Vectors, Vectors]:
    """Return the left ventricle's endocardial apex (3,), and the way (3,) from it to the middle of its base in mm."""
    base = next(name for name in _BASES if name in patches)
    corners = mesh.points[mesh.surface.triangles[patches[base]]]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    middle = np.average(corners.mean(axis=1), axis=0, weights=areas)
    endocardium = mesh.points[np.unique(mesh.surface.triangles[patches["LV_ENDO"]])]
    distances = np.linalg.norm(endocardium - middle, axis=1)
    apex = endocardium[distances >= _FAR * distances.max()].mean(axis=0)
    return apex, middle - apex


def _depth(places: Vectors, inner: _Surface, outer: _Surface) -> tuple[NDArray[np.float64], Vectors]:
    """Return the part of the way (n,) from the inner to the outer surface, and the outward unit normals (n, 3)."""
    distances, normals = [], []
    for surface in (inner, outer):
        nearest = cKDTree(surface.centers).query(places)[1]
        normals.append(surface.normals[nearest])
        distances.append(np.abs(np.einsum("ij,ij->i", places - surface.centers[nearest], normals[-1])))
    depth = distances[0] / np.maximum(distances[0] + distances[1], np.finfo(float).tiny)
    normal = normals[0] * (1.0 - depth)[:, None] + normals[1] * depth[:, None]
    return depth, normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(float).tiny)


def _angles(fibers: Vectors, normals: Vectors, axis: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return helix angles (n,) from -90 to 90 and the angles (n,) out of the wall from 0 to 90, in degrees."""
    around = np.cross(axis, normals)
    upward = np.cross(normals, around)
    along, rise, through = (np.einsum("ij,ij->i", fibers, way) for way in (around, upward, normals))
    helix = np.degrees(np.arctan2(np.where(along < 0.0, -rise, rise), np.abs(along)))
    return helix, np.degrees(np.arcsin(np.clip(np.abs(through), 0.0, 1.0)))


def _layers(
    depth: NDArray[np.float64], helix: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> tuple[FiberLayer, ...]:
    layers = []
    for number in range(LAYERS):
        ends = number / LAYERS, (number + 1) / LAYERS
        inside = chosen & (depth >= ends[0]) & ((depth < ends[1]) | (number == LAYERS - 1))
        if (count := int(inside.sum())) >= _FEWEST:
            low, median, high = np.percentile(helix[inside], _PERCENTILES).tolist()
            layers.append(FiberLayer(ends, count, low, median, high))
    return tuple(layers)


def _plain(layer: FiberLayer) -> dict[str, object]:
    return {"depth": [round(end, 4) for end in layer.depth], "elements": layer.elements,
            "p10": round(layer.low, 2), "median": round(layer.median, 2), "p90": round(layer.high, 2)}
