"""`heartseg evaluate`: Dice and HD95 of label maps against references."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run
from HeartSeg3DLib.cli.options import ForceOption, JsonOption, OutputFolderOption, QuietOption, SchemeOption
from HeartSeg3DLib.errors import InputError

if TYPE_CHECKING:
    from HeartSegTrainingLib.evaluation import Evaluation


def evaluate_command(
    prediction: Annotated[
        Path, typer.Option("--pred", metavar="DIR", show_default=False, help="Label maps to score.")
    ],
    reference: Annotated[
        Path, typer.Option("--ref", metavar="DIR", show_default=False, help="Reference label maps of the same names.")
    ],
    out: OutputFolderOption,
    scheme: SchemeOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score label maps against references: Dice, HD95 and volume differences.

    Files match by name without ending. --scheme tells the meaning of the references' values. For research, not a
    medical device.
    """
    with command_run("evaluate", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api import output_folder
        from HeartSegTrainingLib.evaluation import evaluate_folders

        with output_folder(out):
            found = evaluate_folders(prediction, reference, out, scheme=scheme, force=force)
        _show(run, found)
        run.say(f"Tables: {out}")
        run.say_note()
        code = InputError.exit_code if found.failed else 0
        run.report({"folder": str(out), **found.to_dict()}, code)
    if code:
        raise typer.Exit(code)


def _show(run: CommandRun, found: Evaluation) -> None:
    rows = [(id, str(figures["n"]), _number(figures["dice_mean"], 3), _number(figures["dice_sd"], 3),
             _number(figures["hd95_mm_mean"], 1), str(figures["n_missed"]), str(figures["n_spurious"]))
            for id, figures in found.structures().items()]
    run.table({"Structure": "left", "Cases": "right", "Dice": "right", "SD": "right", "HD95 (mm)": "right",
               "Missed": "right", "Invented": "right"}, rows)
    for case, error in found.failed.items():
        run.trouble(error, case)
    for what, names in (("no reference", found.unmatched_predictions), ("no prediction", found.unmatched_references)):
        if names:
            run.warn(f"{len(names)} without a partner ({what}): {', '.join(names[:5])}"
                     f"{' and more' if len(names) > 5 else ''}.")


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
