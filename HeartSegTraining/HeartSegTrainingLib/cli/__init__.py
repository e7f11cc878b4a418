"""The console script `heartseg`: HeartSeg3DLib's commands and those of training."""

from __future__ import annotations

import typer

from HeartSeg3DLib.cli import create_app
from HeartSeg3DLib.cli.cancellation import run_as_process
from HeartSegTrainingLib.cli.evaluate_command import evaluate_command
from HeartSegTrainingLib.cli.generate_command import generate_command
from HeartSegTrainingLib.cli.index_command import index_app
from HeartSegTrainingLib.cli.jobs_command import jobs_app
from HeartSegTrainingLib.cli.priors_command import priors_command
from HeartSegTrainingLib.cli.train_command import train_app
from HeartSegTrainingLib.jobs.run_job import is_first_process

__all__ = ["full_app", "main"]


def full_app() -> typer.Typer:
    """Return the command line with all commands."""
    app = create_app()
    app.command("generate")(generate_command)
    app.command("priors")(priors_command)
    app.add_typer(index_app, name="index")
    app.add_typer(train_app, name="train")
    app.add_typer(jobs_app, name="jobs")
    app.command("evaluate")(evaluate_command)
    return app


def main() -> None:
    """Run the command line as the whole process."""
    if is_first_process():
        run_as_process(lambda: full_app()(prog_name="heartseg"))
    else:  # the first one takes the signals of the run
        full_app()(prog_name="heartseg")
