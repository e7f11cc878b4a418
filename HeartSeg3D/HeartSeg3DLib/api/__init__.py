"""What scripts call: segment a scan, measure and mesh a label map, run the demonstration.

Example:
    ``from HeartSeg3DLib import api``, then ``api.segment(Path("scan.nii.gz")).labels``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from HeartSeg3DLib.api.demonstration import Demonstration, demo, free_folder
from HeartSeg3DLib.api.files import SegmentedScan, segment_to_file
from HeartSeg3DLib.api.loading import SegmentationModels
from HeartSeg3DLib.api.measuring import TABLE_KINDS, MeasuredLabelMap, function, measure, measure_to_file
from HeartSeg3DLib.api.outputs import LABEL_MAP_KINDS, PlannedOutput, output_folder, plan_outputs
from HeartSeg3DLib.api.segmenting import SegmentationChoices, SegmentedFrame, segment, segment_frames, segment_scan

if TYPE_CHECKING:
    from HeartSeg3DLib.api.meshing import MeshChoices, MeshedHeart, mesh_to_folder

__all__ = [
    "LABEL_MAP_KINDS",
    "TABLE_KINDS",
    "Demonstration",
    "MeasuredLabelMap",
    "MeshChoices",
    "MeshedHeart",
    "PlannedOutput",
    "SegmentationChoices",
    "SegmentationModels",
    "SegmentedFrame",
    "SegmentedScan",
    "demo",
    "free_folder",
    "function",
    "measure",
    "measure_to_file",
    "mesh_to_folder",
    "output_folder",
    "plan_outputs",
    "segment",
    "segment_frames",
    "segment_scan",
    "segment_to_file",
]

_MESHING = ("MeshChoices", "MeshedHeart", "mesh_to_folder")


def __getattr__(name: str) -> object:
    """Import meshing on first use: VTK takes a while to load, and segmenting and measuring do without it."""
    if name not in _MESHING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("HeartSeg3DLib.api.meshing"), name)
