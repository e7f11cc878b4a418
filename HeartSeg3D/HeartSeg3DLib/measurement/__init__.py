"""Volumes, myocardial mass and vessel diameters from a label map, and function from a beating one."""

from HeartSeg3DLib.measurement.body import FunctionChoices
from HeartSeg3DLib.measurement.diameter import inscribed_sphere_diameter
from HeartSeg3DLib.measurement.function import (
    FunctionRow,
    HeartFunction,
    VentricleFunction,
    function_of_frames,
    heart_function,
)
from HeartSeg3DLib.measurement.label_map import measure, voxel_volume_mm3
from HeartSeg3DLib.measurement.table import Measurements, StructureMeasurement, write_measurements

__all__ = [
    "FunctionChoices",
    "FunctionRow",
    "HeartFunction",
    "Measurements",
    "StructureMeasurement",
    "VentricleFunction",
    "function_of_frames",
    "heart_function",
    "inscribed_sphere_diameter",
    "measure",
    "voxel_volume_mm3",
    "write_measurements",
]
