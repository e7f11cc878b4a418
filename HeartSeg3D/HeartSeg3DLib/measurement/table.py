"""The measured numbers, and how they are written: CSV and JSON with units in the names of the columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeartSeg3DLib import __version__
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.imaging import replacing
from HeartSeg3DLib.notice import NOTE

if TYPE_CHECKING:
    from HeartSeg3DLib.measurement.function import HeartFunction


@dataclass(frozen=True)
class StructureMeasurement:
    """What was measured of one structure.

    Attributes:
        label: Label value.
        id: Identifier of the structure table, `LABEL_n` for a value that the table does not know.
        name: Name shown to people.
        voxels: Number of voxels; 0 means that the structure is absent.
        volume_ml: Volume in mL.
        mass_g: Left ventricular myocardial mass in g, lesions inside the wall included; the
            myocardium has one, other structures None.
        diameter_mm: Diameter of the largest sphere inside the structure in mm; aorta and pulmonary
            artery have one, 0 when absent, other structures None.
        touches_border: True if the structure reaches the image's border, so that part of it may lie
            outside and the numbers are too small.
    """

    label: int
    id: str
    name: str
    voxels: int
    volume_ml: float
    mass_g: float | None
    diameter_mm: float | None
    touches_border: bool


@dataclass(frozen=True)
class Measurements:
    """The rows of one label map, in order of label value.

    Attributes:
        rows: The seven structures of the whole heart, absent ones with zeros, then any others present.
        voxel_volume_mm3: Volume of one voxel in mm^3.
        slice_distance_mm: Largest distance between centers of neighboring voxels in mm; in a stack of slices that
            between the slices, the gap included.
        source: The file that was measured, if any.
    """

    rows: tuple[StructureMeasurement, ...]
    voxel_volume_mm3: float
    slice_distance_mm: float
    source: str | None = None

    def __iter__(self) -> Iterator[StructureMeasurement]:
        return iter(self.rows)

    def __getitem__(self, id: str) -> StructureMeasurement:
        """Return the row of a structure by its id, such as `LV`.

        Raises:
            KeyError: The label map has no such structure.
        """
        for row in self.rows:
            if row.id == id:
                return row
        raise KeyError(id)

    def to_csv(self, path: Path) -> Path:
        """Write the rows as CSV, replacing the file in one step."""
        return write_csv(path, [self])

    def to_json(self, path: Path) -> Path:
        """Write the rows as JSON, replacing the file in one step."""
        return write_json(path, [self])


_COLUMNS: dict[str, Callable[[StructureMeasurement], Any]] = {
    "structure": lambda row: row.id,
    "name": lambda row: row.name,
    "label": lambda row: row.label,
    "voxels": lambda row: row.voxels,
    "volume_mL": lambda row: round(row.volume_ml, 4),
    "mass_g": lambda row: None if row.mass_g is None else round(row.mass_g, 4),
    "inscribed_diameter_mm": lambda row: None if row.diameter_mm is None else round(row.diameter_mm, 3),
    "touches_image_border": lambda row: row.touches_border,
}
_FUNCTION_COLUMNS = ("quantity", "value", "unit", "remark")


Functions = Sequence[tuple[str, "HeartFunction"]]
"""Function of each 4-D label map behind the name of its file."""


def write_measurements(path: Path, measurements: Sequence[Measurements], functions: Functions = ()) -> Path:
    """Write one or more label maps' measurements to a `.csv` or `.json` file, chosen by its suffix.

    Raises:
        UsageError: Another suffix, or the folder cannot be written.
    """
    writers = {".csv": write_csv, ".json": write_json}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise UsageError(f"Measurements cannot be written as '{path.name}'.", "Use a name ending in .csv or .json.")
    return writer(path, measurements, functions)


def write_csv(path: Path, measurements: Sequence[Measurements], functions: Functions = ()) -> Path:
    """Write one line a structure; empty cells mean that the number does not apply to the structure.

    With functions the table has four more columns, `quantity`, `value`, `unit` and `remark`, and one line a number of
    them; the remark says why not to rely on it.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow([*_COLUMNS, "source", "note", *(_FUNCTION_COLUMNS if functions else ())])
    nothing = [""] * len(_FUNCTION_COLUMNS) if functions else []
    for item in measurements:
        for row in item:
            table.writerow([*(read(row) for read in _COLUMNS.values()), item.source, NOTE, *nothing])
    for source, function in functions:
        for one in function.to_rows():
            name = BY_ID[one.structure].name if one.structure else ""
            table.writerow([one.structure, name, *[""] * (len(_COLUMNS) - 2), source, NOTE,
                            one.quantity, round(one.value, 4), one.unit, one.remark])
    return _write(path, text.getvalue())


def write_json(path: Path, measurements: Sequence[Measurements], functions: Functions = ()) -> Path:
    """Write `{note, software, label_maps: [{source, voxel_volume_mm3, structures}], functions: [{source, ...}]}`.

    `functions` is there for 4-D label maps only; its entries are those of `HeartFunction.to_json`.
    """
    content: dict[str, Any] = {
        "note": NOTE,
        "software": f"HeartSeg {__version__}",
        "label_maps": [
            {
                "source": item.source,
                "voxel_volume_mm3": item.voxel_volume_mm3,
                "structures": [{key: read(row) for key, read in _COLUMNS.items()} for row in item],
            }
            for item in measurements
        ],
    }
    if functions:
        content["functions"] = [{"source": source, **function.to_json()} for source, function in functions]
    return _write(path, json.dumps(content, indent=2) + "\n")


def _write(path: Path, text: str) -> Path:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return path
