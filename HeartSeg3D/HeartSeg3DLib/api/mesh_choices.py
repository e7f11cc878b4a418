"""How a label map is to be meshed, and whether that can be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from HeartSeg3DLib.api.mesh_fibers import check_formats
from HeartSeg3DLib.api.mesh_report import MeshReportFiles
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.meshing.cleaning import Pieces
from HeartSeg3DLib.meshing.export.content import LPS
from HeartSeg3DLib.meshing.export.earlier import FAILED
from HeartSeg3DLib.meshing.export.format_table import USUAL_SURFACE_FORMATS, USUAL_VOLUME_FORMATS
from HeartSeg3DLib.meshing.export.presets import preset_of
from HeartSeg3DLib.meshing.export.writing import ExportRequest, check_export, places_of, request_for
from HeartSeg3DLib.meshing.fibers import FiberAngles
from HeartSeg3DLib.meshing.walls import check_thickness


@dataclass(frozen=True)
class MeshChoices:
    """How to mesh a label map.

    Attributes:
        edge_mm: Mean length of edges; None takes 2 mm for tetrahedra, less where walls are thin, and for surfaces what
            suits voxels and walls.
        volume: Tetrahedra and not surfaces alone; presets that need them turn it on.
        walls_mm: Thickness by cavity of walls to grow around blood pools.
        fibers: Angles of the fibers to lay into the ventricles, which takes tetrahedra; None leaves it to the preset,
            which lays the usual ones where the label map has what they need.
        preset: Name of a simulator's preset.
        formats: Names of formats in place of the preset's own.
        frame: "lps" or "ras".
        scheme: Meaning of foreign label values.
        time_frame: Which label map of a 4-D one is meshed, counted from 0; needed where there are several.
        pieces: What to do with structures in several large pieces.
        accept_failed: Write a mesh that failed a hard check, under a name that says so.
        force: Whether what is in the folder already may be replaced: all that an earlier mesh's sidecar lists, and one
            of the same name that failed its check.
    """

    edge_mm: float | None = None
    volume: bool = False
    walls_mm: Mapping[int, float] = field(default_factory=dict)
    fibers: FiberAngles | None = None
    preset: str | None = None
    formats: tuple[str, ...] = ()
    frame: str = LPS
    scheme: str | Path | None = None
    time_frame: int | None = None
    pieces: Pieces = Pieces.ASK
    accept_failed: bool = False
    force: bool = False

    @property
    def with_tetrahedra(self) -> bool:
        """Whether the mesh is made of tetrahedra."""
        return self.volume or self.fibers is not None or (self.preset is not None and preset_of(self.preset).volume)

    def request(self, folder: Path) -> ExportRequest:
        """Return what is to be written."""
        if self.preset is not None:
            return request_for(self.preset, folder, formats=self.formats, frame=self.frame, force=self.force)
        formats = self.formats or (USUAL_VOLUME_FORMATS if self.with_tetrahedra else USUAL_SURFACE_FORMATS)
        return ExportRequest(folder, formats, self.frame, force=self.force)

    def places(self, folder: Path, *, fit_for_use: bool) -> list[Path]:
        """Return all that a mesh may fill in a folder, the sidecar first; one that is not fit has a name of its own."""
        request = self.request(folder) if fit_for_use else failed_request(self.request(folder))
        return [*places_of(request), *MeshReportFiles.beside(request).all]

    def check(self, folder: Path) -> None:
        """Make sure, before any work, that the choices can be met and that a mesh could be written into a folder.

        Raises:
            UsageError: They cannot, the folder cannot be written, or something of the same name is in it.
        """
        if self.edge_mm is not None and not 0.0 < self.edge_mm < np.inf:
            raise UsageError(f"{self.edge_mm:g} mm is no length of an edge.", "Choose an edge above zero.")
        check_thickness(self.walls_mm)
        request = self.request(folder)
        check_formats(request, self.fibers)
        for one in (request, failed_request(request)) if self.accept_failed else (request,):
            check_export(one, volume=self.with_tetrahedra, source=True)
            MeshReportFiles.beside(one).check(force=self.force)


def failed_request(request: ExportRequest) -> ExportRequest:
    """Return the same request for a mesh that failed its own check: its files have a name that says so."""
    return replace(request, stem=request.stem + FAILED)
