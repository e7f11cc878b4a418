"""Grows walls around blood pools, which label maps of contrast-enhanced blood do not have.

A wall takes background only: other cavities, the myocardium and walls that are there already stay. Where a structure is
cut by the image border, and where a vessel ends, it stays open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..anatomy import STRUCTURES
from ..errors import InputError, UsageError
from .checking import name_of
from .cleaning import SPECK, Pieces, clean_labels, give_to_nearest
from .indicators import index_to_point
from .mesh import OUTSIDE, SurfaceMesh
from .patch_names import OPENING, OUTLET
from .patches import AO, LA, LV, PA, RA, RV, WALL_OF
from .planes import Disk, triangle_planes

WALL_MM: dict[int, float] = {RV: 3.5, LA: 2.0, RA: 2.0, AO: 2.0, PA: 2.0}
"""Wall thickness by cavity, as four-chamber pipelines use it (pycemrg and CemrgApp's four-chamber scheme)."""

_CAVITY_OF = {wall: cavity for cavity, wall in WALL_OF.items()}
_CAVITIES = tuple(WALL_OF)
_THICKEST_MM = 15.0
_BLOCK = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class Walled:
    """A label map with walls.

    Attributes:
        labels: The map, uint8; walls have the values 103 to 107.
        asked_mm: Thickness asked for, by wall value.
        measured_mm: Median thickness that the voxels of each wall have where it is free, by wall value.
        open_ends: Number of ends at which the wall of a vessel stayed open, by wall value.
        islands: Voxels of islands that went to the structures around them, by value.
        holes: Background voxels that the walls enclosed and that went to the structures around them.
        sentences: The same for the user.
    """

    labels: sitk.Image
    asked_mm: dict[int, float]
    measured_mm: dict[int, float]
    open_ends: dict[int, int]
    islands: dict[int, int]
    holes: int
    sentences: tuple[str, ...]


def add_walls(
    labels: sitk.Image, thickness_mm: Mapping[int, float] = WALL_MM, open_ends: Mapping[int, Sequence[Disk]] = {},
) -> Walled:
    """Return the label map with a wall around every cavity named.

    A background voxel within reach of several cavities goes to the one it is nearest to, in parts of its wall.

    Args:
        labels: 3-D uint8 label map. Cavities that are absent are left out; a wall that is there already is kept.
        thickness_mm: Thickness by cavity value.
        open_ends: Ends of vessels by cavity value, normals outward: nothing grows beyond them.

    Raises:
        UsageError: A structure that is no cavity, or a thickness that no wall has.
        InputError: The voxels are longer than twice the wall.
    """
    check_thickness(thickness_mm)
    voxels = sitk.GetArrayFromImage(labels)
    spacing = labels.GetSpacing()[::-1]
    nearest, walls = np.full(voxels.shape, 1.0, np.float32), np.zeros(voxels.shape, np.uint8)
    asked: dict[int, float] = {}
    there = [WALL_OF[cavity] for cavity in thickness_mm if (voxels == WALL_OF[cavity]).any()]
    for cavity, wall_mm in walls_to_grow(labels, thickness_mm).items():
        wall = WALL_OF[cavity]
        _refuse_coarse(labels, wall_mm)
        asked[wall] = wall_mm
        part, distance = _distance(voxels == cavity, spacing, wall_mm)
        share = distance / wall_mm
        for end in open_ends.get(cavity, ()):
            share[_beyond(labels, part, end, wall_mm)] = np.inf
        closer = (share <= nearest[part]) & (voxels[part] == OUTSIDE)
        nearest[part][closer] = share[closer]
        walls[part][closer] = wall
    voxels[walls > 0] = walls[walls > 0]
    scraps = _scraps(voxels, list(asked))
    loose = {wall: int(np.count_nonzero(scraps & (voxels == wall))) for wall in asked}
    give_to_nearest(voxels, scraps, spacing, keeping=_CAVITIES)
    grown = sitk.GetImageFromArray(voxels)
    grown.CopyInformation(labels)
    cleaned = clean_labels(grown, Pieces.KEEP_ALL)  # walls may have enclosed background
    voxels = sitk.GetArrayFromImage(cleaned.labels)
    measured = {wall: _thickness(voxels, wall, spacing, asked[wall]) for wall in asked if (voxels == wall).any()}
    kept = [f"{name_of(wall)}: in the label map already, and kept as it is." for wall in there]
    ends = {wall: len(open_ends.get(_CAVITY_OF[wall], ())) for wall in measured}
    changed = [f"When walls had grown: {sentence}" for sentence in cleaned.sentences]
    return Walled(cleaned.labels, asked, measured, ends, cleaned.islands, cleaned.holes,
                  (*_sentences(asked, measured, loose, ends), *kept, *changed))


def walls_to_grow(labels: sitk.Image, thickness_mm: Mapping[int, float]) -> dict[int, float]:
    """Return the thickness by cavity of those walls whose cavity is in the label map and that are not themselves."""
    present = set(np.unique(sitk.GetArrayViewFromImage(labels)).tolist())
    return {cavity: wall_mm for cavity, wall_mm in thickness_mm.items()
            if cavity in present and WALL_OF[cavity] not in present}


def hole_sentences(
    mesh: SurfaceMesh, patches: Mapping[str, NDArray[np.intp]], walls: Collection[int], open_ends: Mapping[int, int]
) -> list[str]:
    """Return a sentence for each grown wall that a mesh could not keep closed, or that is open at too many ends.

    Args:
        mesh: Walls between labels, LPS, mm.
        patches: Indices of triangles by name, see `patches.name_patches`.
        walls: Wall values.
        open_ends: Number of ends at which the wall of a vessel grew open, by wall value.
    """
    sentences = []
    for wall in walls:
        id_ = STRUCTURES[_CAVITY_OF[wall]].id
        name = OPENING.of(id_)
        if name in patches:
            area = triangle_planes(mesh.points, mesh.triangles[patches[name]])[2].sum()
            sentences.append(f"{name_of(wall)}: holes of {area / 100:.2f} cm² in all, named {name} (a "
                             "surface of the blood); the wall is too thin for these voxels or edges.")
        is_vessel = _CAVITY_OF[wall] in (AO, PA)
        outlets = [patch for patch in patches if is_vessel and patch.startswith(OUTLET.of(id_))]
        if len(outlets) > open_ends.get(wall, 0):
            sentences.append(f"{name_of(wall)}: open at {len(outlets)} places in the mesh ({', '.join(outlets)}), and "
                             f"it grew open at {open_ends.get(wall, 0)}; the others are holes. Shorter edges close "
                             "them.")
    return sentences


def check_thickness(thickness_mm: Mapping[int, float]) -> None:
    """Make sure that walls can grow around these cavities and be so thick, in mm by cavity value.

    Raises:
        UsageError: A structure that is no cavity, or a thickness that no wall has.
    """
    for cavity, wall_mm in thickness_mm.items():
        if cavity not in WALL_OF or cavity == LV:
            raise UsageError(f"{name_of(cavity)} gets no wall.",
                             "Give walls to RV, LA, RA, AO and PA; the left ventricle has its myocardium.")
        if not 0.0 < wall_mm <= _THICKEST_MM:
            raise UsageError(f"{wall_mm:g} mm is no thickness of a wall of the heart.",
                             f"Choose a thickness of more than 0 and at most {_THICKEST_MM:g} mm.")


def _refuse_coarse(labels: sitk.Image, wall_mm: float) -> None:
    """Refuse voxels between which a wall would have holes, where the cavity faces along their longest edge."""
    if max(labels.GetSpacing()) > 2.0 * wall_mm:
        raise InputError(f"A wall of {wall_mm:g} mm is less than half a voxel "
                         f"({' x '.join(f'{size:.2g}' for size in labels.GetSpacing())} mm).",
                         "Resample the label map to finer voxels, or ask for a thicker wall.")


def _scraps(voxels: NDArray[np.uint8], walls: Sequence[int]) -> NDArray[np.bool_]:
    """Return voxels of walls that grew into crevices: threads of one voxel that lead away from the wall, and islands.

    No mesh could show them; specks of wall would be left far from the wall.
    """
    scraps = np.zeros(voxels.shape, bool)
    for wall, box in enumerate(ndimage.find_objects(voxels), 1):
        if box is None or wall not in walls:
            continue
        mask = voxels[box] == wall
        parts, _ = ndimage.label(_in_squares(mask))
        sizes = np.bincount(parts.ravel())
        kept = sizes > SPECK * sizes[1:].sum()
        kept[0] = False
        scraps[box] |= mask & ~ndimage.binary_dilation(kept[parts], _BLOCK)
    return scraps


def _in_squares(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels that lie in a square of 2 x 2 voxels of the mask, whichever axis it is normal to."""
    found = np.zeros_like(mask)
    for axis in range(3):
        first, second = (other for other in range(3) if other != axis)
        pairs = _without(mask, first, -1) & _without(mask, first, 0)
        squares = _without(pairs, second, -1) & _without(pairs, second, 0)
        for along, across in product((0, -1), repeat=2):
            _without(_without(found, first, along), second, across)[...] |= squares
    return found


def _without(mask: NDArray[np.bool_], axis: int, layer: int) -> NDArray[np.bool_]:
    """Return a view of a mask without its first (0) or last (-1) layer along an axis."""
    return mask[(slice(None),) * axis + (slice(1, None) if layer == 0 else slice(None, -1),)]


def _distance(
    mask: NDArray[np.bool_], spacing: tuple[float, ...], reach_mm: float
) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
    """Return the box around a cavity with room for its wall, and the distance in mm from the cavity's surface there.

    Centers of voxels lie half a voxel behind the surface, so that a wall has its thickness in the mean: half of one
    step of the way, whichever edge of the voxel it goes along. In slices the voxel above may not be the nearest one by
    its center, and yet it is the cavity's surface that lies between.
    """
    part = []
    for axis, step in enumerate(spacing):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        margin = int(np.ceil(reach_mm / step)) + 1
        part.append(slice(max(int(filled[0]) - margin, 0), int(filled[-1]) + margin + 1))
    box = tuple(part)
    way, nearest = ndimage.distance_transform_edt(~mask[box], spacing, return_indices=True)
    steps = np.sqrt(sum((place - own) ** 2 for place, own in zip(nearest, np.ogrid[tuple(
        slice(0, size) for size in way.shape)], strict=True)))
    distance = way - 0.5 * way / np.maximum(steps, 1.0)
    for axis, step in enumerate(spacing):
        beside = ndimage.binary_dilation(mask[box], np.ones([3 if axis == other else 1 for other in range(3)], bool))
        distance[beside] = np.minimum(distance[beside], 0.5 * step)
    return box, distance.astype(np.float32)


def _beyond(labels: sitk.Image, part: tuple[slice, ...], end: Disk, wall_mm: float) -> NDArray[np.bool_]:
    """Return which voxels of a box lie in front of a vessel's end; elsewhere its plane may pass through the vessel."""
    index = np.stack(np.meshgrid(*[np.arange(side.start, side.start + size) for side, size in zip(
        part, _shape(labels, part), strict=True)], indexing="ij"), axis=-1)[..., ::-1]
    offset = index @ index_to_point(labels).T + labels.GetOrigin() - end.point
    height = offset @ end.normal
    aside = np.linalg.norm(offset - height[..., None] * end.normal, axis=-1)
    room = 2.0 * wall_mm + max(labels.GetSpacing())
    return np.asarray((height > 0.0) & (height <= room) & (aside <= end.radius + room))


def _shape(labels: sitk.Image, part: tuple[slice, ...]) -> list[int]:
    return [len(range(*side.indices(size))) for side, size in zip(part, labels.GetSize()[::-1], strict=True)]


def _thickness(voxels: NDArray[np.uint8], wall: int, spacing: tuple[float, ...], wall_mm: float) -> float:
    """Return the median over the wall's free outer voxels of their distance from what the wall encloses, in mm."""
    filled = ndimage.find_objects(voxels)[wall - 1]
    # A wall reaches no farther than its thickness, so with a voxel more the box holds what it encloses.
    box = tuple(slice(max(side.start - margin, 0), side.stop + margin) for side, margin in zip(
        filled, (int(np.ceil(wall_mm / step)) + 1 for step in spacing), strict=True))
    inside = voxels[box]
    mask, free = inside == wall, inside == OUTSIDE
    outer = mask & ndimage.binary_dilation(np.pad(free, 1, constant_values=True))[1:-1, 1:-1, 1:-1]
    depth = ndimage.distance_transform_edt(mask | free, spacing)
    chosen = depth[outer if outer.any() else mask]
    return float(np.median(chosen))


def _sentences(
    asked: dict[int, float], measured: dict[int, float], loose: dict[int, int], open_ends: Mapping[int, int]
) -> list[str]:
    sentences = []
    for wall, wanted in asked.items():
        if wall not in measured:
            sentences.append(f"{name_of(wall)}: no free voxel around the cavity, so there is no wall.")
            continue
        sentence = f"{name_of(wall)}: {wanted:.1f} mm asked for, {measured[wall]:.1f} mm made"
        if ends := open_ends[wall]:
            sentence += f", open at {ends} end{'s' if ends > 1 else ''}"
        if loose[wall]:
            sentence += f"; {loose[wall]} voxels in crevices went to the tissue beside them"
        sentences.append(f"{sentence}.")
    return sentences
