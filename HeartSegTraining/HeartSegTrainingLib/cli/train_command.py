"""`heartseg train ssl|ressl|finetune`: training runs in job folders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run
from HeartSeg3DLib.cli.options import JsonOption, QuietOption
from HeartSeg3DLib.errors import HeartSegError, UsageError
from HeartSegTrainingLib.cli.calibrate_command import calibrate_command
from HeartSegTrainingLib.cli.check_device_command import check_device_command
from HeartSegTrainingLib.cli.ensemble_command import ensemble_command
from HeartSegTrainingLib.cli.export_command import export_command
from HeartSegTrainingLib.cli.job_file_commands import recipe_command, template_command
from HeartSegTrainingLib.cli.train_options import (
    CoresOption,
    DetachOption,
    DryRunOption,
    GpusOption,
    JobArgument,
    JobFolderOption,
    NodesOption,
    PartitionOption,
    ProcessesOption,
    ResumeOption,
    SlurmExtraOption,
    SlurmOption,
    TasksOption,
    TimeoutOption,
    TrainRequest,
    job_folder_of,
)
from HeartSegTrainingLib.cli.train_watch import StateWatch
from HeartSegTrainingLib.cli.train_words import say_end, say_estimate
from HeartSegTrainingLib.jobs.kinds import KINDS, Kind
from HeartSegTrainingLib.jobs.run_job import is_first_process, run_job

if TYPE_CHECKING:
    from HeartSegTrainingLib.jobs.job_folder import JobFolder

train_app = typer.Typer(no_args_is_help=True, help="Train models, and make packages of them.")
train_app.command("export")(export_command)
train_app.command("calibrate")(calibrate_command)
train_app.command("ensemble")(ensemble_command)
train_app.command("template")(template_command)
train_app.command("recipe")(recipe_command)
train_app.command("check-device")(check_device_command)

_BEGINS_WITHIN_S = 15.0
"""So long --detach waits for the first word of a job, which may need minutes to prepare its data."""

_HELP = """

Ctrl-C, or a file STOP in the job folder, ends the run after a checkpoint; --resume goes on exactly there.
"""


def _command_of(kind: Kind) -> Callable[..., None]:
    def command(
        job: JobArgument,
        out: JobFolderOption = None,
        dry_run: DryRunOption = False,
        resume: ResumeOption = False,
        detach: DetachOption = False,
        processes: ProcessesOption = 1,
        slurm: SlurmOption = False,
        partition: PartitionOption = None,
        nodes: NodesOption = 1,
        gpus_per_node: GpusOption = 0,
        tasks_per_node: TasksOption = 0,
        cpus_per_task: CoresOption = 1,
        timeout_min: TimeoutOption = 60,
        slurm_option: SlurmExtraOption = None,
        as_json: JsonOption = False,
        quiet: QuietOption = False,
    ) -> None:
        request = TrainRequest(job, job_folder_of(job, out), resume, processes, partition, nodes, gpus_per_node,
                               tasks_per_node, cpus_per_task, timeout_min, tuple(slurm_option or ()))
        if not is_first_process():
            _follow(kind, request, dry_run)
            return
        with command_run(f"train {kind.name}", as_json=as_json, quiet=quiet) as run:
            if sum((dry_run, detach, slurm)) > 1:
                raise UsageError("--dry-run, --detach and --slurm exclude each other.", "Give one of them.")
            if processes > 1 and not (detach or dry_run):
                raise UsageError("--processes goes with --detach.", "Add --detach, or start the command with torchrun.")
            do = _estimate if dry_run else _detach if detach else _submit if slurm else train_here
            do(run, kind, request)

    command.__doc__ = kind.does + _HELP
    return command


for _kind in KINDS.values():
    train_app.command(_kind.name)(_command_of(_kind))


def _follow(kind: Kind, request: TrainRequest, dry_run: bool) -> None:
    """Be one of several processes: the first one speaks for all, this one says nothing."""
    if dry_run:
        return
    try:
        run_job(kind.name, request.job_file, request.folder, resume=request.resume)
    except HeartSegError as error:
        raise typer.Exit(error.exit_code) from error


def _estimate(run: CommandRun, kind: Kind, request: TrainRequest) -> None:
    import os
    import tempfile
    from pathlib import Path

    from HeartSegTrainingLib.jobs.estimate import estimate_run

    config = kind.read_config(request.job_file)
    first = kind.runs(config, request.folder)[0]
    world = int(os.environ.get("WORLD_SIZE", request.processes))
    with run.progress() as progress, tempfile.TemporaryDirectory() as thrown_away:
        found = estimate_run(first.config, kind.make_task(first.config, Path(thrown_away)), first.folder,
                             processes=world, tell=lambda text: progress(0.0, text))
    say_estimate(run, found)
    run.say_note()
    run.report({"folder": str(request.folder), "dry_run": found.to_dict()})


def train_here(run: CommandRun, kind: Kind, request: TrainRequest) -> None:
    """Run a job in this process and show how it is doing.

    Raises:
        CancelledError: Somebody stopped it; its checkpoint is written.
        HeartSegError: It failed.
    """
    from HeartSegTrainingLib.jobs.listing import folds_of

    kind.read_config(request.job_file)
    with run.progress() as progress, StateWatch(progress) as watch:
        progress(0.0, "Preparing data and network")

        def begun(job: JobFolder) -> None:
            _note_beginning(kind, request, job)
            watch.follow(job)

        run_job(kind.name, request.job_file, request.folder, resume=request.resume, begun=begun)
        state = watch.last_state() or folds_of(request.folder)[-1].state_file  # none was begun where all are finished
    say_end(run, kind.name, request.folder, state)
    run.say_note()
    run.report({"folder": str(request.folder), **state})


def _note_beginning(kind: Kind, request: TrainRequest, job: JobFolder) -> None:
    from pathlib import Path

    from HeartSegTrainingLib.engine.distributed import restarted
    from HeartSegTrainingLib.jobs.job_folder import JobFolder
    from HeartSegTrainingLib.jobs.launch_note import LaunchNote
    from HeartSegTrainingLib.jobs.launching import check_free, remember_or_log

    check_free(job, resume=request.resume or restarted())
    whole = JobFolder(request.folder)  # of which a fold is a part
    for folder in {job.path, whole.path}:
        LaunchNote(kind.name, str(request.job_file.absolute()), str(Path.cwd())).save(folder)
    remember_or_log(whole, kind.name)


def _detach(run: CommandRun, kind: Kind, request: TrainRequest) -> None:
    from HeartSegTrainingLib.jobs.launching import start_detached, wait_for_beginning

    kind.read_config(request.job_file)
    job = start_detached(kind.name, request.job_file, request.folder, resume=request.resume,
                         processes=request.processes)
    with run.progress() as progress:
        progress(0.0, "Starting")
        has_begun = wait_for_beginning(job, _BEGINS_WITHIN_S)
    run.say(f"{'Training' if has_begun else 'Preparing its data'} in process {job.pid}; it goes on when this window is "
            "closed.")
    run.say(f"Look at it with: heartseg jobs show {job.folder}")
    run.say_note()
    run.report({"folder": str(job.folder), "pid": job.pid, "has_begun": has_begun})


def _submit(run: CommandRun, kind: Kind, request: TrainRequest) -> None:
    from HeartSegTrainingLib.jobs.cluster import ClusterRequest, submit

    kind.read_config(request.job_file)
    asked = ClusterRequest(request.partition, request.nodes, request.gpus_per_node, request.tasks_per_node,
                           request.cpus_per_task, request.timeout_min, request.extra)
    number = submit(kind.name, request.job_file, request.folder, asked, resume=request.resume)
    run.say(f"SLURM's job {number}; when its time is over or it has to make room, it saves and queues again.")
    run.say(f"Look at it with: heartseg jobs show {request.folder}")
    run.say_note()
    run.report({"folder": str(request.folder), "cluster_job": number})
