"""Sentences about runs: what one would take, and what to do with it when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeartSeg3DLib.cli.command_run import CommandRun

if TYPE_CHECKING:
    from HeartSegTrainingLib.jobs.estimate import Estimate


def say_estimate(run: CommandRun, found: Estimate) -> None:
    """Say what a run would take."""
    several = f", {found.processes} processes" if found.processes > 1 else ""
    run.say(f"{found.kind}: network {found.network}, {found.parameters / 1e6:.2f} M parameters, "
            f"{found.trained_parameters / 1e6:.2f} M of them learn; {found.device}{several}")
    run.say(f"Sample: {', '.join(' x '.join(map(str, shape)) or 'one number' for shape in found.sample)}; "
            f"batch of {found.batch}, {found.memory}")
    limit = "drawing samples takes longest: more workers help" if found.limited_by == "data" else "mostly computing"
    run.say(f"Step: {seconds_in_words(found.step_seconds)} ({limit}); {found.steps} steps: about "
            f"{seconds_in_words(found.total_seconds)}")
    run.say(f"Memory: {_gigabytes(found.memory_bytes)} at the peak, {_gigabytes(found.free_memory_bytes)} free")
    run.say(f"Disk: {_gigabytes(found.disk_bytes)} for checkpoints, {_gigabytes(found.free_disk_bytes)} free")
    run.say(f"This is an estimate from {found.measured_steps} measured steps, on this machine as busy as it is now. "
            "Nothing was kept, apart from scenes that were missing.")
    for warning in found.warnings:
        run.warn(warning)


def say_end(run: CommandRun, kind: str, folder: Path, state: dict[str, Any]) -> None:
    """Say that a run is done, and what comes next."""
    run.say(f"Trained to step {state['step']}; checkpoint {state['checkpoint']} in {folder}")
    if kind == "finetune":
        run.say(f"Make a model of it with: heartseg train export {folder} -o PACKAGE_DIR")
    else:
        run.say(f"Go on with it: init_from = \"{folder}\" in the job file of `heartseg train ressl`, or write its "
                f"encoder for fine-tuning: heartseg train export {folder} -o ENCODER_DIR")


def seconds_in_words(seconds: float | None) -> str:
    """Seconds, minutes, hours or days; a dash where it is unknown.

    >>> [seconds_in_words(time) for time in (0.0123, 4.2, 90, 5400, 200_000, None)]
    ['12 ms', '4.2 s', '1.5 min', '1.5 h', '2.3 days', '-']
    """
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86_400:.1f} days"


def _gigabytes(size: int | None) -> str:
    if size is None:
        return "unknown (this system does not say)"
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e6:.2f} MB"
