"""Tables and sentences about jobs."""

from __future__ import annotations

from typing import Any

from HeartSeg3DLib.cli.command_run import CommandRun
from HeartSegTrainingLib.cli.train_words import seconds_in_words
from HeartSegTrainingLib.jobs.curves import read_curves
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.jobs.launch_note import LaunchNote
from HeartSegTrainingLib.jobs.listing import JobSummary, folds_of
from HeartSegTrainingLib.jobs.text_curve import text_curve

_QUIET_S = 600.0
"""A job that runs and has said nothing for so long may hang."""

_NEXT = {"running": "heartseg jobs stop {folder}", "stopped": "heartseg jobs resume {folder}",
         "failed": "heartseg jobs resume {folder}", "silent": "heartseg jobs resume {folder}",
         "new": "heartseg jobs resume {folder}", "finished": "heartseg train export {folder} -o DIR"}


_ALL_FOLDS = "heartseg train ensemble {folder} -o DIR"


def say_list(run: CommandRun, jobs: list[JobSummary]) -> None:
    """Print a table of jobs."""
    columns = {"Name": "left", "Kind": "left", "State": "left", "Step": "right", "Done": "right", "Left": "right",
               "Loss": "right", "Dice": "right", "Folder": "left"}
    run.table(columns, [(job.name, job.kind or "-", job.state, _step(job),
                         "-" if job.state == "gone" else f"{job.progress:.0%}", seconds_in_words(job.eta_seconds),
                         _number(job.loss), _number(job.mean_dice), str(job.folder)) for job in jobs])
    for job in jobs:
        if job.reason and job.state in ("failed", "silent"):
            run.say(f"{job.name}: {job.reason}")


def say_job(run: CommandRun, job: JobSummary) -> None:
    """Say all about one job."""
    run.say(f"{job.name} ({job.kind or 'unknown kind'}): {job.state}"
            + (f" since {job.updated}" if job.updated and not job.is_active else ""))
    run.say(f"Folder: {job.folder}")
    if job.reason:
        run.say(f"Why it does not run: {job.reason}")
    if job.state == "gone":
        return
    _say_asked(run, job)
    folds = folds_of(job.folder)
    if folds:
        _say_folds(run, job, folds)
    else:
        _say_figures(run, job)
    for warning in job.state_file.get("warnings", ()):
        run.warn(warning)
    if job.state == "running" and job.quiet_seconds > _QUIET_S:
        run.warn(f"It has said nothing for {seconds_in_words(job.quiet_seconds)}: it may wait for its data or hang.")
    curve = loss_curve(job)
    if curve:
        run.say("Loss by step:")
        for line in curve:
            run.say(f"  {line}")
    if job.state in _NEXT:
        following = _ALL_FOLDS if folds and job.state == "finished" else _NEXT[job.state]
        run.say(f"Next: {following.format(folder=job.folder)}")


def loss_curve(job: JobSummary) -> list[str]:
    """The loss in letters, empty before the first line of metrics.csv."""
    rows = read_curves(JobFolder(job.folder))
    return text_curve([(float(row["step"]), float(row["loss"])) for row in rows if "loss" in row])


def asked_of(job: JobSummary) -> dict[str, Any]:
    """What was asked, as job.json says it; empty where it does not."""
    return {} if job.state == "gone" else dict((JobFolder(job.folder).read_job() or {}).get("config", {}))


def _say_asked(run: CommandRun, job: JobSummary) -> None:
    config, note = asked_of(job), LaunchNote.of_job(job.folder)
    if config:
        length = f"{config['steps']} steps" if config.get("steps") else f"{config.get('minutes')} minutes"
        run.say(f"Asked: network {config['network']['name']}, {length}, batch of {config['batch']}, window of "
                f"{config['window']}, device {config['device']}")
    if note is not None:
        run.say(f"Started: {note.started}, {note.mode}, from {note.config_file}"
                + (f", SLURM's job {note.cluster_job}" if note.cluster_job else ""))


def _say_folds(run: CommandRun, job: JobSummary, folds: list[JobSummary]) -> None:
    finished = sum(fold.state == "finished" for fold in folds)
    run.say(f"{finished} of {len(folds)} folds are finished ({job.progress:.0%} in all):")
    columns = {"Fold": "left", "State": "left", "Step": "right", "Done": "right", "Left": "right", "Loss": "right",
               "Dice": "right"}
    run.table(columns, [(fold.name, "not begun" if fold.state == "new" else fold.state, _step(fold),
                         f"{fold.progress:.0%}", seconds_in_words(fold.eta_seconds), _number(fold.loss),
                         _number(fold.mean_dice)) for fold in folds])


def _say_figures(run: CommandRun, job: JobSummary) -> None:
    state = job.state_file
    if job.step is None:
        return
    left = f"{seconds_in_words(job.eta_seconds)} left, " if job.eta_seconds is not None else ""
    run.say(f"Step {_step(job)} ({job.progress:.0%}), {left}trained for {seconds_in_words(state.get('seconds'))}")
    dice = ", ".join(f"{name} {value:.2f}" for name, value in job.dice.items())
    run.say(f"Loss {_number(job.loss)}" + (f", Dice {_number(job.mean_dice)} ({dice})" if dice else ""))
    wait = state.get("data_wait_seconds")
    run.say(f"{state.get('samples_per_second', 0):.2f} samples/s with {_processes(state)}, waited "
            f"{seconds_in_words(wait)} for data, {state.get('skipped', 0)} steps skipped; {state.get('memory', '')}")
    if state.get("checkpoint"):
        run.say(f"Newest checkpoint: {state['checkpoint']}")


def _processes(state: dict[str, Any]) -> str:
    count = state.get("processes", 1)
    return "one process" if count == 1 else f"{count} processes"


def _step(job: JobSummary) -> str:
    if job.step is None:
        return "-"
    return f"{job.step}/{job.steps}" if job.steps else str(job.step)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
