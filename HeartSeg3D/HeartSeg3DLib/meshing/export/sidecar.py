"""The JSON file beside an exported mesh: what the numbers mean, where the mesh comes from, and checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...notice import NOTE_SENTENCE
from ..fibers import FIBER, FIELDS, RULE
from ..patch_names import meaning_of
from .content import MeshContent, MeshSource, Region
from .earlier import SOFTWARE
from .facets import facet_groups, facet_numbers
from .presets import PRESETS

_VERSION = 1
_MM3_PER_ML = 1000.0


def sidecar_of(
    content: MeshContent,
    folder: Path,
    written: Mapping[str, tuple[tuple[str, ...], dict[str, Any]]],
    *,
    preset: str | None,
    quality: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return what the sidecar says.

    Args:
        content: The exported mesh.
        folder: Where the files are, for their checksums.
        written: Names in `folder` and details by format.
        preset: Name of the preset that chose labels and tags.
        quality: Data of the quality report.
    """
    return {
        "format_version": _VERSION,
        "software": {"name": SOFTWARE, "version": __version__},
        "note": NOTE_SENTENCE,
        "preset": preset,
        "use": {"notes": PRESETS[preset].notes, "opens_with": PRESETS[preset].opens_with} if preset else None,
        "frame": content.frame,
        "units": "mm",
        "nodes": len(content.points),
        "triangles": len(content.triangles),
        "tetrahedra": len(content.tetrahedra),
        "labels": [_label_entry(content, region) for region in content.regions],
        "patches": _patch_entries(content),
        "fields": {"nodes": sorted(content.node_fields), "tetrahedra": sorted(content.cell_fields)},
        "fibers": _fiber_entry(content) if FIBER in content.cell_fields else None,
        "source": None if content.source is None else _source_entry(content.source),
        "formats": {name: {"units": "mm", **details, "files": _file_entries(folder, entries)}
                    for name, (entries, details) in written.items()},
        "quality": None if quality is None else dict(quality),
    }


def _label_entry(content: MeshContent, region: Region) -> dict[str, Any]:
    corners = content.points[content.closed_surface(region)]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    return {"tag": region.tag, "name": region.name, "labels": list(region.labels), "color": list(region.color),
            "tetrahedra": int((content.tetra_tags == region.tag).sum()), "volume_ml": round(volume / _MM3_PER_ML, 4)}


def _patch_entries(content: MeshContent) -> list[dict[str, Any]]:
    """Return an entry for each group; `in_smaller` triangles have another number where a triangle can have but one."""
    entries, groups = [], facet_groups(content)
    numbers = facet_numbers(content, groups)
    for group in groups:
        a, b, c = (content.points[content.triangles[group.triangles, corner]] for corner in range(3))
        area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
        entries.append({"number": group.number, "name": group.name, "named": group.is_patch,
                        "meaning": meaning_of(group.name),
                        "triangles": len(group.triangles), "area_mm2": round(area, 3),
                        "in_smaller": int((numbers[group.triangles] != group.number).sum())})
    return entries


def _fiber_entry(content: MeshContent) -> dict[str, Any]:
    """Return where the directions come from, what the fields mean, and which elements have none."""
    without = content.tetra_tags[~content.with_fibers]
    names = {region.tag: region.name for region in content.regions}
    tags, counts = np.unique(without, return_counts=True)
    fields = {name: meaning for name, meaning in FIELDS.items() if name in content.cell_fields | content.node_fields}
    return {
        "rule": RULE if content.angles else None,
        "angles_degrees": asdict(content.angles) if content.angles else None,
        "fields": fields,
        "elements_with_fibers": int(content.with_fibers.sum()),
        "elements_without": {names[tag]: count for tag, count in zip(tags.tolist(), counts.tolist(), strict=True)},
    }


def _source_entry(source: MeshSource) -> dict[str, Any]:
    image = source.labels
    return {"file": Path(source.name).name, "frame": "LPS", "size": list(image.GetSize()),
            "spacing_mm": list(image.GetSpacing()), "origin_mm": list(image.GetOrigin()),
            "direction": list(image.GetDirection())}


def _file_entries(folder: Path, entries: tuple[str, ...]) -> list[dict[str, Any]]:
    places = (folder / entry for entry in entries)
    files = (file for place in places for file in (sorted(place.rglob("*")) if place.is_dir() else [place]))
    return [{"path": file.relative_to(folder).as_posix(), "bytes": file.stat().st_size, "sha256": _sha256(file)}
            for file in files if file.is_file()]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
