"""Writes NRRD files as Slicer lays them out; ITK's writer knows no list axis and no order of fields.

Format: https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

_TYPES = {"int8": "int8", "uint8": "uint8", "int16": "int16", "uint16": "uint16", "int32": "int32", "float32": "float"}
_LEVEL = 4


def write_nrrd(path: Path, grid: sitk.Image, slabs: Iterable[np.ndarray], dtype: np.dtype, *,
               pairs: Mapping[str, str], list_size: int = 0, list_label: str = "", list_unit: str = "") -> None:
    """Writes a gzip-compressed NRRD file in LPS.

    Args:
        path: File to write, not replaced in one step: see `output.replacing`.
        grid: Image whose size, spacing, origin and direction are written.
        slabs: The voxels in pieces, in the order of the file: [z, y, x] or, with a list axis, [z, y, x, list].
        dtype: Their number type.
        pairs: Key-value pairs, written in this order.
        list_size: Length of a list axis before x, 0 for none.
        list_label: What the list axis counts, such as time.
        list_unit: Its unit, such as ms.
    """
    axes = np.array(grid.GetDirection()).reshape(3, 3) * np.array(grid.GetSpacing())
    directions = " ".join(_vector(axes[:, index]) for index in range(3))
    listed = list_size > 0
    sizes = " ".join(str(count) for count in grid.GetSize())
    lines = [
        "NRRD0005", "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        f"type: {_TYPES[dtype.name]}", f"dimension: {4 if listed else 3}", "space: left-posterior-superior",
        f"sizes: {list_size} {sizes}" if listed else f"sizes: {sizes}",
        f"space directions: none {directions}" if listed else f"space directions: {directions}",
        "kinds: list domain domain domain" if listed else "kinds: domain domain domain",
        *([f'labels: "{list_label}" "" "" ""', f'units: "{list_unit}" "" "" ""'] if listed else []),
        "endian: little", "encoding: gzip", f"space origin: {_vector(np.array(grid.GetOrigin()))}",
        *(f"{key}:={value}" for key, value in pairs.items()),
    ]
    pack = zlib.compressobj(_LEVEL, wbits=31)
    with path.open("wb") as file:
        file.write(("\n".join(lines) + "\n\n").encode())
        for slab in slabs:
            little = np.ascontiguousarray(slab, dtype=dtype.newbyteorder("<"))
            file.write(pack.compress(little.data))
        file.write(pack.flush())


def _vector(values: np.ndarray) -> str:
    return f"({','.join(format(float(value), '.17g') for value in values)})"
