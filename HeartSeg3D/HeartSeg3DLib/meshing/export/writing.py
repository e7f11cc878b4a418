"""Writes a mesh in several formats: all of them and the sidecar, or nothing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...imaging.output import check_output_folder
from ..fibers import FiberAngles
from ..mesh import SurfaceMesh, TetraMesh
from .content import LPS, MeshContent, MeshSource, content_of, known_frame
from .format_table import LABELS, VOLUME
from .presets import preset_of
from .registry import Format, formats_of
from .sidecar import sidecar_of
from .staging import put_in_place, refuse_overwriting, remove_partial_folders, staging_folder

_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class ExportRequest:
    """What to write.

    Attributes:
        folder: Output folder, which exists.
        formats: Names of formats.
        frame: "LPS" or "RAS", in any case.
        stem: Name of the mesh; files are called after it.
        labels: Labels to write; all where it is None.
        tags: Numbers that replace label values.
        preset: Name of the preset that these come from.
        force: Whether what is there already may be replaced.
    """

    folder: Path
    formats: tuple[str, ...]
    frame: str = LPS
    stem: str = "heart"
    labels: tuple[int, ...] | None = None
    tags: Mapping[int, int] = field(default_factory=dict)
    preset: str | None = None
    force: bool = False

    @property
    def sidecar(self) -> Path:
        """The JSON file that says what was written."""
        return self.folder / f"{self.stem}.json"


def request_for(
    preset: str, folder: Path, *, formats: tuple[str, ...] = (), frame: str = LPS, force: bool = False
) -> ExportRequest:
    """Return what a preset writes; named formats come instead of its own.

    Raises:
        UsageError: The preset is unknown.
    """
    chosen = preset_of(preset)
    return ExportRequest(folder, formats or chosen.formats, frame, chosen.stem, chosen.labels, chosen.tags,
                         chosen.name, force)


def check_export(request: ExportRequest, *, volume: bool, source: bool) -> None:
    """Makes sure, before a mesh is made, that it could be written.

    Args:
        request: What will be written.
        volume: Whether the mesh will have tetrahedra.
        source: Whether its label map will be given.

    Raises:
        UsageError: A format or the frame is unknown or needs what will not be there, the folder cannot be written, or
            something of the same name is in it.
    """
    formats = formats_of(request.formats)
    known_frame(request.frame)
    if not _STEM.fullmatch(request.stem):
        raise UsageError(f"The mesh cannot be called {request.stem}.",
                         "Use at most 64 letters without accents, digits, - and _.")
    for entry in formats:
        if entry.needs == VOLUME and not volume:
            raise UsageError(f"The format {entry.name} needs a volume mesh, and this is a surface.",
                             "Make a volume mesh, or choose a surface format such as stl or vtp.")
        if entry.needs == LABELS and not source:
            raise UsageError(f"The format {entry.name} needs the label map that the mesh was made from.",
                             "Export the mesh together with its label map, or leave that format out.")
    check_output_folder(request.folder)
    there = next((path for path in places_of(request) if os.path.lexists(path)), None)
    if there is not None:
        refuse_overwriting(there, force=request.force)


def export_mesh(
    mesh: SurfaceMesh | TetraMesh,
    patches: Mapping[str, NDArray[np.integer]],
    request: ExportRequest,
    *,
    source: MeshSource | None = None,
    quality: Mapping[str, Any] | None = None,
    angles: FiberAngles | None = None,
) -> tuple[Path, ...]:
    """Writes a mesh and returns the new files and folders, the sidecar last.

    Everything is written into a hidden folder beside its place first. Where something fails, an earlier export stays.

    Args:
        mesh: Surfaces or tetrahedra in LPS, mm.
        patches: Indices of the surface's triangles by name.
        request: What to write, and where.
        source: Label map that the mesh was made from, in the mesh's labels.
        quality: Data of the quality report, for the sidecar.
        angles: Angles that the mesh's fibers were laid with, for the sidecar.

    Raises:
        UsageError: As in `check_export`, or the file system refuses a file.
        InputError: The mesh has none of the labels that are asked for.
    """
    check_export(request, volume=isinstance(mesh, TetraMesh), source=source is not None)
    content = content_of(mesh, patches, frame=request.frame, labels=request.labels, tags=request.tags, source=source,
                         angles=angles)
    formats = formats_of(request.formats)
    with staging_folder(request.folder, request.stem) as staging:
        written = {entry.name: _write(content, entry, staging, request.stem) for entry in formats}
        statement = sidecar_of(content, staging, written, preset=request.preset, quality=quality)
        (staging / request.sidecar.name).write_text(json.dumps(statement, indent=1, allow_nan=False) + "\n", "utf-8")
        names = [name for entries, _ in written.values() for name in entries] + [request.sidecar.name]
        return put_in_place(staging, request.folder, names, places_of(request), force=request.force)


def remove_partial_export(request: ExportRequest) -> None:
    """Removes what `export_mesh` was writing for a request in a process that was killed; finished exports stay."""
    remove_partial_folders(request.folder, request.stem)


def _write(
    content: MeshContent, entry: Format, staging: Path, stem: str
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Write one format and return the names that it made, and what it says about itself."""
    names = entry.entries_for(stem)
    details = entry.write(content, staging / names[0])
    return tuple(name for name in names if (staging / name).exists()), details


def places_of(request: ExportRequest) -> list[Path]:
    """Return all places that an export can fill, the sidecar first: it goes before what it describes."""
    names = (name for entry in formats_of(request.formats) for name in entry.entries_for(request.stem))
    return [request.sidecar, *(request.folder / name for name in names)]
