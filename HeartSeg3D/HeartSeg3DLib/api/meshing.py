"""From a label map in a file to a folder with its mesh, the figures of its quality, and a page about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.anatomy import WHOLE_HEART
from HeartSeg3DLib.api.mesh_choices import MeshChoices, failed_request
from HeartSeg3DLib.api.mesh_fibers import FiberStage, placeholder_sentences
from HeartSeg3DLib.api.mesh_report import MeshReportFiles, piece_sentences, write_mesh_report
from HeartSeg3DLib.api.mesh_walls import GrownWalls, fine_enough_for_walls, grow_walls
from HeartSeg3DLib.api.mesh_words import change_sentences, volume_sentences
from HeartSeg3DLib.api.outputs import output_folder
from HeartSeg3DLib.errors import CancelledError, CheckError, InputError, UsageError
from HeartSeg3DLib.imaging import ClassProbabilities, holds_probabilities, read_label_frames, read_probabilities
from HeartSeg3DLib.imaging.output import not_written
from HeartSeg3DLib.meshing.checking import (
    check_edge,
    check_labels,
    check_memory,
    check_size,
    name_of,
    pitch_warnings,
    suggested_pitch,
)
from HeartSeg3DLib.meshing.cleaning import clean_labels
from HeartSeg3DLib.meshing.export.content import MeshSource
from HeartSeg3DLib.meshing.export.staging import put_in_place, staging_folder
from HeartSeg3DLib.meshing.export.writing import ExportRequest, export_mesh
from HeartSeg3DLib.meshing.export.xdmf import has_h5py
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.memory import check_memory as check_tetra_memory
from HeartSeg3DLib.meshing.memory import free_memory
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from HeartSeg3DLib.meshing.patches import name_patches
from HeartSeg3DLib.meshing.planes import image_border
from HeartSeg3DLib.meshing.quality import MeshReport, check_surfaces, check_tetrahedra
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.meshing.tetra import cut_into_tetrahedra
from HeartSeg3DLib.meshing.tetra_edge import edge_for
from HeartSeg3DLib.meshing.walls import hole_sentences
from HeartSeg3DLib.report import FiberSection

Progress = Callable[[float, str], None]
Cancelled = Callable[[], bool]
Given = Path | sitk.Image | ClassProbabilities

EDGE_OF_PITCH = 0.95
"""Mean edge of a surface's triangles in distances of the samples that it is made from."""


@dataclass(frozen=True)
class MeshedHeart:
    """A mesh that was written.

    Attributes:
        mesh: Surfaces or tetrahedra, LPS, mm, of all labels.
        patches: Triangles of the surface by name.
        labels: Label map that was meshed: cleaned, with walls.
        edge_mm: Mean edge that was asked for.
        report: Verdicts and figures of the independent checks.
        files: New files and folders: the mesh, the sidecar, the report as JSON, HTML and picture.
        warnings: Sentences for the user.
        seconds: Time of each stage.
        fibers: Its fibers: angles asked for, what was measured, and their picture.
        made_from: `labels` or `probabilities`.
    """

    mesh: SurfaceMesh | TetraMesh
    patches: dict[str, NDArray[np.intp]]
    labels: sitk.Image
    edge_mm: float
    report: MeshReport
    files: tuple[Path, ...]
    warnings: tuple[str, ...]
    seconds: dict[str, float]
    fibers: FiberSection | None = None
    made_from: str = "labels"


def mesh_to_folder(
    labels: Given, folder: Path, choices: MeshChoices | None = None, *, title: str = "", remarks: Sequence[str] = (),
    progress: Progress = lambda _fraction, _stage: None, cancelled: Cancelled = lambda: False,
    writing: Callable[[], AbstractContextManager[None]] = nullcontext,
    accept: Callable[[str], bool] = lambda _verdict: False,
) -> MeshedHeart:
    """Mesh a label map, check the mesh and write it with a report about it; nothing is written where a check fails.

    Args:
        labels: Label map, as `imaging.read_labels` takes it, or an image of the project's values; or class
            probabilities (`HeartLabels.probabilities`, or a file of them), which say where between voxels walls lie.
        folder: Folder for the mesh, which is made where it is missing.
        choices: How.
        title: What report and sidecar call the label map; the name of its file by default.
        remarks: Sentences that come before the mesh's own warnings, also in the report.
        progress: Told the finished part, 0 to 1, and the stage.
        cancelled: Asked between stages, the last time before files are put in place.
        writing: Makes the block in which files are put in place, which takes no time and must not be interrupted.
        accept: Told the verdict on a mesh that failed a hard check, says whether it is written all the same; not asked
            where `accept_failed` is on.

    Raises:
        UsageError: Wrong choices, or the folder cannot be written.
        InputError: The label map cannot be read or meshed, or nobody said what to do with its pieces.
        DeviceError: The memory does not do; the remedy says which edge would.
        CheckError: The mesh failed a hard check and nobody accepted it.
        CancelledError: `cancelled` said so.
    """
    choices = choices or MeshChoices()
    with output_folder(folder):
        title = title or (labels.name if isinstance(labels, Path) else "label map")
        return _Run(labels, folder, choices, _Stages(progress, cancelled), title, accept, remarks).mesh(writing)


class _Stages:
    """Tells progress, stops where the user wants it, and times each stage."""

    def __init__(self, progress: Progress, cancelled: Cancelled) -> None:
        self.seconds: dict[str, float] = {}
        self._progress, self._cancelled = progress, cancelled
        self._name, self._start = "", time.perf_counter()

    def enter(self, fraction: float, name: str) -> None:
        self.close()
        if self._cancelled():
            raise CancelledError("Cancelled.", "Nothing half-written was left behind.")
        self._name, self._start = name, time.perf_counter()
        self._progress(fraction, name)

    def within(self, fraction: float) -> None:
        """Tell the progress within a stage."""
        if self._cancelled():
            raise CancelledError("Cancelled.", "Nothing half-written was left behind.")
        self._progress(fraction, self._name)

    def finish(self, name: str) -> None:
        """Tell that everything is in place: who cancels now comes too late."""
        self.close()
        self._progress(1.0, name)

    def close(self) -> None:
        if self._name:
            self.seconds[self._name] = round(time.perf_counter() - self._start, 3)


class _Run:
    """One label map on its way to a mesh."""

    def __init__(self, given: Given, folder: Path, choices: MeshChoices, stages: _Stages, title: str,
                 accept: Callable[[str], bool], remarks: Sequence[str]) -> None:
        self._given, self._choices, self._stages = given, choices, stages
        self._title, self._accept, self._remarks = title, accept, remarks
        self._request = choices.request(folder)
        self._warnings: list[str] = []
        self._walls: GrownWalls | None = None
        self._changes: dict[str, object] = {}
        self._probabilities: ClassProbabilities | None = None
        choices.check(folder)
        self._fibers = FiberStage(choices.fibers, self._request)

    def mesh(self, writing: Callable[[], AbstractContextManager[None]]) -> MeshedHeart:
        labels, edge = self._prepared()
        mesh = self._made(labels, edge)
        self._stages.enter(0.70, "Naming surfaces")
        surface = mesh.surface if isinstance(mesh, TetraMesh) else mesh
        patches = name_patches(surface, image_border(labels))
        if self._walls is not None:
            self._warnings += hole_sentences(surface, patches, self._walls.thickness_mm, self._walls.open_ends)
        self._stages.enter(0.74, "Checking the mesh")
        written = self._request.labels
        report = check_tetrahedra(mesh, labels, written) if isinstance(mesh, TetraMesh) else \
            check_surfaces(mesh, labels, written)
        self._warnings[:0] = [*volume_sentences(report), *piece_sentences(report)]  # before what is good to know
        request = self._judged(report)
        mesh, fibers = self._with_fibers(mesh, patches, request)
        self._stages.enter(0.94, "Writing")
        meshed = MeshedHeart(mesh, patches, labels, edge, report, (), (*self._remarks, *self._warnings),
                             self._stages.seconds, fibers, "labels" if self._probabilities is None else "probabilities")
        files = self._written(meshed, request, writing)
        self._stages.finish("Written")
        return replace(meshed, files=files)

    def _written(
        self, meshed: MeshedHeart, request: ExportRequest, writing: Callable[[], AbstractContextManager[None]]
    ) -> tuple[Path, ...]:
        """Write everything into a hidden folder, then move it to its place; until it is moved, it can be cancelled."""
        folder, report = request.folder, meshed.report
        with staging_folder(folder, self._request.stem) as staging:
            hidden = replace(request, folder=staging)
            try:
                files = export_mesh(meshed.mesh, meshed.patches, hidden, source=MeshSource(self._title, meshed.labels),
                                    quality=report.to_dict(), angles=meshed.fibers.angles if meshed.fibers else None)
                self._stages.close()
                reports = write_mesh_report(
                    MeshReportFiles.beside(hidden), meshed.mesh, meshed.labels, report, title=self._title,
                    edge_mm=meshed.edge_mm, patches=meshed.patches, warnings=meshed.warnings, seconds=meshed.seconds,
                    settings=self._settings(request), changes=self._changes, fibers=meshed.fibers,
                    written=request.labels, made_from=meshed.made_from)
            except UsageError as error:
                if staging.name not in error.message:
                    raise
                raise not_written(folder) from error  # it names the hidden folder
            self._stages.within(0.98)
            names = [path.name for path in (*reports, *files)]  # what describes the mesh comes last
            with writing():
                put_in_place(staging, folder, names, self._choices.places(folder, fit_for_use=report.fit_for_use),
                             force=request.force)
        return tuple(folder / path.name for path in (*files, *reports))

    def _prepared(self) -> tuple[sitk.Image, float]:
        """Return the label map to be meshed and the edge in mm; all that can be refused is refused here."""
        stages, choices = self._stages, self._choices
        if "xdmf" in self._request.formats and not has_h5py():
            self._warnings.append("The XDMF files hold their arrays as text, because h5py is not installed: large, and "
                                  "DOLFINx opens them with XDMFFile.Encoding.ASCII. pip install '.[hdf5]' brings it.")
        stages.enter(0.0, "Reading the label map")
        labels = self._read()
        self._warnings += check_labels(labels, WHOLE_HEART).warnings
        check_size(labels)
        stages.enter(0.03, "Cleaning")
        cleaned = clean_labels(labels, choices.pieces)
        labels = cleaned.labels
        self._warnings += cleaned.sentences
        self._changes["cleaning_voxels"] = {"islands": cleaned.islands, "holes": cleaned.holes}
        if choices.walls_mm:
            stages.enter(0.06, "Growing walls")
            self._walls = grow_walls(labels, choices.walls_mm)
            labels = self._walls.labels
            self._warnings += self._walls.sentences
            self._changes |= self._walls.changes
        self._fibers.check(labels)
        facts = check_labels(labels)
        self._warnings += [sentence for sentence in facts.warnings if sentence not in self._warnings]
        wanted = self._request.labels
        if wanted is not None and not set(wanted) & set(facts.counts):
            raise InputError(f"The label map has no {name_of(wanted[0])} and no walls, of which the preset "
                             f"{choices.preset} consists.", "Grow walls (--walls), or choose another preset.")
        if choices.edge_mm is not None:
            check_edge(facts, choices.edge_mm)
        if choices.with_tetrahedra:
            edge, sentences = edge_for(labels, facts, choices.edge_mm)
            check_tetra_memory(labels, edge)
            self._warnings += sentences
            return labels, edge
        pitch = choices.edge_mm / EDGE_OF_PITCH if choices.edge_mm else suggested_pitch(labels, facts)
        free = free_memory()
        if free is not None:
            check_memory(labels, pitch, free)
        self._warnings += pitch_warnings(facts, pitch)
        return labels, pitch * EDGE_OF_PITCH

    def _read(self) -> sitk.Image:
        """Return the label map; of class probabilities the most probable one, and keep them."""
        given, choices = self._given, self._choices
        if isinstance(given, Path):
            if not holds_probabilities(given):
                return _one_frame(given, choices)
            if choices.scheme is not None or choices.time_frame is not None:
                raise UsageError(f"{given.name} holds class probabilities of one frame, in HeartSeg's own labels.",
                                 "Leave --scheme and --time-frame out.")
            given = read_probabilities(given)
        if isinstance(given, ClassProbabilities):
            self._probabilities = fine_enough_for_walls(given, choices.walls_mm)
            return self._probabilities.labels
        return given

    def _made(self, labels: sitk.Image, edge: float) -> SurfaceMesh | TetraMesh:
        if self._choices.with_tetrahedra:
            self._stages.enter(0.1, "Making tetrahedra")
            cut = cut_into_tetrahedra(labels, edge, lambda part: self._stages.within(0.1 + 0.6 * part),
                                      self._probabilities)
            self._changes["tetrahedra"] = {"smoothed": cut.smoothed, "topology": cut.repaired, "specks": cut.specks}
            self._warnings += change_sentences(cut.repaired, cut.specks, "element")
            return cut.mesh
        self._stages.enter(0.1, "Resampling")
        samples = label_field(labels, edge / EDGE_OF_PITCH, self._probabilities)
        self._changes["samples"] = {"topology": samples.repaired, "specks": samples.specks}
        self._warnings += change_sentences(samples.repaired, samples.specks, "sample")
        self._stages.enter(0.5, "Making surfaces")
        return surface_mesh(samples)

    def _with_fibers(
        self, mesh: SurfaceMesh | TetraMesh, patches: dict[str, NDArray[np.intp]], request: ExportRequest
    ) -> tuple[SurfaceMesh | TetraMesh, FiberSection | None]:
        """Return the mesh with fibers where there are to be any, and what the report shows of them."""
        section = None
        if self._fibers.angles is not None and isinstance(mesh, TetraMesh):
            self._stages.enter(0.86, "Laying fibers")
            mesh = self._fibers.lay(mesh, patches, lambda part: self._stages.within(0.86 + 0.035 * part))
            self._stages.enter(0.90, "Drawing fibers")
            section = self._fibers.section(
                mesh, patches, self._title, lambda part: self._stages.within(0.90 + 0.035 * part))
        self._warnings += [*self._fibers.sentences, *placeholder_sentences(mesh, request)]
        return mesh, section

    def _settings(self, request: ExportRequest) -> dict[str, str]:
        choices = self._choices
        grown = self._walls.thickness_mm if self._walls is not None else {}
        walls = ", ".join(f"{name_of(wall)} {thickness:g} mm" for wall, thickness in grown.items())
        frame = {} if choices.time_frame is None else {"Time frame": f"{choices.time_frame}, counted from 0"}
        return {**frame, "Walls": walls or "none grown", "Preset": choices.preset or "none",
                "Formats": ", ".join(request.formats), "Frame": f"{request.frame.upper()}, mm",
                "Pieces": choices.pieces.value}

    def _judged(self, report: MeshReport) -> ExportRequest:
        """Return what to write for a mesh with these verdicts."""
        if report.fit_for_use:
            return self._request
        found = "; ".join(f"{check.name}: {check.value:g} ({', '.join(map(_place, check.where))})"
                          for check in report.failures)
        if not (self._choices.accept_failed or self._accept(f"The mesh failed its own check. {found}.")):
            raise CheckError(f"The mesh failed its own check and was not written. {found}.",
                             "Try another edge length or correct the segmentation; --accept-failed writes it all the "
                             "same, under a name that says so.")
        self._warnings.insert(0, f"The mesh failed its own check and must not be used unseen. {found}.")
        return failed_request(self._request)


def _one_frame(path: Path, choices: MeshChoices) -> sitk.Image:
    """Return the label map in a file: the chosen frame where there are several."""
    frames, chosen = read_label_frames(path, choices.scheme), choices.time_frame
    last = f"Frames are counted from 0: choose 0 to {len(frames) - 1}"
    if chosen is None and len(frames) > 1:
        raise InputError(f"{path.name} holds {len(frames)} label maps (4-D), and one is meshed at a time.",
                         f"{last} with --time-frame.")
    if chosen is not None and not 0 <= chosen < len(frames):
        raise UsageError(f"There is no frame {chosen}: {path.name} has {len(frames)}.", f"{last}.")
    return frames[chosen or 0].image


def _place(where: str) -> str:
    """Return the name of a label's value in a verdict, or what else it names."""
    return name_of(int(where)) if where.isdigit() else where
