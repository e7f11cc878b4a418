"""`heartseg train template|recipe`: job files to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import ForceOption, JsonOption, QuietOption
from HeartSeg3DLib.errors import UsageError

_TargetOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="PATH", show_default=False, help="File to write.")
]


def template_command(
    kind: Annotated[str, typer.Argument(metavar="KIND", show_default=False, help="ssl, ressl or finetune.")],
    out: _TargetOption = None,
    force: ForceOption = False,
) -> None:
    """Print a job file with every entry, its meaning and its default."""
    with command_run("train template") as run:
        from HeartSegTrainingLib.jobs.job_template import job_template
        from HeartSegTrainingLib.jobs.kinds import kind_named

        text = job_template(kind_named(kind))
        if out is None:
            sys.stdout.write(text)
            return
        if out.exists() and not force:
            raise UsageError(f"{out} exists already.", "Give another name, or --force to replace it.")
        out.write_text(text, "utf-8")
        run.say(f"Job file: {out}")


def recipe_command(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", show_default=False, help="demo, lab or cluster; all without it.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", show_default=False,
                     help="Folder for one job file of each stage; with --stage a file."),
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="KIND", show_default=False, help="ssl, ressl or finetune alone.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Copy a ready recipe: one job file for each stage of training."""
    with command_run("train recipe", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.jobs.recipes import STAGES, copy_recipe, recipe_named, recipes

        if name is None:
            run.table({"Recipe": "left", "For": "left"}, [(recipe.name, recipe.purpose) for recipe in recipes()])
            run.say("Copy one with: heartseg train recipe NAME -o FOLDER")
            run.report({"recipes": [{"name": recipe.name, "purpose": recipe.purpose} for recipe in recipes()]})
            return
        recipe_named(name)
        if out is None:
            raise UsageError("The recipe needs a place.", "Name one with -o.")
        written = copy_recipe(name, out, stage, force=force)
        for file, kind in zip(written, STAGES if stage is None else (stage,), strict=True):
            run.say(f"heartseg train {kind} {file}")
        run.report({"files": [str(file) for file in written]})
