"""openCARP: points in micrometers, tetrahedra with tags, fibers, and for each patch its triangles and its nodes.

Formats after the manual of CARPentry, chapter "Input file formats". Nodes are counted from 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .content import FIBER, SHEET, MeshContent
from .text import write_rows

_MICROMETERS = 1000.0


def write_opencarp(content: MeshContent, folder: Path) -> dict[str, Any]:
    """Writes STEM.pts, .elem and .lon, and NAME.surf and NAME.vtx for each patch; STEM is what comes before the "_".

    Elements without a direction get the x axis and are counted: openCARP takes an element of zero fiber for a bath.
    """
    folder.mkdir()
    mesh = folder / folder.name.rpartition("_")[0]
    _write(mesh.with_suffix(".pts"), [len(content.points)], "%.4f %.4f %.4f", content.points * _MICROMETERS)
    _write(mesh.with_suffix(".elem"), [len(content.tetrahedra)], "Tt %d %d %d %d %d",
           content.tetrahedra, content.tetra_tags)
    directions = _directions(content)
    _write(mesh.with_suffix(".lon"), [len(directions)], " ".join(["%.6f"] * (3 * len(directions))), *directions)
    for name, chosen in content.patches.items():
        triangles = content.triangles[chosen]
        _write(folder / f"{name}.surf", [len(triangles)], "Tr %d %d %d", triangles)
        nodes = np.unique(triangles)
        _write(folder / f"{name}.vtx", [len(nodes), "extra"], "%d", nodes)
    source = "fields of the mesh" if FIBER in content.cell_fields else "placeholder along x, not anatomical"
    return {"units": "um", "fibers": source, "elements_with_placeholder": int((~content.with_fibers).sum())}


def _directions(content: MeshContent) -> list[NDArray[np.float64]]:
    """Return fibers (K, 3), and sheets where there are any; a placeholder along x and y where an element has none."""
    directions = [content.cell_fields.get(FIBER, np.zeros((len(content.tetrahedra), 3)))]
    if SHEET in content.cell_fields:
        directions.append(content.cell_fields[SHEET])
    known = content.with_fibers[:, None]
    return [np.where(known, each, axis) for each, axis in zip(directions, np.eye(3), strict=False)]


def _write(path: Path, header: list[int | str], template: str, *columns: NDArray[np.generic]) -> None:
    with path.open("wb") as file:
        file.write("".join(f"{line}\n" for line in header).encode())
        write_rows(file, template, *columns)
