"""`heartseg index preprocess`: images prepared once, so that training reads crops alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run
from HeartSeg3DLib.cli.options import JsonOption, QuietOption
from HeartSeg3DLib.errors import InputError

if TYPE_CHECKING:
    from HeartSegTrainingLib.datasets import Index

_NAMED = 5


def _spacing(text: str) -> str:
    number = re.fullmatch(r"\d+(\.\d+)?", text)
    if text != "native" and not (number and 0.3 <= float(text) <= 8):
        raise typer.BadParameter(f"{text!r} is neither native nor a voxel size from 0.3 to 8 mm.")
    return text


def _part(text: str) -> str:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise typer.BadParameter(f"{text!r} is no share such as 1/4.")
    return text


def preprocess_command(
    path: Annotated[Path, typer.Argument(metavar="INDEX.jsonl", show_default=False, help="Index.")],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="STORE", show_default=False,
                           help="Folder of the store; one that was begun goes on.")
    ],
    spacing: Annotated[
        str, typer.Option(callback=_spacing, metavar="MM|native", help="Voxel size; native keeps each image's own.")
    ] = "1.5",
    cine_frames: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Frames kept of a cine without labels.")
    ] = 4,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Refuse data sets whose licence does not allow commercial use.")
    ] = False,
    part: Annotated[
        str, typer.Option(callback=_part, metavar="K/N", help="Do share K of N, for N machines on one store.")
    ] = "1/1",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Prepare images and labels for training: one orientation, one voxel size, compressed in blocks.

    Ctrl-C keeps the cases that are finished, and the same command goes on. Test cases are prepared, too; training never
    draws from a case that it was not told to.
    """
    with command_run("index preprocess", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.datasets import Index, StoreSettings, bytes_needed, preprocess
        from HeartSegTrainingLib.datasets.checking import contradictions

        index = Index.read(path)
        settings = StoreSettings(0.0 if spacing == "native" else float(spacing), cine_frames)
        needed = bytes_needed(index.entries, settings)
        _warn_of_licences(run, index)
        for finding in contradictions(index)[:_NAMED]:
            run.warn(f"{finding.sentence} {finding.remedy} Prepared cases stay as they are.", finding.about)
        share, of = (int(number) for number in part.split("/"))
        with run.progress() as progress:
            done = preprocess(index, out, settings, commercial=commercial, part=(share, of), guard=run.writing,
                              progress=progress)
        run.say(f"{len(done.made)} cases prepared, {len(done.finished_before)} were finished before: {out}")
        run.say(f"Estimated size of all: at most {needed / 1e9:.1f} GB.")
        for one in done.quarantined[:_NAMED]:
            run.warn(f"Left out: {one.reason} {one.remedy}", one.id)
        code = InputError.exit_code if done.quarantined else 0
        run.report({"store": str(out), "made": len(done.made), "finished_before": len(done.finished_before),
                    "left_out": [one.id for one in done.quarantined], "estimated_bytes": needed}, code)
    if code:
        raise typer.Exit(code)


def _warn_of_licences(run: CommandRun, index: Index) -> None:
    from HeartSegTrainingLib.datasets import licences_of

    forbidding, unknown = licences_of(index)
    if forbidding:
        run.warn(f"Not for commercial use: {', '.join(forbidding)}. A model that learns from them inherits that.")
    if unknown:
        run.warn(f"Whether commercial use is allowed is not known: {', '.join(unknown)}.")
