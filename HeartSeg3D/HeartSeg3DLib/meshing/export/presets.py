"""What each simulator is given, as one table.

A preset names formats, the labels that are written and the numbers they are written under. Labels that it leaves out
become the outside: cavities are boundaries of the tissue then, with the patches and normals that belong to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import UsageError

_MYOCARDIUM, _RV_WALL, _LA_WALL, _RA_WALL, _AO_WALL, _PA_WALL = 2, 103, 104, 105, 106, 107
_LESIONS = (20, 21, 22)
"""Scar, microvascular obstruction and edema lie inside the myocardium; without them it would have holes."""

TISSUE = (_MYOCARDIUM, *_LESIONS, _RV_WALL, _LA_WALL, _RA_WALL, _AO_WALL, _PA_WALL)
"""Labels of muscle and vessel walls."""


@dataclass(frozen=True)
class Preset:
    """One way to export.

    Attributes:
        name: Name on the command line.
        title: What it is for.
        formats: Names of formats.
        volume: Whether it needs tetrahedra.
        labels: Labels that are written; all where it is None.
        tags: Numbers that replace label values.
        stem: Name of the files.
        fibers: Whether ventricles get fibers by rule wherever the label map has what the rule needs.
        opens_with: One line that uses the result, run in the output folder.
        notes: What to know before using it.
    """

    name: str
    title: str
    formats: tuple[str, ...]
    volume: bool
    opens_with: str
    notes: str
    labels: tuple[int, ...] | None = None
    tags: Mapping[int, int] = field(default_factory=dict)
    stem: str = "heart"
    fibers: bool = False


_TABLE = (
    Preset(
        "print", "3-D printing", ("stl",), volume=False,
        opens_with="prusa-slicer heart_stl/MYO_LPS_mm.stl",
        notes="Closed surfaces in mm, one file a structure. Cavities print as solid bodies: their walls are separate "
              "structures, which the option for walls makes.",
    ),
    Preset(
        "ep", "Electrophysiology with openCARP", ("opencarp",), volume=True, labels=TISSUE, fibers=True,
        opens_with="openCARP +F parameters.par -meshname heart_opencarp/heart",
        notes="Tissue only, tags are label values (2 left ventricle, 103-107 walls), micrometers. The .lon file has "
              "the fibers and sheets of the ventricles; atria and vessels have a placeholder along x, which the JSON "
              "file counts: give them the same conductivity along and across.",
    ),
    Preset(
        "mechanics", "Mechanics with FEniCSx", ("xdmf",), volume=True, labels=TISSUE, fibers=True,
        opens_with="python -c \"import os; from mpi4py import MPI; from dolfinx.io import XDMFFile; "
                   "e = XDMFFile.Encoding.HDF5 if os.path.exists('heart.h5') else XDMFFile.Encoding.ASCII; "
                   "print(XDMFFile(MPI.COMM_WORLD, 'heart.xdmf', 'r', e).read_mesh(name='mesh').geometry.x.shape)\"",
        notes="Tissue only, mm. Cell tags: read_meshtags(mesh, 'mesh'); facet tags: the same from heart_facets.xdmf, "
              "'facets'. Where the JSON file says that the encoding is ASCII, open with XDMFFile.Encoding.ASCII. "
              "Fibers and sheets are cell_fiber and cell_sheet in heart.h5, or as text in heart.xdmf, in the order of "
              "the file's cells: index them by mesh.topology.original_cell_index.",
    ),
    Preset(
        "simvascular", "Mechanics with svMultiPhysics", ("svmultiphysics",), volume=True, labels=TISSUE, fibers=True,
        opens_with="svmultiphysics solver.xml",
        notes="Tissue only, so that every face lies on its boundary, mm; one domain a label in DOMAIN_ID, named in the "
              "JSON file. In solver.xml: Mesh_file_path heart_svmultiphysics/mesh-complete.mesh.vtu, Face_file_path "
              "heart_svmultiphysics/mesh-surfaces/EPI.vtp, Mesh_scale_factor 0.1 for centimeters, "
              "Fiber_direction_file_path FibersLong.vtu, then FibersSheet.vtu.",
    ),
    Preset(
        "cemrgapp", "CemrgApp and pycemrg four-chamber models", ("opencarp", "pycemrg"), volume=True, labels=TISSUE,
        fibers=True,
        tags={_MYOCARDIUM: 1, _RV_WALL: 2, _LA_WALL: 3, _RA_WALL: 4, _AO_WALL: 5, _PA_WALL: 6,
              **dict.fromkeys(_LESIONS, 1)},
        stem="myocardium",
        opens_with="meshtool query tags -msh=myocardium_opencarp/myocardium",
        notes="Tissue only, micrometers, tags of the four-chamber pipeline after its relabeling: 1 left ventricle, "
              "2 right ventricle, 3 left atrium, 4 right atrium, 5 aorta, 6 pulmonary artery. Lesions become left "
              "ventricle. Fibers are as in the preset ep. The label volume keeps the segmentation's numbers (1-14, "
              "103-107).",
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _TABLE}


def stem_of(name: str | None) -> str:
    """Return what the files of a preset are called; without a known preset, as without any."""
    return PRESETS[name.lower()].stem if name is not None and name.lower() in PRESETS else Preset.stem


def preset_of(name: str) -> Preset:
    """Return a preset by its name.

    Raises:
        UsageError: The name is unknown.
    """
    if name.lower() not in PRESETS:
        raise UsageError(f"The preset {name} is unknown.", f"Use one of {', '.join(PRESETS)}.")
    return PRESETS[name.lower()]
