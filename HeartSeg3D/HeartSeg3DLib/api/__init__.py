"""What scripts call: segment a scan, measure and mesh a label map, run the demonstration.

Example:
    ``from HeartSeg3DLib import api``, then ``api.segment(Path("scan.nii.gz")).labels``.
"""

from HeartSeg3DLib.api.demonstration import Demonstration, demo, free_folder
from HeartSeg3DLib.api.files import SegmentedScan, segment_to_file
from HeartSeg3DLib.api.loading import SegmentationModels
from HeartSeg3DLib.api.measuring import TABLE_KINDS, MeasuredLabelMap, function, measure, measure_to_file
from HeartSeg3DLib.api.meshing import MeshChoices, MeshedHeart, mesh_to_folder
from HeartSeg3DLib.api.outputs import LABEL_MAP_KINDS, PlannedOutput, output_folder, plan_outputs
from HeartSeg3DLib.api.segmenting import SegmentationChoices, SegmentedFrame, segment, segment_frames, segment_scan

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
