"""What the formats write: one mesh in one frame, with the labels and tags that a simulator was promised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ...anatomy import STRUCTURES
from ...errors import InputError, UsageError
from ..fibers import FIBER, SHEET, FiberAngles
from ..mesh import OUTSIDE, SurfaceMesh, TetraMesh
from ..patches import VENTRICULAR_TISSUE

LPS, RAS = "LPS", "RAS"
FRAMES = (LPS, RAS)
_TO_RAS = np.array([-1.0, -1.0, 1.0])
"""LPS to RAS turns by 180 degrees about the z axis: a rotation, so triangles and tetrahedra keep their orientation."""

_PATCH_NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
"""It becomes a file's name, and a name in languages that know neither spaces nor accents."""

_GRAY = (128, 128, 128)


@dataclass(frozen=True)
class MeshSource:
    """The label map that a mesh was made from.

    Attributes:
        name: Name of its file, without folders: paths may name patients.
        labels: 3-D label map of the mesh's label values, LPS in mm.
    """

    name: str
    labels: sitk.Image


@dataclass(frozen=True)
class Region:
    """Labels that are written under one tag.

    Attributes:
        tag: Number in the file.
        name: Identifiers of the structures, such as "MYO", joined by "_".
        labels: Label values of the mesh.
        color: sRGB, 0-255, of the first label.
    """

    tag: int
    name: str
    labels: tuple[int, ...]
    color: tuple[int, int, int]


@dataclass(frozen=True)
class MeshContent:
    """A mesh as it is written; every node belongs to it.

    Attributes:
        points: (N, 3) float64, mm, in `frame`.
        triangles: (M, 3) int32, normals out of `labels[:, 0]`.
        labels: (M, 2) int16, as in `SurfaceMesh`, but the higher value comes first where its patch looks that way.
        tetrahedra: (K, 4) int32 of positive volume; empty for a surface.
        tetra_labels: (K,) int16.
        patches: Indices of triangles by the patch's name, at least one each.
        node_fields: (N,) or (N, 3) float64 by name; vectors are in `frame`.
        cell_fields: (K,) or (K, 3) float64 by name.
        frame: "LPS" or "RAS".
        tags: Tag of each label that is not written under its own value.
        source: Label map that the mesh was made from, where it is known.
        angles: Angles that its fibers were laid with, where they were laid by rule.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int32]
    labels: NDArray[np.int16]
    tetrahedra: NDArray[np.int32]
    tetra_labels: NDArray[np.int16]
    patches: dict[str, NDArray[np.intp]]
    node_fields: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    cell_fields: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    frame: str = LPS
    tags: Mapping[int, int] = field(default_factory=dict)
    source: MeshSource | None = None
    angles: FiberAngles | None = None

    @property
    def header(self) -> str:
        """One line for the comment of a file; Slicer reads the frame from it."""
        return f"HeartSeg SPACE={self.frame} UNITS=mm"

    @cached_property
    def tetra_tags(self) -> NDArray[np.int32]:
        """(K,) int32 tag of each tetrahedron."""
        return self._tagged(self.tetra_labels)

    @cached_property
    def side_tags(self) -> NDArray[np.int32]:
        """(M, 2) int32 tags of both sides of each triangle."""
        return self._tagged(self.labels)

    @cached_property
    def with_fibers(self) -> NDArray[np.bool_]:
        """(K,) tetrahedra with a fiber, and with a sheet where the mesh has sheets."""
        known = np.full(len(self.tetrahedra), FIBER in self.cell_fields)
        for name in {FIBER, SHEET} & set(self.cell_fields):
            known &= np.linalg.norm(self.cell_fields[name], axis=1) > 0.0  # NaN is not, either
        return known

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The tags that occur, ascending."""
        values = np.unique(np.concatenate([self.labels.ravel(), self.tetra_labels]))
        by_tag: dict[int, list[int]] = {}
        for value in values[values != OUTSIDE].tolist():
            by_tag.setdefault(self.tags.get(value, value), []).append(value)
        return tuple(
            Region(tag, "_".join(name_of(value) for value in labels), tuple(labels), color_of(labels[0]))
            for tag, labels in sorted(by_tag.items())
        )

    def closed_surface(self, region: Region) -> NDArray[np.int32]:
        """Return the (K, 3) triangles around a region, normals pointing out of it."""
        inner, outer = (np.isin(self.labels[:, side], region.labels) for side in (0, 1))
        return np.concatenate([self.triangles[inner & ~outer], self.triangles[outer & ~inner][:, ::-1]])

    def _tagged(self, labels: NDArray[np.int16]) -> NDArray[np.int32]:
        tags = np.arange(int(labels.max(initial=0)) + 1, dtype=np.int32)
        for value, tag in self.tags.items():
            if value < len(tags):
                tags[value] = tag
        return tags[labels]


def name_of(value: int) -> str:
    """Return the identifier of a label, such as "MYO"; "OUTSIDE" around the mesh."""
    if value == OUTSIDE:
        return "OUTSIDE"
    return STRUCTURES[value].id if value in STRUCTURES else f"LABEL{value}"


def color_of(value: int) -> tuple[int, int, int]:
    """Return the color of a label, gray where the project has none."""
    return STRUCTURES[value].color if value in STRUCTURES else _GRAY


def content_of(
    mesh: SurfaceMesh | TetraMesh,
    patches: Mapping[str, NDArray[np.integer]],
    *,
    frame: str = LPS,
    labels: tuple[int, ...] | None = None,
    tags: Mapping[int, int] | None = None,
    source: MeshSource | None = None,
    angles: FiberAngles | None = None,
) -> MeshContent:
    """Return what is written of a mesh.

    Args:
        mesh: Surfaces or tetrahedra in LPS, mm.
        patches: Indices of the surface's triangles by name.
        frame: "LPS" or "RAS", in any case.
        labels: Labels to keep; what they touched becomes the outside. All by default.
        tags: Numbers that replace label values.
        source: Label map that the mesh was made from.
        angles: Angles that its fibers were laid with.

    Raises:
        UsageError: The frame is unknown.
        InputError: None of the labels is in the mesh.
        ValueError: A patch has a name that some format could not write.
    """
    odd = [name for name in patches if not _PATCH_NAME.fullmatch(name)]
    if odd:
        raise ValueError(f"names of patches are letters, digits and _: {odd}")
    frame = known_frame(frame)
    surface = mesh.surface if isinstance(mesh, TetraMesh) else mesh
    triangles, sides, kept = kept_triangles(surface.triangles, surface.labels, labels)
    numbers = np.cumsum(kept) - 1
    if isinstance(mesh, TetraMesh):
        inside = np.ones(len(mesh.labels), bool) if labels is None else np.isin(mesh.labels, labels)
        tetrahedra, tetra_labels, fields = mesh.tetrahedra[inside], mesh.labels[inside], mesh.fields
    else:
        inside = np.empty(0, bool)
        tetrahedra, tetra_labels, fields = np.empty((0, 4), np.int32), np.empty(0, np.int16), {}
    if not len(triangles):
        raise InputError(
            f"The mesh has none of the labels {', '.join(map(str, labels or ()))} that this export consists of.",
            "Choose another preset, or give the mesh walls before exporting tissue.",
        )
    used = np.zeros(len(mesh.points), bool)
    used[triangles], used[tetrahedra] = True, True
    new = np.cumsum(used, dtype=np.int32) - np.int32(1)
    turned = _TO_RAS if frame == RAS else np.ones(3)
    chosen = {name: np.asarray(numbers_of, np.intp) for name, numbers_of in patches.items()}
    written = {name: numbers[patch[kept[patch]]] for name, patch in chosen.items() if kept[patch].any()}
    triangles, sides = _looking_one_way(triangles, sides, written)
    nodal = mesh.nodal if isinstance(mesh, TetraMesh) else frozenset[str]()
    of_cells = {name: values for name, values in fields.items() if name not in nodal}
    of_nodes = {name: values for name, values in fields.items() if name in nodal}
    return MeshContent(
        mesh.points[used] * turned, new[triangles], sides, new[tetrahedra], tetra_labels, written,
        {name: _turned(values[used], turned) for name, values in of_nodes.items()},
        {name: _turned(values[inside], turned) for name, values in of_cells.items()},
        frame, dict(tags or {}), source, angles,
    )


def known_frame(frame: str) -> str:
    """Return "LPS" or "RAS" for a name in any case.

    Raises:
        UsageError: It is neither.
    """
    if frame.upper() not in FRAMES:
        raise UsageError(f"The frame {frame} is unknown.", "Use lps (as in DICOM) or ras (as in 3D Slicer's scene).")
    return frame.upper()


def kept_triangles(
    triangles: NDArray[np.int32], sides: NDArray[np.int16], labels: tuple[int, ...] | None
) -> tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.bool_]]:
    """Return triangles (m, 3) around the labels and their sides (m, 2), normals out of the labels, and which (M,) stay.

    Args:
        triangles: (M, 3) triangles.
        sides: (M, 2) labels of their sides.
        labels: Labels to keep; all others become the outside. All stay where it is None.
    """
    sides = sides if labels is None else np.where(np.isin(sides, labels), sides, OUTSIDE)
    kept = (sides != OUTSIDE).any(axis=1)
    triangles, sides = triangles[kept], sides[kept].astype(np.int16)
    reverse = sides[:, 0] == OUTSIDE
    triangles[reverse], sides[reverse] = triangles[reverse][:, ::-1], sides[reverse][:, ::-1]
    return triangles, sides, kept


def _looking_one_way(
    triangles: NDArray[np.int32], sides: NDArray[np.int16], patches: Mapping[str, NDArray[np.intp]]
) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """Turn triangles so that those of a patch look out of one structure, or out of the muscle of the ventricles.

    A pressure on the endocardium of the right ventricle would pull at the septum and push at the free wall otherwise.
    Patches with one structure on each side everywhere, and those with nothing in common, stay as they are.
    """
    for rows in patches.values():
        pairs = np.unique(sides[rows], axis=0)
        if len(pairs) < 2:
            continue
        common = [{int(value)} for value in np.unique(pairs) if value != OUTSIDE]
        ways = [inner for inner in (*common, set(VENTRICULAR_TISSUE))
                if (np.isin(pairs, list(inner)).sum(axis=1) == 1).all()]
        if ways:
            back = rows[np.isin(sides[rows, 1], list(ways[0]))]
            triangles[back], sides[back] = triangles[back][:, ::-1], sides[back][:, ::-1]
    return triangles, sides


def _turned(values: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    return values * turn if values.ndim == 2 else values
