"""`heartseg train calibrate`: how far a model's results can be trusted, measured on generated hearts with faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import DeviceOption, ForceOption, JsonOption, QuietOption


def calibrate_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", show_default=False,
                                         help="Id of an installed model, or its package folder.")],
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for trust.json; the model's own without it.")
    ] = None,
    cases: Annotated[int, typer.Option(min=1, max=9999, help="How many generated scans.")] = 160,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same scans.")] = 7100,
    work: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where scans and answers are kept, so that a run that was interrupted goes "
                                         "on; without it in HeartSeg's data folder.")
    ] = None,
    device: DeviceOption = "auto",
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure how often a model is wrong, and how that can be seen, on generated hearts with faults.

    The hearts are of a kind that no model is trained on. Noise, blur, wrong values, thick slices, cut views, unmixed
    contrast and motion are added. What was learned goes into trust.json beside the weights, and then every result of
    the model is judged: green, amber or red for each structure. Ctrl-C keeps finished scans; the same command goes on.

    For research, not a medical device.
    """
    with command_run("train calibrate", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.models import ModelStore, data_folder
        from HeartSegTrainingLib.calibration import CalibrationRequest, calibrate

        package = ModelStore().resolve(model)
        kept = work or data_folder() / "calibration" / f"{package.id}_{_short(package.card)}_{seed}"
        request = CalibrationRequest(package.folder, out or package.folder, kept, cases, seed, device, force)
        with run.progress() as progress:
            path, made = calibrate(request, progress=progress, cancelled=run.cancelled, writing=run.writing)
        record = made.record
        run.say(f"{path}")
        run.say(f"Of {record['structures']} structures {record['bad']} were bad (Dice below 0.7). Flagged, on cases "
                f"that the fit did not see: {100 * record['bad_flagged']:.0f} % of them, and "
                f"{100 * record['good_flagged']:.0f} % of the good ones.")
        run.say(f"Temperature {made.temperature:.2f}; calibration error {record['calibration_error_before']:.3f} "
                f"before, {record['calibration_error_after']:.3f} after.")
        run.say_note()
        run.report({"trust": str(path), "temperature": made.temperature, "record": record})


def _short(card: object) -> str:
    return str(getattr(card, "sha256", ""))[:12] or "unknown"
