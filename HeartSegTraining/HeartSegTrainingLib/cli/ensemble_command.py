"""`heartseg train ensemble`: one model package of the runs of several folds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import JsonOption, QuietOption


def ensemble_command(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="JOBDIR...", show_default=False,
                       help="Job folders, or one folder with the runs of all folds below it."),
    ],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="PACKAGE_DIR", show_default=False, help="New package folder.")
    ],
    card: Annotated[
        Path | None,
        typer.Option(metavar="CARD.toml", help="What the runs cannot know: id, title, conventions, figures, licence."),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(metavar="WHICH", help="best, newest or a name such as step_0001000; without it the best one "
                                                "of each run, and the newest where nothing was validated."),
    ] = "",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make one model of several runs: it averages the probabilities of their networks, never their weights."""
    with command_run("train ensemble", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.finetuning.ensemble import export_ensemble
        from HeartSegTrainingLib.finetuning.release import read_card_table

        said = read_card_table(card) if card is not None else {}
        package = export_ensemble(folders, out, said, which=checkpoint, tell=run.say)
        run.say(f"Model package: {package}")
        run.say(f"Use it with `heartseg segment --model {package}`, or import it: heartseg models import {package}")
        run.say_note()
        run.report({"package": str(package)})
