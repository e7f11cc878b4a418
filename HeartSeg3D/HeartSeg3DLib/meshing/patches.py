"""Names the parts of a surface as simulation pipelines ask for them; `patch_names` has the table of the names.

Most names follow from the two labels that a triangle separates. Geometry decides where a structure is cut flat by the
image border, where a vessel ends, and which part of the myocardium's outside is its base.

Where aorta or pulmonary artery meet ventricular tissue, their blood or their wall, the surface is BASE and not the
vessel's lumen: mechanics holds the ventricles there, at the rings of the valves, and fibers begin there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..anatomy import BY_ID, STRUCTURES
from . import patch_names as named
from .border_cuts import BorderCuts
from .mesh import OUTSIDE, SurfaceMesh
from .neighbors import linked_parts
from .openings import nearest_opening, rim_of, vessel_openings
from .planes import Plane, triangle_planes
from .vessel_ends import VesselEnd, disk_of

LV, MYO, RV, LA, RA, AO, PA = (BY_ID[name].value for name in ("LV", "MYO", "RV", "LA", "RA", "AO", "PA"))
_LESIONS = {BY_ID[name].value for name in ("SCAR", "MVO", "OEDEMA")}
WALL_OF = {LV: MYO, **{cavity: cavity + 100 for cavity in (RV, LA, RA, AO, PA)}}
_LEFT_TISSUE = {MYO, *_LESIONS}
VENTRICULAR_TISSUE = {*_LEFT_TISSUE, WALL_OF[RV]}
_ATRIAL_TISSUE = {WALL_OF[LA]: "LA", WALL_OF[RA]: "RA"}
_VESSEL_TISSUE = {WALL_OF[AO]: "AO", WALL_OF[PA]: "PA"}
_VALVES = {(LV, LA): named.MITRAL.of(), (RV, RA): named.TRICUSPID.of(), (LV, AO): named.AORTIC.of(),
           (RV, PA): named.PULMONARY.of()}
_OUTLETS = (AO, PA)
_BLOOD_SIDE = {value: (named.LUMEN if value in _OUTLETS else named.ENDO).of(STRUCTURES[value].id)
               for value in (LV, RV, LA, RA, AO, PA)}
_INLETS = tuple(BY_ID[name].value for name in ("LSPV", "LIPV", "RSPV", "RIPV", "SVC", "IVC"))

_BEYOND_BASE = {LA, RA, BY_ID["LAA"].value, AO, PA, *_INLETS, *_ATRIAL_TISSUE, *_VESSEL_TISSUE}
"""What the base of the ventricles is held by: a mesh that is clamped there must not be clamped anywhere else."""

_CAVITY_OF = {wall: cavity for cavity, wall in WALL_OF.items()}
_CUT_TOGETHER = ({LV, *_LEFT_TISSUE}, *({cavity, WALL_OF[cavity]} for cavity in (RV, LA, RA, AO, PA)))
"""Structures around the same cut of a cavity."""

ORIGIN_OF = {AO: LV, PA: RV, **dict.fromkeys(_INLETS[:4], LA), **dict.fromkeys(_INLETS[4:], RA)}
"""The chamber that each vessel comes from or goes to."""

_BASE_MM, _BASE_COSINE = 4.0, 0.85
"""The myocardium's outside belongs to the base within this distance of the mitral plane and this angle to it."""

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
        if other in _BEYOND_BASE:
            return named.BASE.of()
        return _BLOOD_SIDE[other] if other in (LV, RV) else _joined(inner, outer)  # such as a lead or a pericardium
    blood = pair & _BLOOD_SIDE.keys()
    if len(blood) == 1 and pair & {*_ATRIAL_TISSUE, *_VESSEL_TISSUE}:  # a neighbor's wall may be the nearest
        return _BLOOD_SIDE[blood.pop()]
    return _joined(inner, outer)


def _name_at_outside(value: int, present: set[int]) -> str:
    """Return the name of a structure's wall to the outside, as long as it is not cut.

    A cavity without a wall in the map ends where its wall would begin: there its outside is its endocardium.
    """
    if value in VENTRICULAR_TISSUE:
        return named.EPI.of()
    if value in _ATRIAL_TISSUE:
        return named.ATRIAL_EPI.of(_ATRIAL_TISSUE[value])
    if value in _VESSEL_TISSUE:
        return named.OUTER.of(_VESSEL_TISSUE[value])
    if value in WALL_OF:
        return named.OPENING.of(_id(value)) if WALL_OF[value] in present else _BLOOD_SIDE[value]
    return named.SURFACE.of(_id(value))


def _name_base(mesh: SurfaceMesh, names: NDArray[np.object_]) -> None:
    """Name the part of the left myocardium's outside that lies in the plane of the mitral valve, or of the opening."""
    opening = names == named.MITRAL.of()
    if not opening.any():
        opening = names == named.OPENING.of("LV")
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
    rim = mesh.triangles[opening | (names == named.BASE.of())]
    for part in linked_parts(mesh.triangles, np.flatnonzero(outside & near & (normals @ normal >= _BASE_COSINE))):
        if np.isin(mesh.triangles[part], rim).any():  # elsewhere the plane only passes through the heart
            names[part] = named.BASE.of()


def _name_ends(mesh: SurfaceMesh, names: NDArray[np.object_], border: Sequence[Plane]) -> None:
    """Name what the image border cuts flat, the ends of vessels, and the rims of walls around them."""
    cuts, present = BorderCuts(mesh, border), set(mesh.values)
    for value in sorted(present & {*_OUTLETS, *_INLETS}):
        wall = WALL_OF.get(value)
        wall = wall if wall in present else None
        openings = vessel_openings(mesh, cuts, value, ORIGIN_OF[value], wall)
        kind = named.OUTLET if value in _OUTLETS else named.INLET
        _write(names, kind.of(_id(value)), [opening.triangles for opening in openings])
        if wall is not None and openings:
            rims, present = _rims(mesh, cuts, value, openings), present - {wall}
            _write(names, named.RIM.of(_id(value)), rims[:len(openings)])
            _write(names, named.CUT.of(_id(wall)), rims[len(openings):])
    for value in sorted(present - {*_OUTLETS, *_INLETS}):
        _write(names, named.CUT.of(_id(value)), _cuts(mesh, cuts, value))


def _rims(mesh: SurfaceMesh, cuts: BorderCuts, vessel: int, openings: Sequence[VesselEnd]) -> list[NDArray[np.intp]]:
    """Return the rim of each opening of a vessel, some perhaps empty, and then cuts of its wall that are none."""
    wall = WALL_OF[vessel]
    rows = [rim_of(mesh, opening, wall) for opening in openings]
    others: list[NDArray[np.intp]] = []
    at_rim = np.unique(mesh.triangles[np.concatenate([*rows, *(opening.triangles for opening in openings)])])
    for cut in cuts.of(wall, [vessel]):
        (rows if np.isin(mesh.triangles[cut], at_rim).any() else others).append(cut)
    together = np.unique(np.concatenate(rows))
    nearest = nearest_opening(mesh, together, openings)
    return [*(together[nearest == number] for number in range(len(openings))), *others]


def _cuts(mesh: SurfaceMesh, cuts: BorderCuts, value: int) -> list[NDArray[np.intp]]:
    """Return the cuts of anything but a vessel; a thin wall around a cut cavity is cut in a ring."""
    beside = next((group for group in _CUT_TOGETHER if value in group), {value})
    found = cuts.of(value, beside)
    cavity = _CAVITY_OF.get(value)
    if cavity is None or value in _LEFT_TISSUE:
        return found
    for mouth in cuts.of(cavity):
        ring = rim_of(mesh, VesselEnd(disk_of(mesh, mouth), mouth), value)
        touching = [cut for cut in found if np.isin(mesh.triangles[cut], mesh.triangles[ring]).any()]
        found = [cut for cut in found if not any(cut is other for other in touching)]
        if len(ring):
            found.append(np.unique(np.concatenate([ring, *touching])))
    return sorted(found, key=lambda rows: -float(triangle_planes(mesh.points, mesh.triangles[rows])[2].sum()))


def _write(names: NDArray[np.object_], name: str, parts: Sequence[NDArray[np.intp]]) -> None:
    """Give parts a name, numbered where there are several."""
    for number, part in enumerate(parts, 1):
        names[part] = f"{name}_{number}" if len(parts) > 1 else name


def _joined(inner: int, outer: int) -> str:
    return named.JOINT.of(_id(inner), _id(outer))


def _id(value: int) -> str:
    return STRUCTURES[value].id if value in STRUCTURES else f"LABEL{value}"
