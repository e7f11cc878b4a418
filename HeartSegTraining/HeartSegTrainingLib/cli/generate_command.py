"""`heartseg generate`: generated scans with their labels."""

from __future__ import annotations

import warnings
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run
from HeartSeg3DLib.cli.options import DeviceOption, ForceOption, JsonOption, OutputFolderOption, QuietOption


class GeneratedModality(StrEnum):
    """What generated scans look like."""

    ct = "ct"
    mr = "mr"
    random = "random"


def generate_command(
    out: OutputFolderOption,
    number: Annotated[int, typer.Option("-n", "--number", min=1, max=9999, help="How many scans.")],
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same scans on the same kind of device.")
    ] = 0,
    modality: Annotated[
        GeneratedModality, typer.Option(help="random draws CT, MR and artificial contrasts.")
    ] = GeneratedModality.random,
    priors: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Label maps of real hearts to vary, beside procedural ones.")
    ] = None,
    size: Annotated[int, typer.Option(metavar="VOXELS", min=32, max=512, help="Voxels along each side.")] = 160,
    spacing: Annotated[float, typer.Option(metavar="MM", min=0.3, max=8.0, help="Voxel size.")] = 1.5,
    device: DeviceOption = "cpu",
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Generate hearts in their chests: image_0000.nii.gz with labels_0000.nii.gz and so on.

    The manifest in the folder says how each was made. For research, not a medical device.
    """
    with command_run("generate", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api import output_folder
        from HeartSegTrainingLib.cli.generated_pairs import PairRequest, write_pairs

        request = PairRequest(number, seed, modality.value, size, spacing, priors, _working_device(run, device))
        with output_folder(out), run.progress() as progress:
            manifest = write_pairs(out, request, force=force, progress=progress, writing=run.writing)
        run.say(f"{number} {'scan' if number == 1 else 'scans'} with labels in {out}")
        run.say(f"How they were made: {manifest}")
        run.say_note()
        run.report({"folder": str(out), "count": number, "manifest": str(manifest)})


def _working_device(run: CommandRun, name: str) -> str:
    """Try the device and return its name, with a warning where a graphics card was there and failed.

    Raises:
        DeviceError: The device is missing or fails.
    """
    from HeartSeg3DLib.segmentation import choose_device

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        device = choose_device(name)
    for item in caught:
        run.warn(str(item.message))
    return str(device)
