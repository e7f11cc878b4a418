"""Segmenting a file or DICOM folder into a file, for batches."""

from __future__ import annotations

from pathlib import Path

from HeartSeg3DLib.api import SegmentationChoices, segment_to_file
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.loaded_models import LoadedModels


def segment_file(job: Job, loaded: LoadedModels) -> None:
    """Segment the request's `input` into its `output`, or its `sequence_output` if the scan has several frames.

    Existing files are replaced only with `force`.

    Raises:
        HeartSegError: As `api.segment_to_file`.
    """
    request = job.request
    job.progress(0.0, "Starting the segmenter")
    models = loaded.get(request.get("model"), request.get("device") or "auto")
    choices = SegmentationChoices(request.get("modality") or "auto", request.get("quality") or "standard",
                                  request.get("series"))
    sequence = Path(request["sequence_output"]) if request.get("sequence_output") else None
    done = segment_to_file(Path(request["input"]), Path(request["output"]), models, choices,
                           report=Path(request["report"]) if request.get("report") else None,
                           sequence_output=sequence, force=bool(request.get("force")),
                           progress=job.progress)
    job.result(**done.to_dict())
