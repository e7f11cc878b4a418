"""Surface meshes of an analytic heart in seven kinds of label maps, and of two real hearts' shapes.

    python Testing/Benchmarks/mesh_surfaces.py [NAME...]

Every mesh is examined by the package's independent checks; the analytic heart's true shapes give the distances. The
real hearts are measured where `../shared/data` lies beside the clone. Stores results/mesh_surfaces.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from machine import describe_machine, load
from scipy import ndimage
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from HeartSeg3DLib.imaging import read_labels
from HeartSeg3DLib.meshing.checking import check_labels, suggested_pitch
from HeartSeg3DLib.meshing.cleaning import Pieces, clean_labels
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.quality.check import check_surfaces
from HeartSeg3DLib.meshing.quality.voxel_distance import symmetric_distance
from HeartSeg3DLib.meshing.surface import surface_mesh

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Testing/Python/meshing"))
from analytic_heart import HIGH, LOW, analytic_heart, exact_shapes  # noqa: E402

RESULTS = Path(__file__).parent / "results"
PRIORS = ROOT.parent / "shared/data/priors"
OBLIQUE = sitk.Euler3DTransform((0.0, 0.0, 0.0), *np.radians((20.0, -30.0, 40.0))).GetMatrix()
THIN_MM = 1.2
DEFECTS = ("open_edges", "non_manifold_edges", "non_manifold_vertices", "inconsistent_edges", "intersecting_triangles")


def noisy_heart() -> sitk.Image:
    """The heart at 1 mm with 60 blocks of random labels and 6 % of its boundary voxels exchanged."""
    labels, chance = analytic_heart((1.0, 1.0, 1.0)), np.random.default_rng(3)
    voxels = sitk.GetArrayFromImage(labels)
    for _ in range(60):
        corner = [chance.integers(5, count - 10) for count in voxels.shape]
        size = chance.integers(1, 5, 3)
        voxels[tuple(slice(low, low + step) for low, step in zip(corner, size, strict=True))] = chance.integers(1, 8)
    boundary = np.argwhere(ndimage.maximum_filter(voxels, 3) != ndimage.minimum_filter(voxels, 3))
    boundary = boundary[chance.random(len(boundary)) < 0.06]
    donor = np.clip(boundary + chance.integers(-1, 2, boundary.shape), 0, np.array(voxels.shape) - 1)
    voxels[tuple(boundary.T)] = voxels[tuple(donor.T)]
    noisy = sitk.GetImageFromArray(voxels)
    noisy.CopyInformation(labels)
    return noisy


CASES = {
    "1 mm": lambda: analytic_heart((1.0, 1.0, 1.0)),
    "0.4 x 0.4 x 3 mm": lambda: analytic_heart((0.4, 0.4, 3.0)),
    "1.5 x 1.5 x 8 mm": lambda: analytic_heart((1.5, 1.5, 8.0)),
    "oblique 1 x 1 x 1.5 mm": lambda: analytic_heart((1.0, 1.0, 1.5), OBLIQUE),
    "noisy 1 mm": noisy_heart,
    "wall of 1.2 mm at 1 mm": lambda: analytic_heart((1.0, 1.0, 1.0), wall=THIN_MM),
    "healthy heart": lambda: read_labels(PRIORS / "fourchamber_healthy_labels.nii.gz"),
    "heart with atrial fibrillation": lambda: read_labels(PRIORS / "fourchamber_afib_labels.nii.gz"),
    "0.5 mm": lambda: analytic_heart((0.5, 0.5, 0.5)),
}
REAL = ("healthy heart", "heart with atrial fibrillation")


def true_points(wall: float, step: float = 0.8) -> dict[int, np.ndarray]:
    """Points on the true surface of each label."""
    axes = [np.arange(low - 5.0, high + 5.0, step) for low, high in zip(LOW, HIGH, strict=True)]
    layers = [exact_shapes(np.stack(np.meshgrid(axes[0], axes[1], [z], indexing="ij"), axis=-1), wall)
              for z in axes[2]]
    found = {}
    for value in layers[0]:
        function = np.concatenate([layer[value] for layer in layers], axis=2).astype(np.float32)
        image = vtkImageData()
        image.SetDimensions(function.shape)
        image.SetSpacing(step, step, step)
        image.SetOrigin([axis[0] for axis in axes])
        image.GetPointData().SetScalars(numpy_to_vtk(function.ravel(order="F"), deep=1))
        contour = vtkFlyingEdges3D()
        contour.SetInputData(image)
        contour.SetValue(0, 0.0)
        contour.Update()
        mesh = contour.GetOutput()
        points = vtk_to_numpy(mesh.GetPoints().GetData()).astype(np.float64)
        triangles = vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3)
        found[value] = (points, triangles)
    return found


def distances(mesh: SurfaceMesh, truth: dict[int, tuple[np.ndarray, np.ndarray]], voxel: float) -> dict[str, float]:
    """The worst label's distances from the true surface in both directions, in voxels."""
    worst = {}
    for value, surface in truth.items():
        found = symmetric_distance(mesh.points, mesh.closed_surface(value), surface)
        for name, figure in vars(found).items():
            worst[name] = max(worst.get(name, 0.0), round(figure / voxel, 3))
    return worst


def volume_errors(labels: sitk.Image, volumes_mm3: dict[int, float]) -> list[float]:
    """Differences of the meshes' volumes from those of the cleaned voxels in %."""
    counts = np.bincount(sitk.GetArrayViewFromImage(labels).ravel(), minlength=256)
    voxel = float(np.prod(labels.GetSpacing()))
    present = (value for value in range(1, 256) if counts[value])
    return [100.0 * (volumes_mm3.get(value, 0.0) / (counts[value] * voxel) - 1.0) for value in present]


def measure(name: str, truths: dict[float, dict]) -> dict[str, object]:
    labels = CASES[name]()
    before, start = load(), time.perf_counter()
    facts = check_labels(labels)
    cleaned = clean_labels(labels, Pieces.KEEP_LARGEST)
    pitch = suggested_pitch(cleaned.labels, facts)
    field = label_field(cleaned.labels, pitch)
    resampled = time.perf_counter()
    mesh = surface_mesh(field)
    done = time.perf_counter()
    report = check_surfaces(mesh)
    figures = report.labels.values()
    volumes = volume_errors(cleaned.labels, {value: row["volume_mm3"] for value, row in report.labels.items()})
    jacobians = [row["triangle_scaled_jacobian"] for row in figures]
    result = {
        "seconds": round(done - start, 2), "seconds_of_surface": round(done - resampled, 2), "load_before": before,
        "pitch_mm": round(pitch, 3), "triangles": len(mesh.triangles), "islands": cleaned.islands,
        "repaired_samples": field.repaired, "specks": field.specks, "fit_for_use": report.fit_for_use,
        "missed_aims": {check.name: check.value for check in report.missed_aims},
        **{defect: sum(row[defect] for row in figures) for defect in DEFECTS},
        "volume_error_percent": [round(min(volumes), 3), round(max(volumes), 3)],
        "scaled_jacobian": {"minimum": round(min(row["minimum"] for row in jacobians), 3),
                            "percentile_0_1": round(min(row["percentile_0_1"] for row in jacobians), 3),
                            "mean": round(min(row["mean"] for row in jacobians), 3)},
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if name not in REAL:
        wall = THIN_MM if "1.2" in name else 10.0
        if wall not in truths:
            truths[wall] = true_points(wall)
        result["distance_voxels"] = distances(mesh, truths[wall], max(labels.GetSpacing()))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="some of: " + "; ".join(CASES))
    names = parser.parse_args().names or [name for name in CASES if name not in REAL or PRIORS.is_dir()]
    stored, truths = RESULTS / "mesh_surfaces.json", {}
    results = {"machine": describe_machine(), "cases": {}}
    for name in names:
        results["cases"][name] = measure(name, truths)
        print(name, json.dumps(results["cases"][name]), flush=True)
        stored.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
