"""`heartseg priors`: label maps of reference hearts, as the generator varies them, from surface shells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import ForceOption, JsonOption, OutputFolderOption, QuietOption


def priors_command(
    shells: Annotated[list[Path], typer.Argument(metavar="SHELLS.glb...", help="One glTF binary a heart, its walls "
                                                 "and valves as named shells, in metres.")],
    out: OutputFolderOption,
    credit: Annotated[
        str, typer.Option(metavar="TEXT", help="Whose shells these are and under which license; is written beside "
                                               "the label maps.")
    ] = "",
    keep_walls: Annotated[
        bool, typer.Option("--keep-walls", help="Keep the walls of hearts of the dead, thick by contraction, as they "
                                                "are.")
    ] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn reference hearts into label maps that `heartseg generate --priors` varies.

    For research, not a medical device.
    """
    with command_run("priors", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api import output_folder
        from HeartSegTrainingLib.cli.shell_priors import write_priors

        with output_folder(out), run.progress() as progress:
            priors = write_priors(out, shells, credit=credit, relaxed=not keep_walls, force=force, progress=progress,
                                  writing=run.writing)
        titles = dict.fromkeys(next(iter(priors.values())), "right")
        run.table({"mL": "left", **titles}, [[path.name, *(f"{volume:.0f}" for volume in volumes.values())]
                                             for path, volumes in priors.items()])
        run.say(f"Label maps and their origin are in {out}. Look at every one before you use it.")
        run.say_note()
        run.report({"folder": str(out), "volumes_ml": {path.name: volumes for path, volumes in priors.items()}})
