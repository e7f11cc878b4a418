"""A label map from the wall shells of a reference heart: walls, the blood that they enclose, and arteries.

Rules, the same for every heart: papillary muscles, trabeculae and leaflets belong to the cavity; atria end at the plane
of the annulus; the aorta starts with its root, the pulmonary artery at its valve. Veins are cut where the atrial wall
ends. The shells of chambers carry no arteries, so both are drawn as stubs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from HeartSeg3DLib.errors import CheckError, InputError

from .geometry import curve
from .shell_blood import Valve, arterial_valve, atrial_valve, enclosed, hull
from .shells import Shell, ShellGrid, grid_around, join, voxelise

LV, MYO, RV, LA, RA, AO, PA = range(1, 8)
RV_WALL, LA_WALL, RA_WALL, AO_WALL, PA_WALL = range(103, 108)

_PARTS = {
    "septum": "septum", "papillary": "papillary",
    "mitral.*valve": "mitral", "tricuspid.*valve": "tricuspid",
    "aortic.*valve": "aortic", "pulmonary.*valve": "pulmonary",
    "left.*ventricle": "left ventricle", "right.*ventricle": "right ventricle",
    "left.*atrium": "left atrium", "right.*atrium": "right atrium",
}
_OPTIONAL = {"papillary"}
_MARGIN_MM, _ABOVE_MM = 8.0, 40.0
_GAP_MM, _OSTIUM_MM = 6.0, 24.0
"""Radius of balls that cannot pass the gaps between ventricular walls and valves, and the ostia of veins."""
_FREE_WALL_MM, _SEPTAL_MM = 5.0, 3.0
"""Muscle of the right ventricle deeper than this, from outside or from the septum, is trabeculae."""
_THICKEST_MM = ((MYO, LV, 9.0), (LA_WALL, LA, 3.0), (RA_WALL, RA, 3.0))
"""Walls of relaxed chambers, measured from outside."""
_PARTED = ((LV, RV, MYO), (LV, RA, MYO), (LV, 0, MYO), (RV, 0, RV_WALL), (LA, RA, LA_WALL), (LA, RV, LA_WALL),
           (AO, LA, AO_WALL), (AO, RA, AO_WALL), (AO, RV, AO_WALL), (AO, PA, AO_WALL), (LV, PA, MYO), (RA, PA, RA_WALL),
           (LA, PA, LA_WALL))
"""Cavities that never open into each other or to the outside, and the wall between them."""
_ISLAND_VOXELS = 300
_VESSEL_WALL_MM = 2.0
_STUBS = (("aortic", AO, AO_WALL, 38.0, (0.0, 0.0, 1.0)), ("pulmonary", PA, PA_WALL, 24.0, (0.1, 0.7, 0.7)))
"""Arteries in the order in which they are drawn: valve, values, length in mm, and where they bend to (LPS)."""
_PLAUSIBLE_ML = {LV: (25, 350), MYO: (40, 350), RV: (40, 400), LA: (15, 300), RA: (20, 300), AO: (5, 80), PA: (2, 60)}
"""Volumes beyond which a chamber leaks or was not enclosed; wide enough for disease."""

Masks = dict[str, np.ndarray]


@dataclass(frozen=True)
class ShellHeart:
    """A heart on its grid.

    Attributes:
        labels: (d, h, w) uint8 label map [z, y, x] at 1 mm, LPS, values 1-7 and walls 103-107.
        grid: Its grid.
    """

    labels: np.ndarray
    grid: ShellGrid


def sort_parts(shells: dict[str, Shell], source: str = "the file") -> dict[str, Shell]:
    """Put shells of any naming under the parts of a heart, e.g. `VH_F_left_ventricle` under `left ventricle`.

    Raises:
        InputError: A name is unknown, or a part is missing.
    """
    found: dict[str, list[Shell]] = {}
    unknown = []
    for name, shell in shells.items():
        part = next((part for pattern, part in _PARTS.items() if re.search(pattern, name.lower())), None)
        if part is None:
            unknown.append(name)
        else:
            found.setdefault(part, []).append(shell)
    missing = sorted(set(_PARTS.values()) - _OPTIONAL - set(found))
    if unknown or missing:
        raise InputError(
            f"The shells in {source} do not fit: unknown {', '.join(unknown) or 'none'}; "
            f"missing {', '.join(missing) or 'none'}.",
            f"Name shells after {', '.join(_PARTS.values())}, and remove all others.")
    return {part: join(parts) for part, parts in found.items()}


def heart_from_shells(shells: dict[str, Shell], *, relaxed: bool = True, source: str = "the file") -> ShellHeart:
    """Make the label map of a heart.

    Args:
        shells: Shells by any name that :func:`sort_parts` knows, mm, LPS.
        relaxed: Hearts of the dead are contracted; what lies deeper in a wall than it is thick in life becomes cavity,
            as if the chamber had relaxed. False keeps the walls as they are.
        source: What errors call the shells.

    Raises:
        InputError: The shells are not those of a heart.
        CheckError: A chamber was not enclosed, or leaks.
    """
    parts = sort_parts(shells, source)
    grid = grid_around(list(parts.values()), _MARGIN_MM, _ABOVE_MM)
    solid = {name: voxelise(shell, grid) for name, shell in parts.items()}
    solid["muscle"] = solid["left ventricle"] | solid["septum"]
    valves = _valves(parts, solid, grid)
    labels = _blood(solid, valves, hull(parts["aortic"], grid), grid)
    _add_walls(labels, solid, valves["pulmonary"], grid)
    if relaxed:
        for wall, cavity, thickest in _THICKEST_MM:
            _relax(labels, wall, cavity, thickest)
    _sort_right_ventricle(labels)
    _add_arteries(labels, valves, grid)
    _open_outflow(labels, valves["aortic"], grid)
    _fill_slits(labels)
    _part_cavities(labels)
    _drop_islands(labels)
    _check(labels, source)
    return _trimmed(labels, grid)


def _valves(parts: dict[str, Shell], solid: Masks, grid: ShellGrid) -> dict[str, Valve]:
    return {
        "mitral": atrial_valve(parts["mitral"], solid["left atrium"], solid["muscle"], grid),
        "tricuspid": atrial_valve(parts["tricuspid"], solid["right atrium"], solid["right ventricle"], grid),
        "aortic": arterial_valve(parts["aortic"], solid["muscle"], grid),
        "pulmonary": arterial_valve(parts["pulmonary"], solid["right ventricle"], grid),
    }


def _blood(solid: Masks, valves: dict[str, Valve], root: np.ndarray, grid: ShellGrid) -> np.ndarray:
    """Return a label map with the blood of the chambers and of the aortic root."""
    mitral, tricuspid = valves["mitral"].disc(grid), valves["tricuspid"].disc(grid)
    pulmonary = valves["pulmonary"].disc(grid)
    walls = solid["muscle"] | solid["right ventricle"] | solid["left atrium"] | solid["right atrium"]
    rooms = {
        LA: enclosed(solid["left atrium"] | mitral, _OSTIUM_MM),
        RA: enclosed(solid["right atrium"] | tricuspid, _OSTIUM_MM),
        RV: enclosed(solid["right ventricle"] | solid["septum"] | tricuspid | pulmonary, _GAP_MM),
        LV: enclosed(solid["muscle"] | mitral | root, _GAP_MM),
    }
    labels = np.zeros(root.shape, np.uint8)
    for value, room in rooms.items():
        labels[room & ~walls] = value
    labels[root & ~walls] = AO
    for valve, upstream, downstream in (("mitral", LA, LV), ("tricuspid", RA, RV), ("pulmonary", RV, PA)):
        _split(labels, valves[valve], upstream, downstream, walls, grid)
    return labels


def _split(labels: np.ndarray, valve: Valve, upstream: int, downstream: int, walls: np.ndarray,
           grid: ShellGrid) -> None:
    """Move what reaches through a valve's plane to the chamber behind it, and share out the plane itself, in place."""
    height = valve.height(grid)
    through = (labels == upstream) & (height >= 0) & valve.near(grid, valve.radius + 6)
    labels[through] = downstream
    gap = valve.near(grid, valve.radius + 1) & (np.abs(height) <= 1) & (labels == 0) & ~walls
    labels[gap] = np.where(height[gap] < 0, upstream, downstream)


def _add_walls(labels: np.ndarray, solid: Masks, pulmonary: Valve, grid: ShellGrid) -> None:
    """Write the walls where there is no blood; above the pulmonary valve the ventricle's shell is the artery's wall."""
    above = (pulmonary.height(grid) > 0) & pulmonary.near(grid, pulmonary.radius + 25)
    right = solid["right ventricle"]
    for mask, value in ((solid["muscle"], MYO), (right & ~above, RV_WALL), (right, PA_WALL),
                        (solid["left atrium"], LA_WALL), (solid["right atrium"], RA_WALL)):
        labels[mask & (labels == 0)] = value


def _relax(labels: np.ndarray, wall: int, cavity: int, thickest: float) -> None:
    """Turn a chamber's wall deeper than a thickness (mm) into cavity, in place."""
    muscle = labels == wall
    depth = ndimage.distance_transform_edt(muscle | (labels == cavity))
    labels[muscle & (depth > thickest)] = cavity


def _sort_right_ventricle(labels: np.ndarray) -> None:
    """Give the septal side of the right ventricle's shell to the myocardium and trabeculae to the cavity, in place."""
    wall = labels == RV_WALL
    outside = ndimage.distance_transform_edt(labels != 0)
    septal = ndimage.distance_transform_edt(labels != MYO)
    labels[wall & (septal < outside) & (septal <= _SEPTAL_MM)] = MYO
    labels[wall & (septal > _SEPTAL_MM) & (outside > _FREE_WALL_MM)] = RV
    muscle = labels == MYO
    smooth = ndimage.distance_transform_edt(ndimage.distance_transform_edt(muscle) <= _SEPTAL_MM) <= _SEPTAL_MM
    to_right = ndimage.distance_transform_edt(labels != RV) < ndimage.distance_transform_edt(labels != LV)
    labels[muscle & ~smooth & to_right & (ndimage.distance_transform_edt(labels != 0) > _FREE_WALL_MM)] = RV


def _add_arteries(labels: np.ndarray, valves: dict[str, Valve], grid: ShellGrid) -> None:
    """Draw the ascending aorta and the pulmonary trunk into the background, with walls."""
    for valve, value, wall, length, bend in _STUBS:
        start, axis, radius = valves[valve].centre, valves[valve].normal, valves[valve].radius
        way = axis + bend
        knee = start + 0.4 * length * axis
        path = np.array([start + axis, knee, knee + 0.6 * length * way / np.linalg.norm(way)])
        tube = _tube(path, radius, grid)
        labels[tube & np.isin(labels, (0, wall))] = value
        around = ndimage.distance_transform_edt(labels != value) <= _VESSEL_WALL_MM
        labels[around & (labels == 0)] = wall


def _tube(path: np.ndarray, radius: float, grid: ShellGrid) -> np.ndarray:
    """Mask [z, y, x] of the voxels within a radius of a curve through points (x, y, z) in mm, its ends cut flat."""
    points, _, _ = curve(path, radius, 1.0)
    line = np.zeros(grid.shape[::-1], bool)
    index = np.rint(points - grid.origin).astype(int)
    line[index[:, 2], index[:, 1], index[:, 0]] = True
    first, last = Valve(points[0], points[1] - points[0], radius), Valve(points[-1], points[-1] - points[-2], radius)
    tube = ndimage.distance_transform_edt(~line) <= radius
    return tube & (first.height(grid) >= 0) & (last.height(grid) <= 0)


def _fill_slits(labels: np.ndarray) -> None:
    """Close what is enclosed or narrower than 3 mm between the parts, with the nearest part's value, in place."""
    heart = labels != 0
    closed = ndimage.distance_transform_edt(ndimage.distance_transform_edt(~heart) <= 2) > 2
    slits = ndimage.binary_fill_holes(closed | heart) & ~heart
    nearest = ndimage.distance_transform_edt(~heart, return_distances=False, return_indices=True)
    labels[slits] = labels[tuple(nearest)][slits]


def _open_outflow(labels: np.ndarray, aortic: Valve, grid: ShellGrid, length: float = 8.0) -> None:
    """Clear the way from the left ventricle to the aorta of muscle that bulges into it, in place."""
    height = aortic.height(grid)
    across = aortic.near(grid, np.hypot(length, 0.75 * aortic.radius)) & _around_axis(aortic, grid, 0.75)
    way = across & (height > -length) & (height < 2) & np.isin(labels, (0, MYO, AO_WALL, LV, AO))
    labels[way] = np.where(height[way] < 0, LV, AO)


def _around_axis(valve: Valve, grid: ShellGrid, share: float) -> np.ndarray:
    """Mask [z, y, x] of the cylinder around a valve's axis with a share of its radius."""
    x, y, z = (c - o for c, o in zip(grid.coordinates(), valve.centre, strict=True))
    return x**2 + y**2 + z**2 - valve.height(grid) ** 2 < (share * valve.radius) ** 2


def _part_cavities(labels: np.ndarray) -> None:
    """Put a wall of one voxel on each side between cavities that touch and must not, in place."""
    touching = np.ones((3, 3, 3), bool)
    for cavity, other, wall in _PARTED:
        inner, outer = labels == cavity, labels == other
        labels[inner & ndimage.binary_dilation(outer, touching)] = wall
        if other != 0:
            labels[outer & ndimage.binary_dilation(inner, touching)] = wall


def _drop_islands(labels: np.ndarray) -> None:
    """Give small pieces apart from a structure's largest one the value of what is nearest to them, in place."""
    islands = np.zeros(labels.shape, bool)
    for value in np.unique(labels[labels > 0]):
        pieces, _ = ndimage.label(labels == value)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        small = sizes < _ISLAND_VOXELS
        small[[0, int(np.argmax(sizes))]] = False
        islands |= small[pieces]
    nearest = ndimage.distance_transform_edt(islands, return_distances=False, return_indices=True)
    labels[islands] = labels[tuple(nearest)][islands]


def _check(labels: np.ndarray, source: str) -> None:
    for value, (least, most) in _PLAUSIBLE_ML.items():
        volume = np.count_nonzero(labels == value) / 1000
        if not least <= volume <= most:
            raise CheckError(f"Structure {value} of {source} would have {volume:.1f} mL.",
                             "Check the units of the shells and that each encloses a chamber's whole wall.")


def _trimmed(labels: np.ndarray, grid: ShellGrid, margin: int = 10) -> ShellHeart:
    box = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    box = tuple(slice(max(s.start - margin, 0), min(s.stop + margin, n))
                for s, n in zip(box, labels.shape, strict=True))
    kept = np.ascontiguousarray(labels[box])
    start = grid.origin + [s.start for s in box[::-1]]
    return ShellHeart(kept, ShellGrid(start, (kept.shape[2], kept.shape[1], kept.shape[0])))
