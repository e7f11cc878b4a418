"""What "Copy report" puts on the clipboard: enough to find the fault, nothing of the patient."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import slicer

from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.scene.volumes import ScanSource


def report_of_run(scan: ScanSource, settings: object, state: str, seconds: Mapping[str, float],
                  warnings: Sequence[str], error: HeartSegError | None, detail: str) -> str:
    """Return versions, settings, the scan's grid without its name, times of the stages and the failure.

    Args:
        scan: Only its numbers are told.
        settings: What was asked for.
        state: How far the run came.
        seconds: Time of each stage.
        warnings: Sentences for the user.
        error: The failure, if any.
        detail: Where in the program it happened.
    """
    grid = f"{' x '.join(map(str, scan.size))} voxels of {' x '.join(f'{step:.3f}' for step in scan.spacing)} mm"
    lines = [
        *_program(),
        f"Scan: {grid}, {scan.frames[0].dtype.name}, {len(scan.frames)} frames, modality {scan.modality}, "
        f"transform {_kind_of_transform(scan.transform)}",
        f"Settings: {settings}",
        f"State: {state}",
        "Seconds: " + ", ".join(f"{stage} {time:.2f}" for stage, time in seconds.items()),
    ]
    return "\n".join([*lines, *_outcome(warnings, error, detail)]) + "\n"


def report_of_mesh(settings: object, stage: str, warnings: Sequence[str], error: HeartSegError | None,
                   detail: str) -> str:
    """Return versions, settings, how far a mesh came, and the failure.

    Args:
        settings: What was asked for.
        stage: What was being done.
        warnings: Sentences for the user.
        error: The failure, if any.
        detail: Where in the program it happened.
    """
    lines = [*_program(), f"Mesh settings: {settings}", f"Stage: {stage}"]
    return "\n".join([*lines, *_outcome(warnings, error, detail)]) + "\n"


def _program() -> list[str]:
    return [f"HeartSeg {__version__}, 3D Slicer {_slicer_version()}, Python {platform.python_version()}",
            f"{platform.system()} {platform.release()} {platform.machine()}, {sys.byteorder} endian"]


def _outcome(warnings: Sequence[str], error: HeartSegError | None, detail: str) -> list[str]:
    lines = [f"Warning: {text}" for text in warnings]
    if error is not None:
        lines += [f"Error ({error.code}): {error.message}", f"Remedy: {error.remedy}"]
    return [*lines, "", detail] if detail else lines


def _slicer_version() -> str:
    return str(getattr(getattr(slicer, "app", None), "applicationVersion", "unknown"))


def _kind_of_transform(transform: Any) -> str:
    if transform is None:
        return "none"
    return "linear" if transform.IsTransformToWorldLinear() else "not linear"
