"""`heartseg demo`: the embedded scan through the whole path."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import ForceOption, JsonOption, QuietOption
from HeartSeg3DLib.cli.tables import show_measurements

_FOLDER = Path("heartseg-demo")


def demo_command(
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", show_default=False,
                     help=f"Folder for the results; without it {_FOLDER}, or {_FOLDER}-2 and so on if that exists."),
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Segment the generated chest CT that comes with HeartSeg, measure it and draw it.

    For research, not a medical device.
    """
    with command_run("demo", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib import api

        folder = api.free_folder(_FOLDER) if out is None else out
        with run.progress() as progress:
            done = api.demo(folder, force=force, progress=progress, cancelled=run.cancelled, writing=run.writing)
        for sentence in done.warnings:
            run.warn(sentence)
        files = {"Scan": done.scan, "Label map": done.label_map, "For 3D Slicer": done.segmentation,
                 "Table": done.table, "Picture": done.picture}
        show_measurements(run, done.measurements)
        for light in (done.verdict, *done.doubts):
            run.light(light)
        for name, path in files.items():
            run.say(f"{name + ':':15}{path.resolve()}")
        run.say_note()
        run.report({"files": {name: str(path.resolve()) for name, path in files.items()},
                    "measurements": asdict(done.measurements), "model": done.model, "warnings": done.warnings,
                    "verdict": vars(done.verdict), "doubts": [vars(light) for light in done.doubts]})
