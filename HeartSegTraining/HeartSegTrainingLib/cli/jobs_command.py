"""`heartseg jobs`: what trains, what has trained, stopping it and going on with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run
from HeartSeg3DLib.cli.options import JsonOption, QuietOption
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.cli.train_options import DetachOption
from HeartSegTrainingLib.cli.train_watch import show_state

if TYPE_CHECKING:
    from HeartSegTrainingLib.jobs.job_summary import JobSummary

jobs_app = typer.Typer(no_args_is_help=True, help="List, show, stop and resume training jobs.")

JobArgument = Annotated[str, typer.Argument(metavar="JOBDIR|NAME", show_default=False, help="Job folder, or its name.")]

_BEGINS_WITHIN_S = 15.0


@jobs_app.command("list")
def list_command(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR...]", show_default=False, help="Folders to search, beside jobs that you started."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs: those that you started, and all below the folders named."""
    with command_run("jobs list", as_json=as_json) as run:
        from HeartSegTrainingLib.cli.jobs_words import say_list
        from HeartSegTrainingLib.jobs.listing import find_jobs

        jobs = find_jobs(folders or ())
        if jobs:
            say_list(run, jobs)
        else:
            run.say("There are no jobs. Begin with: heartseg train recipe demo -o demo")
        run.report({"jobs": [job.to_dict() for job in jobs]})


@jobs_app.command("show")
def show_command(job: JobArgument, as_json: JsonOption = False) -> None:
    """Show what a job was asked, how it is doing, and why it stopped; of a job of several folds, how each is."""
    with command_run("jobs show", as_json=as_json) as run:
        from HeartSegTrainingLib.cli.jobs_words import asked_of, loss_curve, say_job
        from HeartSegTrainingLib.jobs.listing import folds_of, named_job

        found = named_job(job)
        say_job(run, found)
        curve = [] if found.state == "gone" else loss_curve(found)
        run.report({"job": found.to_dict(), "asked": asked_of(found), "loss_curve": curve,
                    "folds": [fold.to_dict() for fold in folds_of(found.folder)]})


@jobs_app.command("stop")
def stop_command(
    job: JobArgument,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="S", help="Seconds to wait for its checkpoint; 0 returns at once.")
    ] = 600.0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Ask a job, with all its folds, to write a checkpoint and stop, and wait until it has."""
    with command_run("jobs stop", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.jobs.listing import named_job
        from HeartSegTrainingLib.jobs.stopping import ask_to_stop, wait_until_stopped

        found = named_job(job)
        ask_to_stop(found.folder)
        if wait:
            with run.progress() as progress:
                progress(found.progress, "Waiting for its step to end")
                found = wait_until_stopped(found.folder, seconds=wait,
                                           show=lambda now: show_state(now.state_file, progress))
        run.say(f"{found.name} was asked to stop." if not wait else _how_it_stopped(found))
        run.report({"job": found.to_dict()})


@jobs_app.command("resume")
def resume_command(
    job: JobArgument,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Go on with a job as it was asked for, from its newest checkpoint; one of SLURM's is queued there again.

    Of a job of several folds those go on that are not finished.

    With a changed job file: heartseg train KIND JOB.toml -o JOBDIR --resume.
    """
    with command_run("jobs resume", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.jobs.launch_note import LaunchNote
        from HeartSegTrainingLib.jobs.listing import named_job

        found = named_job(job)
        if found.state == "gone":
            raise UsageError(f"The folder of {found.name} is not there any more.", "Connect its disk, or start anew.")
        if found.is_active:
            raise UsageError(f"The job {found.name} is running.", "There is nothing to resume.")
        if found.state == "finished":
            raise UsageError(f"The job {found.name} is finished.",
                             "For more steps raise steps in its job file and use `heartseg train --resume`.")
        note = LaunchNote.of_job(found.folder)
        is_slurms = note is not None and note.mode == "slurm"
        (_resume_on_cluster if is_slurms else _resume_detached if detach else _resume_here)(run, found.folder)


@jobs_app.command("forget")
def forget_command(
    folder: Annotated[Path, typer.Argument(metavar="JOBDIR", show_default=False, help="Job folder, there or gone.")],
    as_json: JsonOption = False,
) -> None:
    """Take a job off your list; nothing is deleted."""
    with command_run("jobs forget", as_json=as_json) as run:
        from HeartSegTrainingLib.jobs.registry import forget

        if not forget(folder):
            raise UsageError(f"{folder} is not on your list of jobs.", "See: heartseg jobs list")
        run.say(f"{folder} is off the list; its files stay.")
        run.report({"folder": str(folder)})


def _how_it_stopped(found: JobSummary) -> str:
    from HeartSegTrainingLib.jobs.listing import folds_of

    folds = folds_of(found.folder)
    finished = sum(fold.state == "finished" for fold in folds)
    where = f" with {finished} of {len(folds)} folds finished" if folds else f" at step {found.step}"
    return f"{found.name}: {found.state}{where}"


def _resume_detached(run: CommandRun, folder: Path) -> None:
    from HeartSegTrainingLib.jobs.launching import resume_detached, wait_for_beginning

    job = resume_detached(folder)
    with run.progress() as progress:
        progress(0.0, "Starting")
        has_begun = wait_for_beginning(job, _BEGINS_WITHIN_S)
    run.say(f"{'Training' if has_begun else 'Preparing its data'} in process {job.pid}.")
    run.report({"folder": str(folder), "pid": job.pid, "has_begun": has_begun})


def _resume_on_cluster(run: CommandRun, folder: Path) -> None:
    from HeartSegTrainingLib.jobs.cluster import submit_again

    number = submit_again(folder)
    run.say(f"SLURM's job {number}; it goes on from its newest checkpoint.")
    run.report({"folder": str(folder), "cluster_job": number})


def _resume_here(run: CommandRun, folder: Path) -> None:
    from HeartSegTrainingLib.cli.train_command import train_here
    from HeartSegTrainingLib.cli.train_options import TrainRequest
    from HeartSegTrainingLib.jobs.kinds import kind_named
    from HeartSegTrainingLib.jobs.launching import note_to_resume

    note = note_to_resume(folder)
    if note.processes > 1:
        raise UsageError(f"The job was started on {note.processes} processes.", "Add --detach, or use torchrun.")
    os.chdir(note.working_folder)
    train_here(run, kind_named(note.kind), TrainRequest(Path(note.config_file), folder, resume=True))
