"""Legacy VTK files of version 4.2, binary, which the oldest readers understand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vtkmodules.vtkIOLegacy import vtkDataWriter, vtkUnstructuredGridWriter

from .content import MeshContent
from .vtk_data import labeled_volume, save


def write_legacy_vtk(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes what the VTU file has; the title states frame and unit."""
    writer = vtkUnstructuredGridWriter()
    writer.SetFileVersion(vtkDataWriter.VTK_LEGACY_READER_VERSION_4_2)
    writer.SetFileTypeToBinary()
    writer.SetHeader(content.header)
    save(writer, labeled_volume(content), path)
    return {}
