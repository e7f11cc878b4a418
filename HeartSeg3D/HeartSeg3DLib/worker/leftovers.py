"""What a killed process may leave in a user's folders, and how it is removed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from HeartSeg3DLib.api.outputs import resampled_image_path
from HeartSeg3DLib.api.reporting import report_path
from HeartSeg3DLib.imaging.output import remove_partial
from HeartSeg3DLib.meshing.export.presets import stem_of
from HeartSeg3DLib.meshing.export.staging import remove_partial_folders
from HeartSeg3DLib.models import ModelStore

_PLACING = threading.Lock()


@contextlib.contextmanager
def placing() -> Iterator[None]:
    """Makes the block in which files of a mesh are put in place, or taken back; one thread at a time is in it.

    Where the parent goes, another thread than the one that writes cleans up.
    """
    with _PLACING:
        yield


def remove_partial_outputs(request: Mapping[str, Any]) -> None:
    """Remove files that were being written for a request when its process ended; finished outputs stay.

    Where it ended while a mesh took the place of an earlier one, the earlier one comes back as it was.
    """
    if request.get("action") == "import_model":
        ModelStore().remove_unfinished()
    if not request.get("output"):
        return
    output = Path(request["output"])
    if request.get("action") == "mesh":
        with placing():
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
