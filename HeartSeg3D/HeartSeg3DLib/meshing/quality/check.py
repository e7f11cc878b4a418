"""Examine a finished mesh and hold it against its limits.

Limits are those of simulation pipelines: a surface that is not closed or cuts itself, or a tetrahedron turned inside
out, stops a solver. The others are aims, see `MeshReport.missed_aims`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..mesh import OUTSIDE, SurfaceMesh, TetraMesh
from . import shape
from .closedness import closedness
from .conformity import Faces, faces_of, locked_in, parts_of, unlike_walls, walls_of
from .intersections import intersecting_triangles
from .pieces import Piece, surface_pieces, tetrahedron_pieces
from .report import Check, MeshReport, at_least, at_most
from .voxel_distance import symmetric_distance, voxel_surface

VOLUME_PERCENT = 0.5
TRIANGLE_MINIMUM, TRIANGLE_MEAN = 0.15, 0.75
TETRAHEDRON_MINIMUM, TETRAHEDRON_MEAN = 0.2, 0.8
LOCKED_PERCENT = 0.5
DISTANCE_VOXELS = 1.5
ROUNDING = 1e-6
"""A mesh made to a floor is stored in other numbers and may fall short by this much."""

PIECES = "pieces of what is written that share no face"
"""Name of the aim of a mesh that is written as one body. Atria and ventricles are one, too: in every heart that was
tried, their walls meet around the valves. It is no hard check, because a part of a heart may well be in pieces, and
each is sound by itself."""

_PIECES_TOLD = 10
"""A mesh that fell into more has its largest ones described; their number is always told."""

_DEFECTS = {
    "open edges": "open_edges",
    "edges of more than two triangles": "non_manifold_edges",
    "vertices of more than one fan": "non_manifold_vertices",
    "edges between triangles turned against each other": "inconsistent_edges",
    "triangles that cut through others": "intersecting_triangles",
}

Figures = dict[int, dict[str, object]]


def check_surfaces(
    mesh: SurfaceMesh, voxels: sitk.Image | None = None, written: Collection[int] | None = None
) -> MeshReport:
    """Judge the closed surfaces of all labels.

    Args:
        mesh: Surfaces, LPS, mm.
        voxels: Label map, LPS, mm, that they were made from; without it volumes and distances are not compared.
        written: Labels that are going to be written; all by default.
    """
    labels, whole = _surface_figures(mesh, voxels)
    kept = _written(mesh, written)
    whole["written"] = {"labels": kept, "triangles": int(mesh.triangles_of(kept).sum()),
                        **_piece_figures(surface_pieces(mesh.points, mesh.triangles, mesh.labels, kept))}
    checks = [*_surface_checks(labels), *_shape_checks(labels), *_voxel_checks(labels, whole)]
    return _report("surface", checks, whole, labels)


def check_tetrahedra(
    mesh: TetraMesh, voxels: sitk.Image | None = None, written: Collection[int] | None = None
) -> MeshReport:
    """Judge tetrahedra and the surfaces between their labels.

    Args:
        mesh: Tetrahedra, LPS, mm.
        voxels: Label map, LPS, mm, that they were made from; without it volumes and distances are not compared.
        written: Labels that are going to be written as one body, such as tissue without blood; without it all are
            written, and nobody expects that they hang together.
    """
    labels, whole = _surface_figures(mesh.surface, voxels)
    faces = faces_of(mesh.tetrahedra)
    whole |= _tetra_figures(mesh, faces, labels)
    kept = _written(mesh.surface, written)
    pieces = tetrahedron_pieces(mesh.points, mesh.tetrahedra, mesh.labels, faces, kept)
    whole["written"] = {"labels": kept, "triangles": int(mesh.surface.triangles_of(kept).sum()),
                        "tetrahedra": sum(piece.cells for piece in pieces), **_piece_figures(pieces)}
    hard = [
        at_most("tetrahedra that are flat or turned inside out", _column(labels, "inverted"), 0, hard=True),
        at_most("faces shared by more than two tetrahedra", {"mesh": _number(whole["crowded_faces"])}, 0, hard=True),
        at_most("triangles of the surface that are no face between labels",
                {"mesh": _number(whole["unlike_walls"])}, 0, hard=True),
        at_most("difference between volume and surface in %", _column(labels, "volume_mismatch_percent"), 1e-3,
                hard=True),
    ]
    aims = [
        at_least("smallest scaled Jacobian of tetrahedra", _column(labels, "tetrahedron_scaled_jacobian", "minimum"),
                 TETRAHEDRON_MINIMUM - ROUNDING),
        at_least("mean scaled Jacobian of tetrahedra", {"mesh": _mean_jacobian(whole)}, TETRAHEDRON_MEAN),
        at_most("tetrahedra with all nodes on their label's boundary in %", _column(labels, "locked_percent"),
                LOCKED_PERCENT),
    ]
    if written is not None:
        aims.append(at_most(PIECES, {"mesh": len(pieces)}, 1))
    if voxels is not None:
        voxel_parts = _column(labels, "voxel_parts")
        more = {place: parts - voxel_parts[place] for place, parts in _column(labels, "parts").items()}
        aims.append(at_most("pieces into which a structure fell, more than its voxels have", more, 0))
    checks = [*_surface_checks(labels), *hard, *_shape_checks(labels), *aims, *_voxel_checks(labels, whole)]
    return _report("tetrahedra", checks, whole, labels)


def patch_figures(mesh: SurfaceMesh, patches: Mapping[str, NDArray[np.integer]]) -> dict[str, dict[str, object]]:
    """Return number, area and shapes of the triangles of each patch.

    Args:
        mesh: Surfaces, LPS, mm.
        patches: Indices of at least one triangle by the patch's name.
    """
    figures: dict[str, dict[str, object]] = {}
    for name, chosen in patches.items():
        corners = mesh.points[mesh.triangles[chosen]]
        figures[name] = {
            "triangles": len(chosen), "area_mm2": float(shape.triangle_areas(corners).sum()),
            "edge_mm": asdict(shape.spread(shape.triangle_edges(corners))),
            "triangle_scaled_jacobian": asdict(shape.spread(shape.triangle_scaled_jacobians(corners))),
        }
    return figures


def _report(kind: str, checks: list[Check], whole: dict[str, object], labels: Figures) -> MeshReport:
    return MeshReport(kind, tuple(sorted(checks, key=lambda check: not check.hard)), whole, labels)


def _written(mesh: SurfaceMesh, written: Collection[int] | None) -> list[int]:
    return [value for value in mesh.values if written is None or value in written]


def _piece_figures(pieces: list[Piece]) -> dict[str, object]:
    return {"pieces": len(pieces), "largest_pieces": [asdict(piece) for piece in pieces[:_PIECES_TOLD]]}


def _surface_figures(mesh: SurfaceMesh, voxels: sitk.Image | None) -> tuple[Figures, dict[str, object]]:
    """Return figures by label, and those of the whole mesh."""
    cutting = intersecting_triangles(mesh.points, mesh.triangles) if len(mesh.triangles) else np.zeros(0, bool)
    labels: Figures = {}
    for value in sorted(set(mesh.labels.ravel().tolist()) - {OUTSIDE}):
        inner, outer = mesh.labels[:, 0] == value, mesh.labels[:, 1] == value
        triangles = np.concatenate([mesh.triangles[inner], mesh.triangles[outer][:, [0, 2, 1]]]).astype(np.int64)
        labels[value] = _figures_of_surface(mesh.points, triangles)
        labels[value]["intersecting_triangles"] = int(cutting[inner | outer].sum())
        labels[value]["parts"] = len(surface_pieces(mesh.points, mesh.triangles, mesh.labels, (value,)))
    whole: dict[str, object] = {
        "points": len(mesh.points), "triangles": len(mesh.triangles), "intersecting_triangles": int(cutting.sum()),
    }
    if voxels is not None:
        _compare_with_voxels(mesh, voxels, labels)
        whole["largest_spacing_mm"] = max(voxels.GetSpacing())
    return labels, whole


def _figures_of_surface(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> dict[str, object]:
    corners = points[triangles]
    middle = points[triangles[0, 0]]  # near the surface: far from the origin, products would lose digits
    a, b, c = (corners[:, place] - middle for place in range(3))
    edges = shape.triangle_edges(corners)
    volume = float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)
    area = float(shape.triangle_areas(corners).sum())
    return {
        "triangles": len(triangles),
        **asdict(closedness(triangles)),
        "volume_mm3": volume,
        "area_mm2": area,
        "wall_in_edges": 2.0 * volume / max(area * float(edges.mean()), ROUNDING),  # of a wall, its thickness
        "edge_mm": asdict(shape.spread(edges)),
        "triangle_scaled_jacobian": asdict(shape.spread(shape.triangle_scaled_jacobians(corners))),
        "smallest_angle_degrees": float(shape.smallest_angles(corners).min()),
        "largest_aspect_ratio": float(shape.triangle_aspect_ratios(corners).max()),
    }


def _compare_with_voxels(mesh: SurfaceMesh, voxels: sitk.Image, labels: Figures) -> None:
    """Add volumes of voxels and distances from their surface to the figures; labels without a surface appear."""
    array = sitk.GetArrayViewFromImage(voxels)
    counts = dict(zip(*(column.tolist() for column in np.unique(array, return_counts=True)), strict=True))
    size = float(np.prod(voxels.GetSpacing()))
    for value in sorted(set(counts) - {OUTSIDE} | set(labels)):
        figures = labels.setdefault(value, {"volume_mm3": 0.0})
        expected = counts.get(value, 0) * size
        figures["voxel_parts"] = ndimage.label(array == value)[1]
        figures["voxel_volume_mm3"] = expected
        if expected == 0.0:
            continue
        figures["volume_error_percent"] = 100.0 * (_number(figures["volume_mm3"]) / expected - 1.0)
        rows = (mesh.labels == value).any(axis=1)
        if rows.any():
            distance = symmetric_distance(mesh.points, mesh.triangles[rows], voxel_surface(voxels, value))
            figures["voxel_distance_mm"] = asdict(distance)


def _tetra_figures(mesh: TetraMesh, faces: Faces, labels: Figures) -> dict[str, object]:
    """Add figures of tetrahedra to those of each label; return those of the whole mesh."""
    shapes = shape.tetrahedron_shapes(mesh.points, mesh.tetrahedra)
    walls = walls_of(faces, mesh.labels)
    for value in np.unique(mesh.labels).tolist():
        own = mesh.labels == value
        figures = labels.setdefault(value, {})
        volume, surface = float(shapes.volumes[own].sum()), _number(figures.get("volume_mm3", 0.0))
        locked = locked_in(mesh.tetrahedra, mesh.labels, walls, value)
        figures |= {
            "tetrahedra": int(own.sum()),
            "tetrahedron_volume_mm3": volume,
            "volume_mismatch_percent": 100.0 * abs(surface - volume) / max(abs(volume), np.finfo(float).tiny),
            "inverted": int(np.count_nonzero(shapes.volumes[own] <= 0.0)),
            "tetrahedron_scaled_jacobian": asdict(shape.spread(shapes.scaled_jacobians[own])),
            "smallest_dihedral_degrees": float(shapes.smallest_dihedrals[own].min()),
            "largest_dihedral_degrees": float(shapes.largest_dihedrals[own].max()),
            "largest_tetrahedron_aspect_ratio": float(shapes.aspect_ratios[own].max()),
            "mean_edge_mm": float(shapes.edges[own].mean()),
            "parts": parts_of(faces, mesh.labels, value),
            "locked": locked,
            "locked_percent": 100.0 * locked / int(own.sum()),
        }
    return {
        "tetrahedra": len(mesh.tetrahedra),
        "crowded_faces": faces.crowded,
        "unlike_walls": unlike_walls(walls, mesh.surface.triangles, mesh.surface.labels),
        "tetrahedron_scaled_jacobian": asdict(shape.spread(shapes.scaled_jacobians)),
    }


def _surface_checks(labels: Figures) -> list[Check]:
    checks = [at_most(name, _column(labels, key), 0, hard=True) for name, key in _DEFECTS.items()]
    return [*checks, at_least("volume inside the surface in mm³", _column(labels, "volume_mm3"), ROUNDING, hard=True)]


def _shape_checks(labels: Figures) -> list[Check]:
    return [
        at_least("smallest scaled Jacobian of triangles", _column(labels, "triangle_scaled_jacobian", "minimum"),
                 TRIANGLE_MINIMUM),
        at_least("mean scaled Jacobian of triangles", _column(labels, "triangle_scaled_jacobian", "mean"),
                 TRIANGLE_MEAN),
    ]


def _voxel_checks(labels: Figures, whole: dict[str, object]) -> list[Check]:
    if "largest_spacing_mm" not in whole:
        return []
    # A mesh coarser than the voxels cannot follow their corners.
    size = max(_number(whole["largest_spacing_mm"]), max(_column(labels, "edge_mm", "mean").values(), default=0.0))
    volume = {place: abs(value) for place, value in _column(labels, "volume_error_percent").items()}
    return [
        at_most("difference from the volume of the voxels in %", volume, VOLUME_PERCENT),
        at_most("largest distance from the surface of the voxels in voxels or edges",
                {place: distance / size for place, distance in _column(labels, "voxel_distance_mm", "maximum").items()},
                DISTANCE_VOXELS),
    ]


def _column(labels: Figures, key: str, part: str | None = None) -> dict[str, float]:
    """Return one figure of every label that has it, by label value as text."""
    found = {}
    for value, figures in labels.items():
        if key in figures:
            figure = figures[key]
            found[str(value)] = _number(figure[part] if part and isinstance(figure, dict) else figure)
    return found


def _mean_jacobian(whole: dict[str, object]) -> float:
    jacobian = whole["tetrahedron_scaled_jacobian"]
    return _number(jacobian["mean"] if isinstance(jacobian, dict) else jacobian)


def _number(figure: object) -> float:
    if not isinstance(figure, int | float):
        raise TypeError(f"{figure!r} is no figure")
    return float(figure)
