"""`heartseg segment`: label maps of one or more scans."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run, error_entry
from HeartSeg3DLib.cli.failures import explain
from HeartSeg3DLib.cli.options import DeviceOption, ForceOption, JsonOption, ModalityName, QualityName, QuietOption
from HeartSeg3DLib.cli.tables import show_function
from HeartSeg3DLib.errors import (
    CancelledError,
    CheckError,
    DeviceError,
    HeartSegError,
    InputError,
    ModelError,
    UsageError,
)

if TYPE_CHECKING:
    from HeartSeg3DLib.api import MeshedHeart, PlannedOutput, SegmentationChoices, SegmentationModels, SegmentedScan
    from HeartSeg3DLib.imaging import ClassProbabilities


FROM_PROBABILITIES = "Surfaces are made from class probabilities, which know more between slices than the label map."
FROM_LABELS = ("Surfaces are made from the label map, with the stairs of its thick slices: those from class "
               "probabilities were given up.")


def segment_command(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT", show_default=False,
                       help="Image file (.nii, .nii.gz, .nrrd, .mha, 4-D too) or folder of DICOM files."),
    ],
    out: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", show_default=False,
                     help="Label map: .nii.gz, .nii, .nrrd, .seg.nrrd (for 3D Slicer), .mha or .dcm (DICOM SEG). "
                          "Several inputs need a folder."),
    ],
    model: Annotated[
        str | None, typer.Option(metavar="ID|DIR", help="Model to use; see `heartseg models list`.")
    ] = None,
    device: DeviceOption = "auto",
    modality: Annotated[ModalityName, typer.Option(help="What kind of scan it is.")] = ModalityName.auto,
    quality: Annotated[
        QualityName, typer.Option(help="fast is coarser and not judged; best takes 2 to 3 times as long as standard.")
    ] = QualityName.standard,
    series: Annotated[
        str | None, typer.Option(metavar="UID|N", help="Which of several DICOM series, by UID or number in the list.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(metavar="N", help="One frame of a 4-D scan, counted from 0; all without it.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE|DIR", help="Page about the result: pictures, volumes, function (.html or .pdf); a "
                                              "folder for several inputs.")
    ] = None,
    confidence: Annotated[
        Path | None,
        typer.Option(metavar="FILE|DIR", help="Image of how sure the model is of each voxel, in %; a folder for "
                                              "several inputs.")
    ] = None,
    mesh: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for closed surfaces of each result, as `heartseg mesh` makes them.")
    ] = None,
    probabilities: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Class probabilities (.nrrd or .seq.nrrd), which `heartseg mesh` takes in "
                                          "place of the label map: finer surfaces of thick slices.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Segment the heart in CT or MR scans.

    Each label map lies exactly on its scan. Labels: 1 left ventricle, 2 its myocardium, 3 right ventricle,
    4 left atrium, 5 right atrium, 6 aorta, 7 pulmonary artery.

    For research, not a medical device.
    """
    with command_run("segment", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api import SegmentationChoices, SegmentationModels, output_folder, plan_outputs
        from HeartSeg3DLib.api.outputs import plan_confidence
        from HeartSeg3DLib.api.reporting import check_reports
        from HeartSeg3DLib.api.segmenting import Probabilities, check_map

        plan = plan_outputs(inputs, out, force=force)
        maps = plan_confidence(plan, confidence, force=force)
        check_reports(plan, report, force=force)
        models = SegmentationModels(model, device)
        if probabilities is not None and len(plan) > 1:
            raise UsageError("--probabilities takes one scan at a time.", "Give one scan, or leave it out.")
        soft = Probabilities.NEVER if mesh is None else Probabilities.THICK_SLICES
        choices = SegmentationChoices(modality.value, quality.value, series, frame, probabilities=soft)
        if maps:
            check_map(models, quality.value)
        with output_folder(out) if plan[0].output != out else nullcontext():
            meshes = _mesh_folders(plan, mesh, force=force)
            batch = _Batch(run, models, choices, report, meshes, maps, probabilities, force)
            batch.segment(plan)
        batch.finish()


def _mesh_folders(plan: list[PlannedOutput], folder: Path | None, *, force: bool) -> dict[Path, Path]:
    """Return the folder for the mesh of each result, one for each where they are several; checked before any work."""
    if folder is None:
        return {}
    from HeartSeg3DLib.api import MeshChoices, output_folder

    several = len(plan) > 1
    folders = {item.output: folder / item.output.name.split(".")[0] if several else folder for item in plan}
    for one in folders.values():
        with output_folder(folder), output_folder(one):
            MeshChoices(force=force).check(one)
    return folders


class _Batch:
    """Scans that share one loaded model; one that fails does not stop the others."""

    def __init__(
        self, run: CommandRun, models: SegmentationModels, choices: SegmentationChoices, report: Path | None,
        meshes: dict[Path, Path], maps: dict[Path, Path], probabilities: Path | None, force: bool,
    ) -> None:
        self._run, self._models, self._choices, self._report, self._force = run, models, choices, report, force
        self._meshes, self._maps, self._probabilities = meshes, maps, probabilities
        self._results: list[dict[str, Any]] = []
        self._failures: list[tuple[PlannedOutput, HeartSegError]] = []

    def segment(self, plan: list[PlannedOutput]) -> None:
        """Segment every scan.

        Raises:
            HeartSegError: The only scan failed, the models cannot be loaded, or the user cancelled.
        """
        several = len(plan) > 1
        with self._run.progress() as progress:
            for item in plan:
                name = item.source.name or str(item.source)
                progress.begin(name if several else "")
                try:
                    done = self._one(item, progress)
                    made = self._mesh(item, done, progress)
                except CancelledError:
                    raise
                except Exception as failure:
                    if not several or (isinstance(failure, (ModelError, DeviceError)) and not self._models.loaded):
                        raise
                    self._fail(item, name, explain(failure))
                else:
                    self._succeed(done, made, name if several else "")

    def finish(self) -> None:
        """Sum up, and end with the exit code of the first failure."""
        total, failed = len(self._results), len(self._failures)
        if failed:
            self._run.say(f"{total - failed} of {total} scans were segmented.")
        self._run.say_note()
        code = self._failures[0][1].exit_code if self._failures else 0
        self._run.report({"results": self._results}, code)
        if code:
            raise typer.Exit(code)

    def _one(self, item: PlannedOutput, progress: Any) -> SegmentedScan:
        from HeartSeg3DLib.api import output_folder

        sure = self._maps.get(item.output)
        with nullcontext() if sure is None or sure.parent.exists() else output_folder(sure.parent):
            return self._segmented(item, sure, progress)

    def _segmented(self, item: PlannedOutput, sure: Path | None, progress: Any) -> SegmentedScan:
        from HeartSeg3DLib.api import segment_to_file

        return segment_to_file(
            item.source, item.output, self._models, self._choices, report=self._report, confidence=sure,
            probabilities=self._probabilities, force=self._force, progress=progress, cancelled=self._run.cancelled,
            writing=self._run.writing,
        )

    def _mesh(self, item: PlannedOutput, done: SegmentedScan, progress: Any) -> MeshedHeart | None:
        """Make surfaces of a result where they were asked for; the label map is written already.

        Noisy probabilities can fail where the smoother labels do not: then these are taken, and it is said.
        """
        if item.output not in self._meshes:
            return None
        from HeartSeg3DLib.api import output_folder

        if done.frames > 1:
            raise InputError(f"{item.output.name} is written; surfaces need one frame of it, and it has {done.frames}.",
                             "Choose one with --frame.")
        folder = self._meshes[item.output]
        remarks = []
        with output_folder(folder.parent):
            if done.soft is not None:
                try:
                    return self._meshed(done.soft, done, folder, progress)
                except CheckError as error:
                    remarks.append(f"{FROM_LABELS} {error.message}")
            return self._meshed(done.output, done, folder, progress, remarks)

    def _meshed(self, source: Path | ClassProbabilities, done: SegmentedScan, folder: Path, progress: Any,
                remarks: Sequence[str] = ()) -> MeshedHeart:
        from HeartSeg3DLib.api import MeshChoices, mesh_to_folder
        from HeartSeg3DLib.meshing.cleaning import Pieces

        return mesh_to_folder(
            source, folder, MeshChoices(pieces=Pieces.KEEP_ALL, force=self._force), title=done.output.name,
            remarks=remarks, progress=progress, cancelled=self._run.cancelled, writing=self._run.writing)

    def _succeed(self, done: SegmentedScan, mesh: MeshedHeart | None, name: str) -> None:
        for sentence in (*done.warnings, *(mesh.warnings if mesh is not None else ())):
            self._run.warn(sentence, name)
        frames = f", {done.frames} frames" if done.frames > 1 else ""
        self._run.say(f"{done.output}  ({done.modality.upper()}{frames}, model {done.model}, "
                      f"{sum(done.seconds[stage] for stage in ('read', 'segment', 'write')):.1f} s)")
        for light in (done.verdict, *done.doubts):
            self._run.light(light, name)
        if done.function is not None:
            show_function(self._run, done.function)
        if done.confidence is not None:
            self._run.say(str(done.confidence))
        if done.probabilities is not None:
            self._run.say(str(done.probabilities))
        if done.report is not None:
            self._run.say(str(done.report))
        files = [str(path) for path in mesh.files] if mesh is not None else []
        if mesh is not None and mesh.made_from == "probabilities":
            self._run.say(FROM_PROBABILITIES)
        for path in files:
            self._run.say(path)
        self._results.append({"status": "done", **done.to_dict(), "mesh": files,
                              "mesh_from": None if mesh is None else mesh.made_from,
                              "mesh_warnings": [] if mesh is None else list(mesh.warnings)})

    def _fail(self, item: PlannedOutput, name: str, error: HeartSegError) -> None:
        self._run.trouble(error, name)
        self._failures.append((item, error))
        self._results.append({"status": "failed", "source": str(item.source), "output": str(item.output),
                              "error": error_entry(error)})
