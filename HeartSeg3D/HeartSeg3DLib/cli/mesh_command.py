"""`heartseg mesh`: surfaces or tetrahedra of a label map, for simulators and printers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from HeartSeg3DLib.cli.command_run import CommandRun, command_run
from HeartSeg3DLib.cli.mesh_options import (
    AcceptFailedOption,
    EdgeOption,
    FibresOption,
    FormatsOption,
    FrameOption,
    KeepAllOption,
    KeepLargestOption,
    LabelsArgument,
    PresetOption,
    TimeFrameOption,
    VolumeOption,
    WallsOption,
)
from HeartSeg3DLib.cli.options import ForceOption, JsonOption, OutputFolderOption, QuietOption, SchemeOption
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.meshing.export.presets import stem_of

if TYPE_CHECKING:
    from HeartSeg3DLib.api import MeshedHeart
    from HeartSeg3DLib.meshing.fibers import FiberAngles
    from HeartSeg3DLib.report import FiberSection

DEFAULT = "default"
"""What `--walls` and `--fibres` mean by themselves."""

_VALUES = {"--walls": re.compile(r".*=.*"), "--fibres": re.compile(r"[-+]?[\d.,][-+\d.,]*")}
"""What a word looks like that is the value of an option and not the next argument."""

_MEANT = re.compile(r"(?!.*\.[a-z]+$)[^./\\]*,.*|[-+]?(\d[\d.]*|nan|inf)", re.IGNORECASE)
"""What a word looks like that is meant to be a value, if no file is called so: then it is refused as one."""


class MeshCommand(TyperCommand):
    """Takes `--walls` and `--fibres` with a value and without one, which typer's options cannot."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line."""
        return super().parse_args(ctx, with_usual_values(args))


def with_usual_values(words: list[str]) -> list[str]:
    """Return the words of a command line in which every `--walls` and `--fibres` has a value.

    >>> with_usual_values(["--walls", "heart.nrrd", "--walls", "RV=3", "--fibres", "-40,60"])
    ['--walls', 'default', 'heart.nrrd', '--walls', 'RV=3', '--fibres', '-40,60']
    """
    complete = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        complete.append(word)
        if word in _VALUES and following != DEFAULT and not _is_value(word, following):
            complete.append(DEFAULT)
    return complete


def _is_value(option: str, word: str) -> bool:
    return bool(_VALUES[option].fullmatch(word) or (_MEANT.fullmatch(word) and not Path(word).exists()))


def mesh_command(
    labels: LabelsArgument, out: OutputFolderOption, edge: EdgeOption = None, volume: VolumeOption = False,
    walls: WallsOption = None, fibres: FibresOption = None, preset: PresetOption = None,
    formats: FormatsOption = None, frame: FrameOption = "lps", time_frame: TimeFrameOption = None,
    scheme: SchemeOption = None, keep_all: KeepAllOption = False, keep_largest: KeepLargestOption = False,
    accept_failed: AcceptFailedOption = False, force: ForceOption = False, as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Mesh a label map: closed surfaces with shared walls, or tetrahedra, with named surfaces and a report.

    The mesh is checked before it is written; one that fails ends with exit code 6.

    For research, not a medical device.
    """
    with command_run("mesh", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api import MeshChoices, mesh_to_folder
        from HeartSeg3DLib.meshing.cleaning import Pieces
        from HeartSeg3DLib.meshing.export.earlier import earlier_places, removal_sentences

        if keep_all and keep_largest:
            raise UsageError("Both --keep-all and --keep-largest were given.", "Give one of them.")
        pieces = Pieces.KEEP_ALL if keep_all else Pieces.KEEP_LARGEST if keep_largest else Pieces.ASK
        choices = MeshChoices(
            edge_mm=edge, volume=volume, walls_mm=walls_of(walls), fibers=fibers_of(fibres), preset=preset,
            formats=formats_of(formats), frame=frame, scheme=scheme, time_frame=time_frame, pieces=pieces,
            accept_failed=accept_failed, force=force)
        before = earlier_places(out, stem_of(preset))
        with run.progress() as progress:
            progress.begin(labels.name)
            meshed = mesh_to_folder(labels, out, choices, progress=progress, cancelled=run.cancelled,
                                    writing=run.last_writing)
        meshed = replace(meshed, warnings=(*meshed.warnings, *removal_sentences(before)))
        _show(run, meshed, preset if not formats else None)
        run.report({
            "output": str(out), "files": [str(path) for path in meshed.files], "edge_mm": meshed.edge_mm,
            "made_from": meshed.made_from, "warnings": list(meshed.warnings), "seconds": meshed.seconds,
            "quality": meshed.report.to_dict(),
            "fibers": meshed.fibers.to_dict() if meshed.fibers else None,
        })


def formats_of(text: str | None) -> tuple[str, ...]:
    """Return the names of formats that `--formats` asks for; none without it.

    >>> formats_of("vtp, stl,")
    ('vtp', 'stl')

    Raises:
        UsageError: It names none.
    """
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError("--formats names no format.",
                         "Write for example --formats vtu,vtk, or leave it out for the usual ones.")
    return names


def walls_of(text: str | None) -> dict[int, float]:
    """Return the thickness in mm by cavity value that `--walls` asks for; none without it.

    >>> walls_of("RV=3.5, la=2")
    {3: 3.5, 4: 2.0}

    Raises:
        UsageError: The text cannot be understood.
    """
    from HeartSeg3DLib.imaging.schemes import structure_value
    from HeartSeg3DLib.meshing.walls import WALL_MM

    if text is None:
        return {}
    if text.strip().lower() == DEFAULT:
        return dict(WALL_MM)
    walls = {}
    for entry in text.split(","):
        name, _, thickness = entry.partition("=")
        value = structure_value(name) if name.strip() else None
        try:
            wall_mm = float(thickness)
        except ValueError:
            wall_mm = None
        if not value or wall_mm is None:
            raise UsageError(f"The wall {entry.strip()!r} cannot be understood.",
                             "Write --walls alone for the usual ones, or such as --walls RV=3.5,LA=2,AO=2.")
        walls[value] = wall_mm
    return walls


def fibers_of(text: str | None) -> FiberAngles | None:
    """Return the angles in degrees that `--fibres` asks for; none without it.

    >>> fibers_of("80, -60").endocardium
    80.0

    Raises:
        UsageError: The text cannot be understood, or no fiber is as steep.
    """
    from HeartSeg3DLib.meshing.fibers import FiberAngles

    if text is None:
        return None
    if text.strip().lower() == DEFAULT:
        return FiberAngles()
    try:
        endocardium, epicardium = (float(angle) for angle in text.split(","))
    except ValueError:
        raise UsageError(f"The fiber angles {text.strip()!r} cannot be understood.",
                         "Write --fibres alone for 60 and -60 degrees, or such as --fibres 80,-60: first the "
                         "endocardium, then the epicardium.") from None
    return FiberAngles(endocardium, epicardium)


def _show(run: CommandRun, meshed: MeshedHeart, preset: str | None) -> None:
    """Print figures by structure, verdicts, files, and how a preset's simulator takes these."""
    from HeartSeg3DLib.meshing.checking import name_of
    from HeartSeg3DLib.meshing.export.presets import preset_of
    from HeartSeg3DLib.report import written_cells

    for sentence in meshed.warnings:
        run.warn(sentence)
    rows = []
    for value, figures in meshed.report.labels.items():
        volume, error = figures.get("volume_mm3"), figures.get("volume_error_percent")
        left_out = "" if value in meshed.report.written else " (not written)"
        rows.append((name_of(value) + left_out, f"{figures.get('tetrahedra', figures.get('triangles', 0))}",
                     f"{volume / 1000:.1f}" if isinstance(volume, float) else "-",
                     f"{error:+.2f}" if isinstance(error, float) else "-"))
    cells = "Tetrahedra" if meshed.report.kind == "tetrahedra" else "Triangles"
    run.table({"Structure": "left", cells: "right", "Volume (mL)": "right", "Against voxels (%)": "right"}, rows)
    run.say(f"{written_cells(meshed.report)}.")
    if meshed.fibers is not None:
        run.say(_about_fibers(meshed.fibers))
    run.say("Every hard check passed." if meshed.report.fit_for_use else "The mesh FAILED a hard check.")
    for check in meshed.report.missed_aims:
        run.say(f"Aim missed: {check.name} {check.value:.3g}, limit {check.limit:g}.")
    for path in meshed.files:
        run.say(str(path))
    if preset is not None:
        run.say(preset_of(preset).notes)
        run.say(f"Try it in the folder: {preset_of(preset).opens_with}")
    run.say_note()


def _about_fibers(fibers: FiberSection) -> str:
    """Return how many elements of muscle have fibers, and the angles found in the left ventricle."""
    layers = fibers.figures.left
    angles = f", helix angle {layers[0].median:.0f} to {layers[-1].median:.0f} degrees in the left" if layers else ""
    return f"Fibers in {100 * fibers.figures.share:.1f} % of the ventricles' muscle{angles}."
