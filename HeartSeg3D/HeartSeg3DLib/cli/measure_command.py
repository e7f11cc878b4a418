"""`heartseg measure`: volumes, myocardial mass and diameters."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import ForceOption, JsonOption, QuietOption, SchemeOption
from HeartSeg3DLib.cli.tables import show_measurements


def measure_command(
    labels: Annotated[
        list[Path],
        typer.Argument(metavar="LABELS", show_default=False,
                       help="Label map (.nii.gz, .nrrd, .seg.nrrd, .mha, 4-D too) or folder of masks."),
    ],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", show_default=False, help="Table: .csv or .json.")
    ],
    scheme: SchemeOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure label maps: volumes in mL, left ventricular mass in g, diameters of the great vessels in mm.

    For research, not a medical device.
    """
    with command_run("measure", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api import measure_to_file

        measured = measure_to_file(labels, out, scheme=scheme, force=force)
        for item in measured:
            if len(measured) > 1:
                run.say(str(item.source))
            show_measurements(run, item)
        run.say(str(out))
        run.say_note()
        run.report({"output": str(out), "label_maps": [asdict(item) for item in measured]})
