"""XDMF for FEniCSx: a file with the mesh and its labels, and one with the facets and their numbers.

The arrays are in HDF5 files beside them where h5py is installed, else as text in the XDMF files themselves. DOLFINx
reads both, the second when it is opened with `encoding=XDMFFile.Encoding.ASCII`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from .content import MeshContent
from .facets import facet_groups, facet_numbers
from .text import write_rows

_Store = Callable[[str, NDArray[np.generic]], str]
"""Keeps an array under a name and returns the XML element that stands for it."""


_Field = tuple[str, str, NDArray[Any]]
"""Center ("Cell" or "Node"), name and values, (R,) or (R, C)."""


def write_xdmf(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes the grid "mesh" with the cell array label, and beside it STEM_facets.xdmf with the grid "facets".

    Vector and scalar fields of the tetrahedra and nodes follow the labels in the mesh's file. A facet has one number
    here: one in several patches has that of the smallest.
    """
    groups = facet_groups(content)
    facets = path.with_name(f"{path.stem}_facets{path.suffix}")
    fields: list[_Field] = [("Cell", "label", content.tetra_tags)]
    fields += [("Cell", name, values) for name, values in content.cell_fields.items()]
    fields += [("Node", name, values) for name, values in content.node_fields.items()]
    _write_grid(path, "mesh", "Tetrahedron", content, content.tetrahedra, fields)
    _write_grid(facets, "facets", "Triangle", content, content.triangles,
                [("Cell", "facet", facet_numbers(content, groups))])
    return {"encoding": "HDF5" if has_h5py() else "ASCII"}


def has_h5py() -> bool:
    """Tell whether arrays can be written in HDF5."""
    return importlib.util.find_spec("h5py") is not None


def _write_grid(
    path: Path, name: str, kind: str, content: MeshContent, cells: NDArray[np.int32],
    fields: list[_Field],
) -> None:
    if has_h5py():
        import h5py

        with h5py.File(path.with_suffix(".h5"), "w") as arrays:
            _write_xml(path, name, kind, content, cells, fields, _into_hdf5(path.with_suffix(".h5").name, arrays))
    else:
        _write_xml(path, name, kind, content, cells, fields, _as_text)


def _write_xml(
    path: Path, name: str, kind: str, content: MeshContent, cells: NDArray[np.int32],
    fields: list[_Field], store: _Store,
) -> None:
    count, size = cells.shape
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write(f'<?xml version="1.0"?>\n<!-- {content.header} -->\n<Xdmf Version="3.0"><Domain>\n')
        file.write(f'<Grid Name="{name}" GridType="Uniform">\n{_names(content)}\n')
        file.write(f'<Topology TopologyType="{kind}" NumberOfElements="{count}" NodesPerElement="{size}">\n')
        file.write(store("topology", cells.astype(np.int64)))
        file.write('</Topology>\n<Geometry GeometryType="XYZ">\n')
        file.write(store("geometry", content.points))
        file.write("</Geometry>\n")
        for center, field, values in fields:
            shape = "Vector" if values.ndim == 2 else "Scalar"
            file.write(f'<Attribute Name={quoteattr(field)} AttributeType="{shape}" Center="{center}">\n')
            file.write(store(f"{center.lower()}_{field}", values))
            file.write("</Attribute>\n")
        file.write("</Grid>\n</Domain></Xdmf>\n")


def _names(content: MeshContent) -> str:
    """Return what the numbers mean, in the form in which meshio reads it: name, dimension, number."""
    entries = [(3, region.tag, region.name) for region in content.regions]
    entries += [(2, group.number, group.name) for group in facet_groups(content)]
    names = "".join(f'<map key="{name}" dim="{dimension}">{tag}</map>' for dimension, tag, name in entries)
    return f'<Information Name="Information" Value="{len(entries)}"><![CDATA[<main>{names}</main>]]></Information>'


def _into_hdf5(file_name: str, arrays: Any) -> _Store:
    def store(name: str, values: NDArray[np.generic]) -> str:
        arrays.create_dataset(name, data=values)
        return f"<DataItem {_description(values)} Format=\"HDF\">{file_name}:/{name}</DataItem>\n"

    return store


def _as_text(_name: str, values: NDArray[np.generic]) -> str:
    text = BytesIO()
    template = "%d" if np.issubdtype(values.dtype, np.integer) else "%.12g"
    write_rows(text, " ".join([template] * (values.shape[1] if values.ndim == 2 else 1)), values)
    return f"<DataItem {_description(values)} Format=\"XML\">\n{text.getvalue().decode()}</DataItem>\n"


def _description(values: NDArray[np.generic]) -> str:
    kind = "Int" if np.issubdtype(values.dtype, np.integer) else "Float"
    return f'Dimensions="{" ".join(map(str, values.shape))}" NumberType="{kind}" Precision="{values.dtype.itemsize}"'
