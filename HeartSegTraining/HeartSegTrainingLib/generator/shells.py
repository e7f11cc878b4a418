"""Named surface shells of a heart (glTF binary) as solids on a voxel grid.

Reference organs come as one shell a part: a chamber's shell encloses its wall, not its blood. Shells may have holes and
split vertices, so each is welded, its holes are capped, and a voxel is solid where rays along two of three axes say so.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from HeartSeg3DLib.errors import InputError

_MAGIC, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942
_NUMBERS = {5121: np.dtype("u1"), 5123: np.dtype("<u2"), 5125: np.dtype("<u4"), 5126: np.dtype("<f4")}
_TRIANGLES = 4
_REMEDY = "Give a glTF binary (.glb) with plain triangles: no compression, no external files, no transforms."
_NUDGE = (1.3e-4, 2.7e-4)
"""Rays pass this far (mm) beside voxel centres, so that none runs along an edge of a shell on round coordinates."""


@dataclass(frozen=True)
class Shell:
    """A triangle surface.

    Attributes:
        points: (n, 3) positions (x, y, z) in mm, LPS.
        faces: (m, 3) indices of points, seen counter-clockwise from outside.
    """

    points: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True)
class ShellGrid:
    """A 1 mm grid in LPS with identity direction.

    Attributes:
        origin: Centre (x, y, z) of the first voxel in mm.
        shape: Number of voxels (x, y, z).
    """

    origin: np.ndarray
    shape: tuple[int, int, int]

    def points(self, mask: np.ndarray) -> np.ndarray:
        """Return the (n, 3) positions (x, y, z) in mm of the voxels of a [z, y, x] mask."""
        return np.argwhere(mask)[:, ::-1] + self.origin

    def coordinates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return open arrays (x, y, z) in mm that broadcast to [z, y, x]."""
        x, y, z = (np.arange(count) + start for count, start in zip(self.shape, self.origin, strict=True))
        return x[None, None, :], y[None, :, None], z[:, None, None]


def grid_around(shells: list[Shell], margin: float, above: float) -> ShellGrid:
    """Return the grid around shells, with a margin on every side and more room above, in mm."""
    points = np.concatenate([shell.points for shell in shells])
    low = np.floor(points.min(0)) - margin
    high = np.ceil(points.max(0)) + [margin, margin, above]
    x, y, z = (int(count) for count in high - low + 1)
    return ShellGrid(low, (x, y, z))


def read_shells(path: Path) -> dict[str, Shell]:
    """Read the meshes of a glTF binary by name.

    glTF counts in metres with y up and the front towards +z; a body in it looks along +z, so that x is its left.

    Args:
        path: A .glb file.

    Returns:
        Welded shells in mm, LPS, in the file's order. Meshes of one name become one shell.

    Raises:
        InputError: The file is no glTF binary, or uses what is not read here.
    """
    try:
        document, binary = _read_chunks(path.read_bytes())
        _check_transforms(document)
        parts: dict[str, list[Shell]] = {}
        for mesh in document["meshes"]:
            for primitive in mesh["primitives"]:
                if primitive.get("mode", _TRIANGLES) != _TRIANGLES:
                    raise ValueError("not triangles")
                points = _accessor(document, binary, primitive["attributes"]["POSITION"])
                faces = _accessor(document, binary, primitive["indices"]).reshape(-1, 3).astype(np.int64)
                parts.setdefault(mesh["name"], []).append(Shell(_to_lps(points), faces))
        return {name: weld(join(shells)) for name, shells in parts.items()}
    except (OSError, struct.error, ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"The shells in {path.name} cannot be read.", _REMEDY) from error


def _read_chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    if struct.unpack_from("<I", data)[0] != _MAGIC:
        raise ValueError("no glTF binary")
    chunks, position = {}, 12
    while position + 8 <= len(data):
        length, kind = struct.unpack_from("<II", data, position)
        chunks[kind] = data[position + 8 : position + 8 + length]
        position += 8 + length
    return json.loads(chunks[_JSON]), chunks[_BINARY]


def _check_transforms(document: dict[str, Any]) -> None:
    identity = {"translation": [0, 0, 0], "rotation": [0, 0, 0, 1], "scale": [1, 1, 1],
                "matrix": np.eye(4).ravel().tolist()}
    for node in document.get("nodes", []):
        if any(not np.allclose(node.get(key, value), value) for key, value in identity.items()):
            raise ValueError("a node has a transform")


def _accessor(document: dict[str, Any], binary: bytes, index: int) -> np.ndarray:
    """Return the (count, components) array of an accessor."""
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    number = _NUMBERS[accessor["componentType"]]
    width = {"SCALAR": 1, "VEC3": 3}[accessor["type"]]
    stride = view.get("byteStride", width * number.itemsize)
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    return np.ndarray((accessor["count"], width), number, binary, start, (stride, number.itemsize)).copy()


def _to_lps(points: np.ndarray) -> np.ndarray:
    x, y, z = points.astype(np.float64).T * 1000
    return np.stack([x, -z, y], 1)


def join(shells: list[Shell]) -> Shell:
    """Put shells together as one."""
    starts = np.cumsum([0] + [len(shell.points) for shell in shells[:-1]])
    return Shell(np.concatenate([shell.points for shell in shells]),
                 np.concatenate([shell.faces + start for shell, start in zip(shells, starts, strict=True)]))


def weld(shell: Shell) -> Shell:
    """Merge points at the same place (0.1 µm) and drop triangles that this makes degenerate."""
    points, index = np.unique(np.round(shell.points, 4), axis=0, return_inverse=True)
    faces = index.ravel()[shell.faces]
    a, b, c = faces.T
    return Shell(points, faces[(a != b) & (b != c) & (c != a)])


def capped(shell: Shell) -> Shell:
    """Close every hole of a welded shell by a fan of triangles around the mean of the hole's rim."""
    edges = np.concatenate([shell.faces[:, [0, 1]], shell.faces[:, [1, 2]], shell.faces[:, [2, 0]]])
    _, index, count = np.unique(np.sort(edges, 1), axis=0, return_inverse=True, return_counts=True)
    rim = edges[count[index.ravel()] == 1]
    if not len(rim):
        return shell
    size = len(shell.points)
    links = coo_array((np.ones(len(rim)), (rim[:, 0], rim[:, 1])), shape=(size, size))
    part = connected_components(links, directed=False)[1][rim[:, 0]]
    holes, part = np.unique(part, return_inverse=True)
    centres = [shell.points[np.unique(rim[part == k])].mean(0) for k in range(len(holes))]
    fans = np.stack([rim[:, 1], rim[:, 0], size + part], 1)
    return Shell(np.concatenate([shell.points, centres]), np.concatenate([shell.faces, fans]))


def voxelise(shell: Shell, grid: ShellGrid) -> np.ndarray:
    """Return the [z, y, x] bool mask of the voxels whose centres a shell encloses.

    A voxel is enclosed where the winding number is not 0 along at least two of the three axes. An inner shell with
    triangles turned the other way makes a cavity.
    """
    closed = capped(shell)
    votes = sum((_winding(closed, grid, axis) != 0).astype(np.uint8) for axis in range(3))
    return np.ascontiguousarray((votes >= 2).transpose(2, 1, 0))


def _winding(shell: Shell, grid: ShellGrid, axis: int) -> np.ndarray:
    """Return the [x, y, z] winding numbers counted along rays through the voxel centres in direction of an axis."""
    across = [(axis + 1) % 3, (axis + 2) % 3]
    corners = (shell.points - grid.origin)[shell.faces]
    plane = corners[:, :, across] + np.array(_NUDGE)
    width, height, depth = (grid.shape[k] for k in (*across, axis))
    steps = np.zeros((width, height, depth + 1), np.int16)
    low = np.ceil(plane.min(1)).astype(int)
    extent = np.maximum(np.floor(plane.max(1)).astype(int) - low + 1, 0)
    edges = plane[:, 1:] - plane[:, :1]
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    for offset in np.ndindex(*extent.max(0)):
        hit = np.flatnonzero((extent > offset).all(1) & (np.abs(area) > 1e-12))
        place = low[hit] + offset
        to = place - plane[hit, 0]
        first = (to[:, 0] * edges[hit, 1, 1] - to[:, 1] * edges[hit, 1, 0]) / area[hit]
        second = (to[:, 1] * edges[hit, 0, 0] - to[:, 0] * edges[hit, 0, 1]) / area[hit]
        inside = (first >= 0) & (second >= 0) & (first + second <= 1)
        inside &= (place >= 0).all(1) & (place < (width, height)).all(1)
        hit, place, first, second = hit[inside], place[inside], first[inside], second[inside]
        along = corners[hit][:, :, axis]
        at = along[:, 0] + first * (along[:, 1] - along[:, 0]) + second * (along[:, 2] - along[:, 0])
        index = np.clip(np.ceil(at).astype(int), 0, depth)
        np.add.at(steps, (place[:, 0], place[:, 1], index), np.where(area[hit] > 0, -1, 1))
    return np.moveaxis(np.cumsum(steps, axis=2)[:, :, :-1], (0, 1, 2), (*across, axis))
