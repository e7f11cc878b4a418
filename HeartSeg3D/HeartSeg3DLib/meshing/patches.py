"""Names for the parts of a surface as simulation pipelines ask for them: LV_ENDO, EPI, BASE, MV, AO_OUTLET and so on.

Most names follow from the two labels that a triangle separates. Geometry decides where a structure is cut flat by the
image border, where a vessel ends, and which part of the myocardium's outside is its base.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..anatomy import BY_ID, STRUCTURES
from .mesh import OUTSIDE, SurfaceMesh
from .neighbors import linked_parts
from .planes import Plane, triangle_planes
from .vessel_ends import vessel_ends

LV, MYO, RV, LA, RA, AO, PA = (BY_ID[name].value for name in ("LV", "MYO", "RV", "LA", "RA", "AO", "PA"))
_LESIONS = {BY_ID[name].value for name in ("SCAR", "MVO", "OEDEMA")}
WALL_OF = {LV: MYO, **{cavity: cavity + 100 for cavity in (RV, LA, RA, AO, PA)}}
_LEFT_TISSUE = {MYO, *_LESIONS}
VENTRICULAR_TISSUE = {*_LEFT_TISSUE, WALL_OF[RV]}
_ATRIAL_TISSUE = {WALL_OF[LA]: "LA", WALL_OF[RA]: "RA"}
_VESSEL_TISSUE = {WALL_OF[AO]: "AO", WALL_OF[PA]: "PA"}
_VALVES = {(LV, LA): "MV", (RV, RA): "TV", (LV, AO): "AV", (RV, PA): "PV"}
_BLOOD_SIDE = {LV: "LV_ENDO", RV: "RV_ENDO", LA: "LA_ENDO", RA: "RA_ENDO", AO: "AO_LUMEN", PA: "PA_LUMEN"}
_OUTLETS = (AO, PA)
_INLETS = tuple(BY_ID[name].value for name in ("LSPV", "LIPV", "RSPV", "RIPV", "SVC", "IVC"))

ORIGIN_OF = {AO: LV, PA: RV, **dict.fromkeys(_INLETS[:4], LA), **dict.fromkeys(_INLETS[4:], RA)}
"""The chamber that each vessel comes from or goes to."""

_BASE_MM, _BASE_COSINE = 4.0, 0.85
"""The myocardium's outside belongs to the base within this distance of the mitral plane and this angle to it."""

_CUT_COSINE = 0.9
_CUT_PITCHES = 0.75
"""A triangle lies on the image border within this angle and this part of an edge."""

_STRAY = 0.01
"""Ends of less than this part of a structure's largest one are triangles that the rim left behind."""


def name_patches(mesh: SurfaceMesh, border: Sequence[Plane] = ()) -> dict[str, NDArray[np.intp]]:
    """Return the triangles of every patch; each triangle is in exactly one.

    Args:
        mesh: Walls between labels.
        border: Planes where the image ends, normals outward, and what it cuts there; see `planes.image_border`.

    Returns:
        Ascending indices of triangles by name, names sorted.
    """
    names = np.empty(len(mesh.triangles), object)
    pairs, kind = np.unique(mesh.labels, axis=0, return_inverse=True)
    present = set(mesh.values)
    for number, (inner, outer) in enumerate(pairs.tolist()):
        names[kind.ravel() == number] = _name_of_pair(inner, outer, present)
    _name_base(mesh, names)
    _name_ends(mesh, names, border)
    return {str(name): np.flatnonzero(names == name) for name in sorted(set(names))}


def _name_of_pair(inner: int, outer: int, present: set[int]) -> str:
    """Return the name of the wall between two labels, the outer one may be the outside."""
    if (inner, outer) in _VALVES:
        return _VALVES[inner, outer]
    pair = {inner, outer}
    if outer == OUTSIDE:
        return _name_at_outside(inner, present)
    if pair & VENTRICULAR_TISSUE:
        if pair <= VENTRICULAR_TISSUE:
            return _joined(inner, outer)
        other = (pair - VENTRICULAR_TISSUE).pop()
        return _BLOOD_SIDE[other] if other in (LV, RV) else "BASE"
    blood = pair & _BLOOD_SIDE.keys()
    if len(blood) == 1 and pair & {*_ATRIAL_TISSUE, *_VESSEL_TISSUE}:  # a neighbor's wall may be the nearest
        return _BLOOD_SIDE[blood.pop()]
    return _joined(inner, outer)


def _name_at_outside(value: int, present: set[int]) -> str:
    """Return the name of a structure's wall to the outside, as long as it is not cut.

    A cavity without a wall in the map ends where its wall would begin: there its outside is its endocardium.
    """
    if value in VENTRICULAR_TISSUE:
        return "EPI"
    if value in _ATRIAL_TISSUE:
        return f"{_ATRIAL_TISSUE[value]}_EPI"
    if value in _VESSEL_TISSUE:
        return f"{_VESSEL_TISSUE[value]}_OUTER"
    if value in WALL_OF:
        if WALL_OF[value] in present:
            return f"{_id(value)}_OPENING"
        return f"{_id(value)}_LUMEN" if value in _OUTLETS else f"{_id(value)}_ENDO"
    return f"{_id(value)}_SURFACE"


def _name_base(mesh: SurfaceMesh, names: NDArray[np.object_]) -> None:
    """Name the part of the left myocardium's outside that lies in the plane of the mitral valve, or of the opening."""
    opening = names == "MV" if (names == "MV").any() else names == "LV_OPENING"
    if not opening.any():
        return
    centers, normals, areas = triangle_planes(mesh.points, mesh.triangles)
    largest = linked_parts(mesh.triangles, np.flatnonzero(opening))[0]  # the others are holes in a thin wall
    place = np.average(centers[largest], axis=0, weights=areas[largest])
    normal = (normals[largest] * areas[largest, None]).sum(axis=0)
    length = np.linalg.norm(normal)
    if length == 0.0:
        return
    normal /= length
    outside = np.isin(mesh.labels[:, 0], list(_LEFT_TISSUE)) & (mesh.labels[:, 1] == OUTSIDE)
    near = np.abs((centers - place) @ normal) <= _BASE_MM
    rim = mesh.triangles[opening | (names == "BASE")]
    for part in linked_parts(mesh.triangles, np.flatnonzero(outside & near & (normals @ normal >= _BASE_COSINE))):
        if np.isin(mesh.triangles[part], rim).any():  # elsewhere the plane only passes through the heart
            names[part] = "BASE"


def _name_ends(mesh: SurfaceMesh, names: NDArray[np.object_], border: Sequence[Plane]) -> None:
    """Name what the image border cuts flat, and the ends of vessels."""
    centers, normals, _ = triangle_planes(mesh.points, mesh.triangles)
    sides = mesh.points[mesh.triangles[:, 0]] - mesh.points[mesh.triangles[:, 1]]
    edge = float(np.median(np.linalg.norm(sides, axis=1)))
    outside = mesh.labels[:, 1] == OUTSIDE
    at_border = np.zeros(len(names), bool)
    for plane in border:
        height = (centers - plane.point) @ plane.normal
        level = (np.abs(height) <= _CUT_PITCHES * edge) & (normals @ plane.normal >= _CUT_COSINE)
        at_border |= outside & level & np.isin(mesh.labels[:, 0], list(plane.labels))  # others only come near it
    for value in mesh.values:
        own = outside & (mesh.labels[:, 0] == value)
        ends = at_border & own
        if value in (*_OUTLETS, *_INLETS):
            for end in vessel_ends(mesh, value, ORIGIN_OF[value], WALL_OF.get(value)):
                ends[end.triangles] = True
        parts = linked_parts(mesh.triangles, np.flatnonzero(ends))
        parts = [part for part in parts if len(part) > _STRAY * len(parts[0])]
        for number, part in enumerate(parts, 1):
            names[part] = _name_of_end(value) + (f"_{number}" if len(parts) > 1 else "")


def _name_of_end(value: int) -> str:
    return f"{_id(value)}_{'OUTLET' if value in _OUTLETS else 'INLET' if value in _INLETS else 'CUT'}"


def _joined(inner: int, outer: int) -> str:
    return f"{_id(inner)}_{_id(outer)}"


def _id(value: int) -> str:
    return STRUCTURES[value].id if value in STRUCTURES else f"LABEL{value}"
