"""Volumes, myocardial mass and vessel diameters from a label map."""

from HeartSeg3DLib.measurement.diameter import inscribed_sphere_diameter
from HeartSeg3DLib.measurement.label_map import measure, voxel_volume_mm3
from HeartSeg3DLib.measurement.table import Measurements, StructureMeasurement, write_measurements

__all__ = [
    "Measurements",
    "StructureMeasurement",
    "inscribed_sphere_diameter",
    "measure",
    "voxel_volume_mm3",
    "write_measurements",
]
