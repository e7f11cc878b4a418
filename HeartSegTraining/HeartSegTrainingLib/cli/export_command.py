"""`heartseg train export`: a model package, or a pretrained encoder, of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import JsonOption, QuietOption
from HeartSeg3DLib.errors import UsageError


def export_command(
    folder: Annotated[Path, typer.Argument(metavar="JOBDIR", show_default=False, help="Job folder of a run.")],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", show_default=False, help="New folder of the package.")
    ],
    card: Annotated[
        Path | None,
        typer.Option(metavar="CARD.toml", help="What the run cannot know: id, title, conventions, figures, licence."),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(metavar="WHICH", help="Of fine-tuning: newest, best (by validation), or a name such as "
                                                "step_0001000.")
    ] = "newest",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a model package of a checkpoint of a run, running or not; of pretraining, its newest encoder."""
    with command_run("train export", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.jobs.job_folder import JobFolder

        if not (folder / "job.json").is_file():
            raise UsageError(f"{folder} is not a job folder.", "Give a folder that `heartseg train` made.")
        kind = (JobFolder(folder).read_job() or {}).get("kind")
        if kind == "finetune":
            package = _export_model(folder, out, card, checkpoint)
            run.say(f"Model package: {package}")
            run.say(f"Use it with `heartseg segment --model {package}`, or import it: heartseg models import {package}")
        else:
            package = _export_encoder(folder, out, card, checkpoint)
            run.say(f"Pretrained encoder: {package}")
            run.say(f"Use it with encoder_from = \"{package}\" in the job file of `heartseg train finetune`.")
        run.say_note()
        run.report({"package": str(package)})


def _export_model(folder: Path, out: Path, card: Path | None, checkpoint: str) -> Path:
    from HeartSegTrainingLib.finetuning.release import export_package, read_card_table

    return export_package(folder, out, read_card_table(card) if card is not None else {}, checkpoint)


def _export_encoder(folder: Path, out: Path, card: Path | None, checkpoint: str) -> Path:
    from HeartSegTrainingLib.pretraining import export_encoder

    if card is not None:
        raise UsageError("A pretrained encoder has no card.", "Leave --card out.")
    if checkpoint != "newest":
        raise UsageError("Of pretraining the newest encoder is exported.", "Leave --checkpoint out.")
    return export_encoder(folder, out)
