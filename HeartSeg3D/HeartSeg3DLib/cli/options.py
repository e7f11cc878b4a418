"""Options that several commands share."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?|mps")


class ModalityName(StrEnum):
    """Modalities a scan can have."""

    auto = "auto"
    ct = "ct"
    mr = "mr"


class QualityName(StrEnum):
    """Speed or accuracy."""

    fast = "fast"
    standard = "standard"
    best = "best"


def _check_device(name: str) -> str:
    if not _DEVICE.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is none of auto, cpu, cuda, cuda:N, mps.")
    return name


ForceOption = Annotated[bool, typer.Option("--force", help="Replace files that exist already.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a machine-readable summary to standard output; takes "
                                                        "no file.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Show warnings and errors only.")]
DeviceOption = Annotated[
    str,
    typer.Option("--device", callback=_check_device, metavar="NAME",
                 help="auto, cpu, cuda, cuda:N or mps; auto takes a graphics card that works, else the CPU."),
]
SchemeOption = Annotated[
    str | None,
    typer.Option("--scheme", metavar="NAME|CSV",
                 help="Meaning of foreign label values: totalsegmentator, totalsegmentator-v1, mmwhs, acdc, hvsmr, or "
                      "a CSV table with the columns value,structure."),
]
OutputFolderOption = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.")]
