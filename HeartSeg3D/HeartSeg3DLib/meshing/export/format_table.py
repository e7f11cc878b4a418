"""What every format is called, needs and makes: the one list of them, which brings no writer and none of VTK."""

from __future__ import annotations

from dataclasses import dataclass

SURFACE, VOLUME, LABELS = "surface", "volume", "labels"
"""What a format is written from: triangles, tetrahedra with their walls, or the label map."""


@dataclass(frozen=True)
class FormatFacts:
    """One format.

    Attributes:
        name: Name on the command line.
        title: What it is, for people.
        needs: `SURFACE`, `VOLUME` or `LABELS`.
        entries: What appears in the output folder, "{stem}" standing for the mesh's name; the first is what the writer
            is given, the others lie beside it and may be absent.
        fibers: Whether the directions of fibers are written, too.
    """

    name: str
    title: str
    needs: str
    entries: tuple[str, ...]
    fibers: bool = False

    def entries_for(self, stem: str) -> tuple[str, ...]:
        """Return names of files and folders for a mesh's name."""
        return tuple(entry.format(stem=stem) for entry in self.entries)


FORMAT_TABLE = (
    FormatFacts("stl", "STL, binary, one file a structure and patch", SURFACE, ("{stem}_stl",)),
    FormatFacts("ply", "PLY, binary, one colored file a structure", SURFACE, ("{stem}_ply",)),
    FormatFacts("obj", "OBJ with one colored group a structure", SURFACE, ("{stem}.obj", "{stem}.mtl")),
    FormatFacts("vtp", "VTK surface with labels and patches", SURFACE, ("{stem}.vtp",)),
    FormatFacts("vtu", "VTK tetrahedra with labels and fields", VOLUME, ("{stem}.vtu",), fibers=True),
    FormatFacts("vtk", "Legacy VTK 4.2 tetrahedra", VOLUME, ("{stem}.vtk",), fibers=True),
    FormatFacts("gmsh22", "Gmsh 2.2, text, physical names", SURFACE,
                ("{stem}_gmsh22.msh", "{stem}_gmsh22_fields.msh"), fibers=True),
    FormatFacts("gmsh41", "Gmsh 4.1, binary, physical names", SURFACE,
                ("{stem}_gmsh41.msh", "{stem}_gmsh41_fields.msh"), fibers=True),
    FormatFacts("xdmf", "XDMF for FEniCSx with facet numbers", VOLUME,
                ("{stem}.xdmf", "{stem}_facets.xdmf", "{stem}.h5", "{stem}_facets.h5"), fibers=True),
    FormatFacts("opencarp", "openCARP, micrometers", VOLUME, ("{stem}_opencarp",), fibers=True),
    FormatFacts("svmultiphysics", "svMultiPhysics mesh-complete folder", VOLUME, ("{stem}_svmultiphysics",),
                fibers=True),
    FormatFacts("abaqus", "Abaqus input with sets and surfaces", VOLUME, ("{stem}.inp",)),
    FormatFacts("pycemrg", "Label volume of the pycemrg scheme", LABELS, ("{stem}_pycemrg.nrrd",)),
)

USUAL_SURFACE_FORMATS, USUAL_VOLUME_FORMATS = ("vtp", "stl"), ("vtu", "vtp")
"""What is written where neither a preset nor formats are named."""


def format_names(*, volume: bool) -> tuple[str, ...]:
    """Return what can be written of tetrahedra, or of surfaces alone, the usual ones first.

    >>> format_names(volume=False)
    ('vtp', 'stl', 'ply', 'obj', 'gmsh22', 'gmsh41', 'pycemrg')
    """
    usual = USUAL_VOLUME_FORMATS if volume else USUAL_SURFACE_FORMATS
    possible = (facts.name for facts in FORMAT_TABLE if volume or facts.needs != VOLUME)
    return tuple(dict.fromkeys((*usual, *possible)))
