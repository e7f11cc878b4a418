"""Volumes of the phases of a sequence; a phase that has not changed since it was measured is not measured again."""

from __future__ import annotations

from typing import Any

from HeartSeg3DLib.scene.segment_voxels import layers_of
from HeartSeg3DLib.scene.volume_table import volumes_of

_MOST = 500
_known: dict[tuple[Any, ...], dict[str, float]] = {}
"""Volumes by what they depend on; VTK gives every change in the whole program a number of its own."""


def volumes_of_phase(phase: Any, transform: Any) -> dict[str, float]:
    """Return the volume of each structure in mL by its id.

    Args:
        phase: vtkMRMLSegmentationNode of the phase as the sequence stores it.
        transform: vtkMRMLTransformNode that the scan is under, None without one.
    """
    stamp = (transform.GetTransformToWorldMTime() if transform is not None else 0, *(
        (labelmap.GetMTime(), tuple(segments.items())) for labelmap, segments in layers_of(phase).items()))
    if stamp not in _known:
        if len(_known) >= _MOST:
            _known.clear()
        _known[stamp] = volumes_of(phase.GetSegmentation(), transform)
    return _known[stamp]
