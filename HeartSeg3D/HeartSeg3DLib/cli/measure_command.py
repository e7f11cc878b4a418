"""`heartseg measure`: volumes, myocardial mass, diameters, and function of a beating heart."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run
from HeartSeg3DLib.cli.options import ForceOption, JsonOption, QuietOption, SchemeOption
from HeartSeg3DLib.cli.tables import show_function, show_measurements

if TYPE_CHECKING:
    from HeartSeg3DLib.api import MeasuredLabelMap


def measure_command(
    labels: Annotated[
        list[Path],
        typer.Argument(metavar="LABELS", show_default=False,
                       help="Label map (.nii.gz, .nrrd, .seg.nrrd, .mha, 4-D too) or folder of masks."),
    ],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", show_default=False, help="Table: .csv or .json.")
    ],
    heart_rate: Annotated[
        float | None, typer.Option(metavar="BPM", show_default=False, help="Beats a minute, for the cardiac output.")
    ] = None,
    height: Annotated[
        float | None, typer.Option(metavar="CM", show_default=False, help="Height in cm; with the weight, for indices.")
    ] = None,
    weight: Annotated[float | None, typer.Option(metavar="KG", show_default=False, help="Weight in kg.")] = None,
    end_diastole: Annotated[
        int | None,
        typer.Option(metavar="N", show_default=False, help="Frame of end-diastole, from 0; else the largest LV."),
    ] = None,
    end_systole: Annotated[
        int | None,
        typer.Option(metavar="N", show_default=False, help="Frame of end-systole, from 0; else the smallest LV."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Page with pictures, tables and curve: .html or .pdf."),
    ] = None,
    scheme: SchemeOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure label maps: volumes in mL, left ventricular mass in g, diameters of the great vessels in mm.

    A 4-D label map gives the function of both ventricles too: end-diastolic and end-systolic volume, ejection fraction,
    stroke volume, and cardiac output where the heart rate is known.

    For research, not a medical device.
    """
    with command_run("measure", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api import measure_to_file
        from HeartSeg3DLib.measurement import FunctionChoices

        choices = FunctionChoices(heart_rate=heart_rate, height_cm=height, weight_kg=weight,
                                  end_diastole=end_diastole, end_systole=end_systole)
        measured = measure_to_file(labels, out, scheme=scheme, choices=choices, report=report, force=force)
        several = len(measured) > 1
        for one in measured:
            _show(run, one, several)
        for written in (out, report):
            if written is not None:
                run.say(str(written))
        run.say_note()
        run.report({
            "output": str(out), "report": None if report is None else str(report),
            "label_maps": [asdict(frame) for one in measured for frame in one.frames],
            "functions": [{"source": one.source, **one.function.to_json()} for one in measured if one.function],
            "warnings": [sentence for one in measured for sentence in one.warnings],
        })


def _show(run: CommandRun, measured: MeasuredLabelMap, several: bool) -> None:
    """Print what was measured of one label map: of a beating heart the function, else the volumes."""
    if several:
        run.say(measured.source)
    for sentence in measured.warnings:
        run.warn(sentence, Path(measured.source).name if several else "")
    if measured.function is not None:
        show_function(run, measured.function)
        return
    for frame in measured.frames:
        if len(measured.frames) > 1:
            run.say(str(frame.source))
        show_measurements(run, frame)
