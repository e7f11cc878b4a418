"""`heartseg train check-device`: a short real training on a device, before a long one."""

from __future__ import annotations

from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import JsonOption, QuietOption


def check_device_command(
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or cuda:N.")
    ] = "auto",
    network: Annotated[str, typer.Option("--network", metavar="NAME", help="Network of the registry.")] = "nano",
    window: Annotated[int, typer.Option("--window", min=16, metavar="N", help="Side of the window in voxels.")] = 64,
    batch: Annotated[int, typer.Option("--batch", min=1, metavar="N", help="Samples of a step.")] = 2,
    steps: Annotated[int, typer.Option("--steps", min=2, metavar="N", help="Steps that are timed.")] = 5,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a few steps on noise, in bf16 and in single precision; say how fast, and how much memory it takes."""
    with command_run("train check-device", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.jobs.device_check import check_device

        with run.progress() as progress:
            found = check_device(device, network=network, window=window, batch=batch, steps=steps,
                                 tell=lambda text: progress(0.0, text))
        run.say(f"{found.device}: {found.name}; {network}, window of {window}, batch of {batch}")
        run.table({"Precision": "left", "Samples/s": "right", "Step": "right", "Peak memory": "right", "Loss": "left"},
                  [(one.precision, f"{one.samples_per_second:.2f}", f"{1000 * one.step_seconds:.0f} ms",
                    "unknown" if one.peak_bytes is None else f"{one.peak_bytes / 1e6:.0f} MB",
                    f"{one.first_loss:.3f} to {one.last_loss:.3f}") for one in found.runs])
        run.say("The device trains. The figures are of noise: what a job takes, its own --dry-run says.")
        run.report(found.to_dict())
