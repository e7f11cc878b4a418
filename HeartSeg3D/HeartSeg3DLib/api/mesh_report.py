"""Files about a mesh, beside it: figures as JSON, a page as HTML, a picture."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib import __version__
from HeartSeg3DLib.imaging import check_output, replacing
from HeartSeg3DLib.meshing.checking import name_of
from HeartSeg3DLib.meshing.export.earlier import REPORT_ENDINGS
from HeartSeg3DLib.meshing.export.writing import ExportRequest
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from HeartSeg3DLib.meshing.quality import PIECES, MeshReport, patch_figures
from HeartSeg3DLib.notice import NOTE
from HeartSeg3DLib.report import FiberSection, MeshPage, mesh_html, render_mesh, written_cells

_MADE_FROM = {"labels": "Labels of the label map's own voxels",
              "probabilities": "Class probabilities, which know between voxels where a wall lies"}


@dataclass(frozen=True)
class MeshReportFiles:
    """Where the report about a mesh goes."""

    figures: Path
    page: Path
    picture: Path
    fibers: Path

    @staticmethod
    def beside(request: ExportRequest) -> MeshReportFiles:
        """Return the names beside an exported mesh."""
        return MeshReportFiles(*(request.folder / f"{request.stem}{ending}" for ending in REPORT_ENDINGS))

    def check(self, *, force: bool) -> None:
        """Make sure that the files can be written.

        Raises:
            UsageError: One exists already, or the folder cannot be written.
        """
        for path in self.all:
            check_output(path, force=force, kinds=(path.suffix,))

    @property
    def all(self) -> tuple[Path, ...]:
        """The files; there is a picture of fibers only where the mesh has some."""
        return self.figures, self.page, self.picture, self.fibers


def write_mesh_report(
    files: MeshReportFiles, mesh: SurfaceMesh | TetraMesh, labels: sitk.Image, report: MeshReport, *, title: str,
    edge_mm: float, patches: Mapping[str, NDArray[np.intp]], warnings: Sequence[str], seconds: Mapping[str, float],
    settings: Mapping[str, str], changes: Mapping[str, object], fibers: FiberSection | None = None,
    written: Collection[int] | None = None, made_from: str = "labels",
) -> tuple[Path, ...]:
    """Write the report about a mesh and return its files.

    Args:
        files: Where.
        mesh: What it is about, LPS, mm.
        labels: Label map that was meshed.
        report: Verdicts and figures.
        title: Name of the label map.
        edge_mm: Mean edge that was asked for.
        patches: Triangles of the surface by name.
        warnings: Sentences for the user.
        seconds: Time by stage.
        settings: Further choices in words.
        changes: What was changed of the label map before it was meshed, in numbers.
        fibers: Fibers of the mesh. Without any, a picture of an earlier mesh's fibers is removed.
        written: Labels that are written, whose surfaces alone are shown and listed; all by default.
        made_from: `labels` or `probabilities`.

    Raises:
        UsageError: A file cannot be written.
    """
    surface = mesh.surface if isinstance(mesh, TetraMesh) else mesh
    shown = surface if written is None else surface.alone(written)
    patches = _written_patches(surface, patches, written)
    render_mesh(shown, labels, files.picture, title, written_cells(report))
    counts = {name: len(triangles) for name, triangles in patches.items()}
    facts = {
        "Label map": f"{' x '.join(map(str, labels.GetSize()))} voxels of "
                     f"{' x '.join(f'{step:.2f}' for step in labels.GetSpacing())} mm",
        "Made from": _MADE_FROM[made_from],
        "Edge length": f"{edge_mm:.2f} mm asked for", **settings,
        "Time": ", ".join(f"{stage.lower()} {time:.1f} s" for stage, time in seconds.items()),
        "Software": f"HeartSeg {__version__}",
    }
    page = MeshPage(title, report, counts, tuple(warnings), facts, files.picture.read_bytes(), fibers)
    statement = {
        "note": NOTE, "software": {"name": "HeartSeg", "version": __version__}, "source": title,
        "made_from": made_from, "edge_mm": edge_mm, "settings": dict(settings), "warnings": list(warnings),
        "seconds": dict(seconds), "changes": dict(changes), "patches": patch_figures(surface, patches),
        "fibers": None if fibers is None else fibers.to_dict(), **report.to_dict(),
    }
    _write(files.figures, (json.dumps(statement, indent=2, allow_nan=False) + "\n").encode())
    _write(files.page, mesh_html(page).encode())
    if fibers is None:
        files.fibers.unlink(missing_ok=True)
        return files.all[:-1]
    _write(files.fibers, fibers.png)
    return files.all


def _written_patches(surface: SurfaceMesh, patches: Mapping[str, NDArray[np.intp]], written: Collection[int] | None
                     ) -> dict[str, NDArray[np.intp]]:
    """Return the patches with the triangles that are written; those without any are left out."""
    kept = np.ones(len(surface.triangles), bool) if written is None else surface.triangles_of(written)
    chosen = {name: triangles[kept[triangles]] for name, triangles in patches.items()}
    return {name: triangles for name, triangles in chosen.items() if len(triangles)}


def piece_sentences(report: MeshReport) -> list[str]:
    """Return what a user must know about a mesh of tissue that is no single body; none of any other mesh."""
    written = report.whole["written"]
    if PIECES not in {check.name for check in report.missed_aims} or not isinstance(written, Mapping):
        return []
    told = [f"{_volume(piece['volume_mm3'])} around ({', '.join(f'{place:.0f}' for place in piece['center_mm'])}) mm "
            f"in LPS ({', '.join(map(name_of, piece['labels']))})" for piece in written["largest_pieces"]]
    more = f"; and {written['pieces'] - len(told)} more" if written["pieces"] > len(told) else ""
    return [f"What is written falls into {written['pieces']} pieces that share no face: {'; '.join(told)}{more}. "
            "A simulation takes them for separate bodies: nothing is conducted or held between them, and each needs a "
            "stimulus or boundary conditions of its own. Correct the segmentation or take small pieces out where that "
            "is not meant."]


def _volume(volume_mm3: float) -> str:
    return f"{volume_mm3 / 1000.0:.3g} mL"


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
