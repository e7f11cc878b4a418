"""One page that shows the fibers of a mesh: strokes on its surfaces, and their angle through the cut wall."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.meshing.fibers import FIBER
from HeartSeg3DLib.meshing.fibers.tissue import VENTRICULAR_TISSUE
from HeartSeg3DLib.meshing.mesh import OUTSIDE, TetraMesh
from HeartSeg3DLib.meshing.quality.fiber_angles import FiberFigures
from HeartSeg3DLib.report.canvas import Picture
from HeartSeg3DLib.report.fiber_strokes import Strokes, strokes_on
from HeartSeg3DLib.report.fiber_surface import FiberSurface, NodeFibers, fiber_surface
from HeartSeg3DLib.report.heart_field import camera_axes
from HeartSeg3DLib.report.plane_cut import clip_triangles, cut_tetrahedra
from HeartSeg3DLib.report.tile_page import PANEL, TILE, TilePage
from HeartSeg3DLib.report.triangle_view import draw_triangles

_MARGIN = 1.16
_TURNED_AWAY = 0.3
"""Cosine to the line of sight from which on nothing of a closed surface is seen."""

_ACROSS = 0.45
"""Where the heart is cut across: part of the way from apex to base."""

_UPRIGHT = 0.9
"""Cosine to the line of sight below which a direction can be up in a picture."""

_STEEPEST = 90.0
_ANGLES = (-90.0, -65.0, -40.0, 0.0, 40.0, 65.0, 90.0)
_ANGLE_COLORS = np.array([(0.46, 0.17, 0.48), (0.24, 0.38, 0.86), (0.33, 0.66, 0.93), (0.95, 0.93, 0.86),
                          (0.97, 0.70, 0.30), (0.90, 0.36, 0.18), (0.46, 0.17, 0.48)])
"""Helix angles and their colors: falling fibers are blue, rising ones orange, level ones pale. Upright fibers, whose
angle is 90 as well as -90 degrees, are violet."""

_FLESH, _FLESH_SHARE = np.array([0.15, 0.11, 0.11]), 0.62
"""Below the strokes, muscle is dark and has little of its fibers' color."""

_OTHER = np.array([0.33, 0.32, 0.31])
"""Atria and vessels."""

Patches = Mapping[str, NDArray[np.intp]]


@dataclass(frozen=True)
class _Shapes:
    """Triangles to draw: corners (M, 3, 3) in mm, sRGB colors (M, 3), unit normals (M, 3)."""

    corners: NDArray[np.float64]
    colors: NDArray[np.float64]
    normals: NDArray[np.float64]

    @staticmethod
    def joined(*parts: _Shapes) -> _Shapes:
        return _Shapes(*(np.concatenate([getattr(part, name) for part in parts])
                         for name in ("corners", "colors", "normals")))

    def seen(self, axes: NDArray[np.float64]) -> _Shapes:
        """Return the same along other axes, given as rows."""
        return _Shapes(self.corners @ axes.T, self.colors, self.normals @ axes.T)

    def facing(self, axes: NDArray[np.float64]) -> _Shapes:
        """Return what is seen of a closed surface, along other axes."""
        return self.where(self.normals @ axes[2] < _TURNED_AWAY).seen(axes)

    def where(self, chosen: NDArray[np.bool_]) -> _Shapes:
        return _Shapes(self.corners[chosen], self.colors[chosen], self.normals[chosen])


@dataclass(frozen=True)
class _Sight:
    """One view: muscle and what is around it, along (right, down, depth) in mm."""

    name: str
    muscle: _Shapes
    around: _Shapes

    @property
    def reach(self) -> float:
        """Larger side of the muscle's box in mm."""
        return float(np.ptp(self._places, axis=0).max())

    def drawn(self, scale: float) -> Picture:
        """Return the picture with the muscle in its middle; the rest may go beyond its edges."""
        middle = np.append((self._places.min(axis=0) + self._places.max(axis=0)) / 2, 0.0)
        shapes = _Shapes.joined(self.muscle, self.around)
        return draw_triangles(shapes.corners - middle, shapes.colors, (TILE, TILE), scale, PANEL, shapes.normals)

    @property
    def _places(self) -> NDArray[np.float64]:
        return self.muscle.corners[..., :2].reshape(-1, 2)


def render_fibers(
    mesh: TetraMesh, patches: Patches, figures: FiberFigures, path: Path, title: str,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Write one PNG: fibers on the epicardium from three sides, and on the endocardium of the heart cut open. Needs no
    display.

    Args:
        mesh: Tetrahedra with fibers, LPS, mm.
        patches: Triangles of its surface by name.
        figures: What was measured of the fibers.
        path: PNG file, replaced in one step.
        title: First line of the page.
        progress: Told the finished part, 0 to 1.

    Raises:
        UsageError: The file cannot be written.
    """
    page = TilePage(title, "Fibers of the ventricles, by rule")
    sights: list[_Sight] = []
    for sight in _Heart(mesh, patches, figures).sights():
        sights.append(sight)
        progress(len(sights) / 12)
    scale = TILE / (_MARGIN * max(sight.reach for sight in sights))
    for number, sight in enumerate(sights):
        page.lay(number, sight.name, sight.drawn(scale), scale)
        progress((len(sights) + number + 1) / 12)
    ticks = ("-90\N{DEGREE SIGN}", "0", "90\N{DEGREE SIGN}")
    page.lay_scale(helix_colors(np.linspace(-_STEEPEST, _STEEPEST, 256)), ticks,
                   "Helix angle: positive where fibers rise towards the base, counter-clockwise seen from it")
    page.save(path)


def helix_colors(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sRGB colors (M, 3) of helix angles (M,)."""
    return np.stack([np.interp(degrees, _ANGLES, _ANGLE_COLORS[:, channel]) for channel in range(3)], axis=1)


class _Heart:
    """The ventricles with their fibers, and how they are looked at."""

    def __init__(self, mesh: TetraMesh, patches: Patches, figures: FiberFigures) -> None:
        self._mesh, self._patches = mesh, patches
        self._apex, base = figures.long_axis
        self._up = _unit(base - self._apex)
        self._middle = self._apex + _ACROSS * (base - self._apex)
        self._own = np.flatnonzero(np.isfinite(figures.helix))
        self._at_nodes = NodeFibers.of(mesh, mesh.fields[FIBER], figures.helix)

    def sights(self) -> Iterator[_Sight]:
        """Return the views."""
        outside, inside = self._muscle("EPI"), self._muscle("LV_ENDO", "RV_ENDO")
        rims = self._rims()
        outer, rest = _Shapes.joined(_painted(outside), _raised(strokes_on(outside)), rims), self._rest()
        front = camera_axes()
        half_turn = 2.0 * np.outer(self._up, self._up) - np.eye(3)
        for name, axes in (("Epicardium from the front left", front), ("From the other side", front @ half_turn),
                           ("From the apex", self._looking(self._up))):
            yield _Sight(name, outer.facing(axes), rest.facing(axes))
        inner = _Shapes.joined(_painted(outside), _painted(inside), _raised(strokes_on(inside)), rims)
        front_half = self._lengthwise()
        for name, normal, place in (("Cut lengthwise", front_half, self._apex),
                                    ("The other half", -front_half, self._apex),
                                    ("Cut across, from the apex", -self._up, self._middle)):
            cut = self._cut(inner, normal, place).seen(self._looking(-normal))
            yield _Sight(name, cut, cut.where(np.zeros(len(cut.corners), bool)))

    def _muscle(self, *names: str) -> FiberSurface:
        chosen = [self._patches[name] for name in names if name in self._patches]
        triangles = np.concatenate(chosen) if chosen else np.empty(0, np.intp)
        return fiber_surface(self._mesh, VENTRICULAR_TISSUE, triangles, self._at_nodes)

    def _rims(self) -> _Shapes:
        """Return the muscle's surface towards atria, vessels and valves, without strokes."""
        sides = np.isin(self._mesh.surface.labels, VENTRICULAR_TISSUE)
        named = [self._patches[name] for name in ("EPI", "LV_ENDO", "RV_ENDO") if name in self._patches]
        rest = np.setdiff1d(np.flatnonzero(sides[:, 0] != sides[:, 1]), np.concatenate(named))
        return _painted(fiber_surface(self._mesh, VENTRICULAR_TISSUE, rest, self._at_nodes))

    def _rest(self) -> _Shapes:
        """Return the outside of atria and vessels."""
        labels = self._mesh.surface.labels
        chosen = (labels[:, 1] == OUTSIDE) & ~np.isin(labels[:, 0], VENTRICULAR_TISSUE)
        corners = self._mesh.points[self._mesh.surface.triangles[chosen]]
        return _Shapes(corners, np.tile(_OTHER, (len(corners), 1)), _normals(corners))

    def _cut(self, shapes: _Shapes, normal: NDArray[np.float64], place: NDArray[np.float64]) -> _Shapes:
        """Return what is below a plane, and the muscle in the plane."""
        corners, owners = clip_triangles(shapes.corners, (shapes.corners - place) @ normal)
        kept = _Shapes(corners, shapes.colors[owners], shapes.normals[owners])
        tetrahedra = self._mesh.tetrahedra[self._own]
        face, owners = cut_tetrahedra(self._mesh.points[tetrahedra], ((self._mesh.points - place) @ normal)[tetrahedra])
        colors = helix_colors(self._at_nodes.helix(tetrahedra[owners]))
        return _Shapes.joined(kept, _Shapes(face, colors, np.tile(normal, (len(face), 1))))

    def _lengthwise(self) -> NDArray[np.float64]:
        """Return the normal (3,), to the front, of a plane along the axis, through both ventricles where there are."""
        to_front = -camera_axes()[2]
        right = self._patches.get("RV_ENDO")
        if right is None:
            return _unit(to_front - (to_front @ self._up) * self._up)
        middle = self._mesh.points[np.unique(self._mesh.surface.triangles[right])].mean(axis=0)
        normal = _unit(np.cross(self._up, middle - self._apex))
        return normal if normal @ to_front > 0.0 else -normal

    def _looking(self, depth: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the axes right, down and depth as rows: up is the base, else the patient's head, else the front."""
        up = next(way for way in (self._up, np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0]))
                  if abs(depth @ way) < _UPRIGHT)
        down = _unit((depth @ up) * depth - up)
        return np.stack([np.cross(down, depth), down, depth])


def _painted(surface: FiberSurface) -> _Shapes:
    colors = _FLESH_SHARE * _FLESH + (1.0 - _FLESH_SHARE) * helix_colors(surface.helix)
    return _Shapes(surface.corners, colors, surface.normals)


def _raised(strokes: Strokes) -> _Shapes:
    return _Shapes(strokes.corners, helix_colors(strokes.helix) * strokes.shade[:, None], strokes.normals)


def _normals(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))
