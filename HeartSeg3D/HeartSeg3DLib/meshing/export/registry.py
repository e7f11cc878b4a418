"""The formats by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError
from .abaqus import write_abaqus
from .content import MeshContent
from .gmsh22 import write_gmsh22
from .gmsh41 import write_gmsh41
from .label_volume import write_label_volume
from .legacy_vtk import write_legacy_vtk
from .obj import write_obj
from .opencarp import write_opencarp
from .ply import write_ply
from .stl import write_stl
from .svmultiphysics import write_svmultiphysics
from .vtp import write_vtp
from .vtu import write_vtu
from .xdmf import write_xdmf

SURFACE, VOLUME, LABELS = "surface", "volume", "labels"
"""What a format is written from: triangles, tetrahedra with their walls, or the label map."""


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: Name on the command line.
        title: What it is, for people.
        needs: `SURFACE`, `VOLUME` or `LABELS`.
        entries: What appears in the output folder, "{stem}" standing for the mesh's name; the first is what `write`
            is given, the others lie beside it and may be absent.
        write: Writes the content to a path that does not exist yet and returns what the sidecar should say about it.
        fibers: Whether the directions of fibers are written, too.
    """

    name: str
    title: str
    needs: str
    entries: tuple[str, ...]
    write: Callable[[MeshContent, Path], dict[str, Any]]
    fibers: bool = False

    def entries_for(self, stem: str) -> tuple[str, ...]:
        """Return names of files and folders for a mesh's name."""
        return tuple(entry.format(stem=stem) for entry in self.entries)


_TABLE = (
    Format("stl", "STL, binary, one file a structure and patch", SURFACE, ("{stem}_stl",), write_stl),
    Format("ply", "PLY, binary, one colored file a structure", SURFACE, ("{stem}_ply",), write_ply),
    Format("obj", "OBJ with one colored group a structure", SURFACE, ("{stem}.obj", "{stem}.mtl"), write_obj),
    Format("vtp", "VTK surface with labels and patches", SURFACE, ("{stem}.vtp",), write_vtp),
    Format("vtu", "VTK tetrahedra with labels and fields", VOLUME, ("{stem}.vtu",), write_vtu, fibers=True),
    Format("vtk", "Legacy VTK 4.2 tetrahedra", VOLUME, ("{stem}.vtk",), write_legacy_vtk, fibers=True),
    Format("gmsh22", "Gmsh 2.2, text, physical names", SURFACE,
           ("{stem}_gmsh22.msh", "{stem}_gmsh22_fields.msh"), write_gmsh22, fibers=True),
    Format("gmsh41", "Gmsh 4.1, binary, physical names", SURFACE,
           ("{stem}_gmsh41.msh", "{stem}_gmsh41_fields.msh"), write_gmsh41, fibers=True),
    Format("xdmf", "XDMF for FEniCSx with facet numbers", VOLUME,
           ("{stem}.xdmf", "{stem}_facets.xdmf", "{stem}.h5", "{stem}_facets.h5"), write_xdmf, fibers=True),
    Format("opencarp", "openCARP, micrometers", VOLUME, ("{stem}_opencarp",), write_opencarp, fibers=True),
    Format("svmultiphysics", "svMultiPhysics mesh-complete folder", VOLUME, ("{stem}_svmultiphysics",),
           write_svmultiphysics, fibers=True),
    Format("abaqus", "Abaqus input with sets and surfaces", VOLUME, ("{stem}.inp",), write_abaqus),
    Format("pycemrg", "Label volume of the pycemrg scheme", LABELS, ("{stem}_pycemrg.nrrd",), write_label_volume),
)

FORMATS: dict[str, Format] = {entry.name: entry for entry in _TABLE}


def formats_of(names: Iterable[str]) -> tuple[Format, ...]:
    """Return the formats of these names in their order, each once.

    Raises:
        UsageError: There is none, or a name is unknown.
    """
    wanted = tuple(dict.fromkeys(name.strip().lower() for name in names))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise UsageError(
            f"The mesh format {unknown[0]} is unknown." if unknown else "No mesh format was named.",
            f"Use one or more of {', '.join(FORMATS)}.",
        )
    return tuple(FORMATS[name] for name in wanted)
