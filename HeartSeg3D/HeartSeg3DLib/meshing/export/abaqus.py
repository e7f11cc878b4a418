"""Abaqus input files: C3D4 elements, a set a label, and for each patch its nodes and its element faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .content import MeshContent
from .facets import tetrahedra_behind
from .text import write_rows

_IDS_A_LINE = 16
"""Abaqus reads at most 16 numbers from a line of a set."""


def write_abaqus(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes nodes and elements, an ELSET of each label, and an NSET and a SURFACE of element faces of each patch."""
    elements, faces = tetrahedra_behind(content)
    with path.open("wb") as file:
        file.write(f"*HEADING\n{content.header}\n*NODE\n".encode())
        write_rows(file, "%d, %.12g, %.12g, %.12g", np.arange(1, len(content.points) + 1), content.points)
        numbers = np.arange(1, len(content.tetrahedra) + 1)
        for region in content.regions:
            own = content.tetra_tags == region.tag
            if own.any():
                file.write(f"*ELEMENT, TYPE=C3D4, ELSET={region.name}\n".encode())
                write_rows(file, "%d, %d, %d, %d, %d", numbers[own], content.tetrahedra[own] + 1)
        for name, chosen in content.patches.items():
            _write_set(file, f"*NSET, NSET={name}_NODES", np.unique(content.triangles[chosen]) + 1)
            _write_surface(file, name, elements[chosen] + 1, faces[chosen])
    return {"surfaces": sorted(content.patches)}


def _write_surface(file: BinaryIO, name: str, elements: NDArray[np.intp], faces: NDArray[np.intp]) -> None:
    """Writes a surface of element faces S1-S4, on the side of the first label of each triangle."""
    parts = [face for face in range(4) if (faces == face).any()]
    for face in parts:
        _write_set(file, f"*ELSET, ELSET={name}_S{face + 1}", np.unique(elements[faces == face]))
    file.write(f"*SURFACE, TYPE=ELEMENT, NAME={name}\n".encode())
    file.writelines(f"{name}_S{face + 1}, S{face + 1}\n".encode() for face in parts)


def _write_set(file: BinaryIO, keyword: str, numbers: NDArray[np.integer]) -> None:
    file.write(f"{keyword}\n".encode())
    full = len(numbers) // _IDS_A_LINE * _IDS_A_LINE
    write_rows(file, ", ".join(["%d"] * _IDS_A_LINE), numbers[:full].reshape(-1, _IDS_A_LINE))
    if full < len(numbers):
        file.write((", ".join(map(str, numbers[full:].tolist())) + "\n").encode())
