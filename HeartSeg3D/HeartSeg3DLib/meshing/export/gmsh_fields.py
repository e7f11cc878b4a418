"""Fields for Gmsh: a file beside the mesh, which Gmsh shows as views when it opens both.

They are not in the mesh's own file, because meshio, with which many read it, stumbles over values of elements. Elements
and nodes that a field does not reach are left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .content import MeshContent
from .text import write_rows


def write_gmsh_fields(content: MeshContent, mesh: Path, start: bytes, elements: NDArray[np.integer]) -> None:
    """Writes MESH_fields.msh if there are fields: those of tetrahedra as $ElementData, those of nodes as $NodeData.

    Args:
        content: The mesh.
        mesh: File of the mesh, whose nodes are numbered from 1 in the content's order.
        start: The section $MeshFormat; a version of 4 makes the numbers binary.
        elements: Numbers of the tetrahedra in the file of the mesh.
    """
    if not content.cell_fields and not content.node_fields:
        return
    binary = start.partition(b"\n")[2].startswith(b"4")
    nodes = np.arange(1, len(content.points) + 1)
    with mesh.with_name(f"{mesh.stem}_fields{mesh.suffix}").open("wb") as file:
        file.write(start)
        for name, values in content.cell_fields.items():
            _write(file, "ElementData", name, elements, values, binary)
        for name, values in content.node_fields.items():
            _write(file, "NodeData", name, nodes, values, binary)


def _write(
    file: BinaryIO, section: str, name: str, numbers: NDArray[np.integer], values: NDArray[np.float64], binary: bool
) -> None:
    """Write one section: a name, time 0, then time step, components and number of values."""
    rows = values.reshape(len(values), -1)
    reached = np.isfinite(rows).all(axis=1) & ((rows != 0.0).any(axis=1) | (values.ndim == 1))
    numbers, rows = numbers[reached], rows[reached]
    components = rows.shape[1]
    file.write(f'${section}\n1\n"{name}"\n1\n0\n3\n0\n{components}\n{len(rows)}\n'.encode())
    if binary:
        table = np.empty(len(rows), [("number", "<i4"), ("values", "<f8", (components,))])
        table["number"], table["values"] = numbers, rows
        file.write(table.tobytes() + b"\n")
    else:
        write_rows(file, " ".join(["%d", *["%.12g"] * components]), numbers, rows)
    file.write(f"$End{section}\n".encode())
