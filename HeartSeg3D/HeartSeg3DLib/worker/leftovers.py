"""What a killed process may leave in a user's folders, and how it is removed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from HeartSeg3DLib.api.outputs import resampled_image_path
from HeartSeg3DLib.api.reporting import report_path
from HeartSeg3DLib.imaging.output import remove_partial
from HeartSeg3DLib.meshing.export.presets import stem_of
from HeartSeg3DLib.meshing.export.staging import remove_partial_folders
from HeartSeg3DLib.models import ModelStore


def remove_partial_outputs(request: Mapping[str, Any]) -> None:
    """Remove files that were being written for a request when its process ended; finished outputs stay."""
    if request.get("action") == "import_model":
        ModelStore().remove_unfinished()
    if not request.get("output"):
        return
    output = Path(request["output"])
    if request.get("action") == "mesh":
        remove_partial_folders(output, stem_of(request.get("preset")))
        if request.get("new_folder"):
            with contextlib.suppress(OSError):  # it is gone, or something was put into it
                output.rmdir()
        return
    report = report_path(Path(request["report"]), output) if request.get("report") else None
    sequence = Path(request["sequence_output"]) if request.get("sequence_output") else None
    for path in (output, sequence, resampled_image_path(output), report):
        if path is not None:
            remove_partial(path)
