"""The options of `heartseg mesh` and what their help says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.meshing.export.format_table import USUAL_SURFACE_FORMATS, USUAL_VOLUME_FORMATS, format_names
from HeartSeg3DLib.meshing.export.presets import PRESETS

LabelsArgument = Annotated[
    Path,
    typer.Argument(metavar="LABELS", show_default=False,
                   help="Label map (.nii.gz, .nrrd, .mha, .seg.nrrd), a folder with one mask a structure, or class "
                        "probabilities of `heartseg segment --probabilities`."),
]
EdgeOption = Annotated[
    float | None,
    typer.Option(metavar="MM", show_default=False,
                 help="Mean length of edges; else 2 mm for tetrahedra, less in thin walls, and for surfaces what suits "
                      "the voxels."),
]
VolumeOption = Annotated[bool, typer.Option("--volume", help="Tetrahedra, not surfaces alone.")]
WallsOption = Annotated[
    str | None,
    typer.Option(metavar="[LABEL=MM,...]", show_default=False,
                 help="Grow walls around blood pools: RV 3.5 mm, others 2 mm, or such as RV=3.5,LA=2."),
]
FibresOption = Annotated[
    str | None,
    typer.Option(metavar="[ENDO,EPI]", show_default=False,
                 help="Lay fibers into the ventricles: degrees at endocardium and epicardium, by itself 60,-60. "
                      "Presets with tetrahedra lay the usual ones anyway, wherever the label map allows it."),
]
PresetOption = Annotated[
    str | None, typer.Option(metavar="NAME", show_default=False, help=f"One of {', '.join(PRESETS)}."),
]
FormatsOption = Annotated[
    str | None,
    typer.Option(metavar="LIST", show_default=False,
                 help=f"{', '.join(format_names(volume=True))}; several with commas. Else "
                      f"{','.join(USUAL_SURFACE_FORMATS)} for surfaces and {','.join(USUAL_VOLUME_FORMATS)} for "
                      "tetrahedra."),
]
FrameOption = Annotated[str, typer.Option(metavar="lps|ras", help="lps as in DICOM, or ras.")]
TimeFrameOption = Annotated[
    int | None,
    typer.Option("--time-frame", metavar="N", show_default=False,
                 help="Which label map of a 4-D one, counted from 0."),
]
KeepAllOption = Annotated[bool, typer.Option("--keep-all", help="Mesh every large piece of a structure.")]
KeepLargestOption = Annotated[bool, typer.Option("--keep-largest", help="Mesh the largest piece alone.")]
AcceptFailedOption = Annotated[
    bool, typer.Option("--accept-failed", help="Write a mesh that failed its own check, under a name that says so."),
]
