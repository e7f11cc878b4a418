"""Fibers on the way from a label map to a mesh: whether there will be any, how they came out, and what to say."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.errors import CheckError, InputError, UsageError
from HeartSeg3DLib.meshing.checking import name_of
from HeartSeg3DLib.meshing.export.presets import TISSUE, preset_of
from HeartSeg3DLib.meshing.export.registry import FORMATS, formats_of
from HeartSeg3DLib.meshing.export.writing import ExportRequest
from HeartSeg3DLib.meshing.fibers import FIBER, FiberAngles, check_fibers, with_fibers
from HeartSeg3DLib.meshing.fibers.tissue import LEFT_TISSUE
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from HeartSeg3DLib.meshing.quality.fiber_angles import measure_fibers
from HeartSeg3DLib.report import FiberSection, render_fibers

Patches = Mapping[str, NDArray[np.intp]]


def check_formats(request: ExportRequest, asked: FiberAngles | None) -> None:
    """Make sure that fibers that somebody asked for can be written.

    Raises:
        UsageError: The preset makes surfaces, or none of the formats holds fibers.
    """
    if asked is None:
        return
    if request.preset is not None and not preset_of(request.preset).volume:
        raise UsageError(f"Fibers lie in tetrahedra, and the preset {request.preset} makes surfaces.",
                         "Choose the preset ep, mechanics, simvascular or cemrgapp, or leave --fibres out.")
    if not any(entry.fibers for entry in formats_of(request.formats)):
        holding = ", ".join(name for name, entry in FORMATS.items() if entry.fibers)
        raise UsageError(f"No fibers fit into {', '.join(request.formats)}.",
                         f"Add a format that holds them: {holding}.")


class FiberStage:
    """Lays fibers into one mesh.

    Args:
        asked: Angles that somebody asked for: then they are laid, or the reason why not is raised. Without them, a
            preset may lay the usual ones; where it cannot, a sentence says so.
        request: What is going to be written.
    """

    def __init__(self, asked: FiberAngles | None, request: ExportRequest) -> None:
        self.sentences: list[str] = []
        self._must = asked is not None
        self._angles = asked
        if asked is None and request.preset is not None and preset_of(request.preset).fibers:
            self._angles = FiberAngles()

    @property
    def angles(self) -> FiberAngles | None:
        """Angles of the fibers, None where there will be none."""
        return self._angles

    def check(self, labels: sitk.Image) -> None:
        """Look a label map over before it is meshed.

        Raises:
            InputError: Somebody asked for fibers, and it lacks what they need.
        """
        if self._angles is None:
            return
        if not self._must and not np.isin(sitk.GetArrayViewFromImage(labels), LEFT_TISSUE).any():
            self._angles = None  # blood alone: nobody expects fibers
            return
        try:
            self.sentences += check_fibers(labels)
        except InputError as error:
            self._give_up(error)

    def lay(self, mesh: TetraMesh, patches: Patches, progress: Callable[[float], None]) -> TetraMesh:
        """Return the mesh with fibers, or as it is.

        Raises:
            InputError, CheckError: Somebody asked for fibers, and they could not be laid.
        """
        if self._angles is None:
            return mesh
        try:
            return with_fibers(mesh, patches, self._angles, progress)
        except (InputError, CheckError) as error:
            self._give_up(error)
            return mesh

    def section(
        self, mesh: TetraMesh, patches: Patches, title: str, progress: Callable[[float], None]
    ) -> FiberSection | None:
        """Return what a report shows of the fibers."""
        if self._angles is None:
            return None
        figures = measure_fibers(mesh, patches)
        progress(0.3)
        with tempfile.TemporaryDirectory(prefix="heartseg-fibers-") as folder:
            picture = Path(folder) / "fibers.png"
            render_fibers(mesh, patches, figures, picture, title, lambda part: progress(0.3 + 0.7 * part))
            return FiberSection(self._angles, figures, picture.read_bytes())

    def _give_up(self, error: InputError | CheckError) -> None:
        if self._must:
            raise error
        self._angles = None
        self.sentences.append(f"There are no fibers in this mesh. {error}")


def placeholder_sentences(mesh: SurfaceMesh | TetraMesh, request: ExportRequest) -> list[str]:
    """Return what a user must know about tissue that is written without fibers of its own."""
    if not isinstance(mesh, TetraMesh) or not any(entry.fibers for entry in formats_of(request.formats)):
        return []
    opencarp = "opencarp" in request.formats
    fiber = mesh.fields.get(FIBER)
    if fiber is None:
        return [f"{request.stem}.lon holds a placeholder along x in every element, which is no direction of fibers. "
                "Give --fibres a label map with left ventricle, myocardium and atria, or write fibers of your own into "
                "the file."] if opencarp else []
    written = TISSUE if request.labels is None else request.labels
    bare = np.linalg.norm(fiber, axis=1) == 0.0
    counts = {value: int((bare & (mesh.labels == value)).sum()) for value in np.unique(mesh.labels).tolist()
              if value in written}
    names = [name_of(value) for value, count in counts.items() if count]
    if not names:
        return []
    held = f"a placeholder along x in {request.stem}.lon" if opencarp else "zero"
    total = f"{sum(counts.values()):,}".replace(",", " ")
    return [f"The rule for fibers knows the ventricles only. {total} elements have none, {held}: "
            f"{', '.join(names)}. Make these isotropic, or give them fibers of your own."]
