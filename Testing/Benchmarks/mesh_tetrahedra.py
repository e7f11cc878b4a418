"""Tetrahedra of hearts: time, memory, quality, volumes and distance from the exact shapes.

    python Testing/Benchmarks/mesh_tetrahedra.py [--case NAME ...] [--out mesh_tetrahedra.json]

The hearts are analytic, sampled in several ways, and two statistical shapes where ../shared/data lies beside the clone.
Each runs in its own process. All figures of quality come from the independent checks of `meshing.quality`. Run it on an
idle machine: the load is stored beside the times.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from machine import describe_machine, load

RESULTS = Path(__file__).parent / "results"
TESTS = Path(__file__).resolve().parents[1] / "Python" / "meshing"
PRIORS = Path(__file__).resolve().parents[3] / "shared" / "data" / "priors"
sys.path.insert(0, str(TESTS))
from analytic_heart import AXIAL, MYO, analytic_heart, exact_shapes  # noqa: E402

OBLIQUE = sitk.Euler3DTransform((0.0, 0.0, 0.0), np.radians(20), np.radians(-30), np.radians(40)).GetMatrix()

# Name: spacing in mm, axes, wall in mm, edge in mm, aims in seconds and GB.
CASES: dict[str, dict] = {
    "whole heart, edge 2 mm": {"edge": 2.0, "seconds": 60, "gb": 2},
    "myocardium, edge 1 mm": {"edge": 1.0, "only": MYO, "seconds": 90, "gb": 2},
    "whole heart, edge 1.1 mm": {"edge": 1.1, "seconds": 180, "gb": 6},
    "oblique 1 x 1 x 1.5 mm": {"spacing": (1.0, 1.0, 1.5), "axes": OBLIQUE, "edge": 2.0},
    "voxels 0.5 mm": {"spacing": (0.5, 0.5, 0.5), "edge": 2.0},
    "voxels 0.4 x 0.4 x 3 mm": {"spacing": (0.4, 0.4, 3.0), "edge": 2.0},
    "voxels 1.5 x 1.5 x 8 mm": {"spacing": (1.5, 1.5, 8.0), "edge": 2.0},
    "noisy": {"edge": 2.0, "noise": 0.06},
    "wall 1.2 mm, edge 0.6 mm": {"edge": 0.6, "wall": 1.2, "only": MYO},
    "wall 1.2 mm, edge 2 mm": {"edge": 2.0, "wall": 1.2},
    "shape of a healthy heart": {"edge": 2.0, "prior": "fourchamber_healthy_labels.nii.gz"},
    "shape of a heart with atrial fibrillation": {"edge": 2.0, "prior": "fourchamber_afib_labels.nii.gz"},
}


def label_map(case: dict) -> sitk.Image:
    """The label map of a case."""
    if "prior" in case:
        image = sitk.ReadImage(str(PRIORS / case["prior"]))
        values = sitk.GetArrayFromImage(image)
        values = np.where(values <= 7, values, 0).astype(np.uint8)
    else:
        image = analytic_heart(case.get("spacing", (1.0, 1.0, 1.0)), case.get("axes", AXIAL), case.get("wall", 10.0))
        values = sitk.GetArrayFromImage(image)
    if "only" in case:
        values[values != case["only"]] = 0
    if "noise" in case:
        values = with_noisy_walls(values, case["noise"])
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(image)
    return result


def with_noisy_walls(values: np.ndarray, share: float) -> np.ndarray:
    """A share of the voxels at walls take the label of a random neighbor."""
    chance = np.random.default_rng(0)
    places = np.argwhere(np.any([np.roll(values, 1, axis) != values for axis in range(3)], axis=0))
    places = places[chance.random(len(places)) < share]
    others = np.clip(places + chance.integers(-1, 2, places.shape), 0, np.array(values.shape) - 1)
    noisy = values.copy()
    noisy[tuple(places.T)] = values[tuple(others.T)]
    return noisy


def measure(name: str) -> dict[str, object]:
    """Mesh and judge one heart in this process."""
    from HeartSeg3DLib.meshing.memory import expected_bytes, expected_tetrahedra
    from HeartSeg3DLib.meshing.quality import check_tetrahedra
    from HeartSeg3DLib.meshing.tetra import tetra_mesh

    case = CASES[name]
    labels = label_map(case)
    before, clock = peak_gb(), time.perf_counter()
    mesh = tetra_mesh(labels, case["edge"])
    seconds, peak = time.perf_counter() - clock, peak_gb()
    report = check_tetrahedra(mesh, labels)
    judged = report.to_dict()
    columns = ("volume_error_percent", "locked_percent", "smallest_dihedral_degrees", "largest_dihedral_degrees",
               "parts", "mean_edge_mm", "voxel_distance_mm", "tetrahedron_scaled_jacobian")
    return {
        "edge_mm": case["edge"], "tetrahedra": len(mesh.tetrahedra), "nodes": len(mesh.points),
        "seconds": round(seconds, 1), "peak_gb": round(peak, 2), "peak_gb_before": round(before, 2),
        "aim_seconds": case.get("seconds"), "aim_gb": case.get("gb"),
        "expected_tetrahedra": expected_tetrahedra(labels, case["edge"]),
        "expected_gb": round(expected_bytes(labels, case["edge"]) / 1e9, 2),
        "fit_for_use": report.fit_for_use, "scaled_jacobian": judged["whole"]["tetrahedron_scaled_jacobian"],
        "failed": [check.name for check in report.failures],
        "missed_aims": [[check.name, round(check.value, 3), check.where] for check in report.missed_aims],
        "labels": {value: {key: figures[key] for key in columns} for value, figures in judged["labels"].items()},
        "nodes_from_exact_shape_mm": None if "prior" in case else from_exact_shapes(mesh, case),
    }


def from_exact_shapes(mesh: object, case: dict) -> dict[str, float]:
    """Distance to first order of the wall's nodes from the formula's shapes, worst label."""
    found = []
    for value in mesh.surface.values:
        nodes = np.unique(mesh.surface.triangles[(mesh.surface.labels == value).any(axis=1)])
        distance = np.abs(exact_shapes(mesh.points[nodes], case.get("wall", 10.0))[value])
        found.append((distance.mean(), np.percentile(distance, 95), distance.max()))
    return dict(zip(("mean", "percentile_95", "maximum"), np.round(np.max(found, axis=0), 3).tolist(), strict=True))


def peak_gb() -> float:
    """Most memory that this process has held so far, in GB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs="*", choices=CASES, default=list(CASES), metavar="NAME")
    parser.add_argument("--out", default="mesh_tetrahedra.json")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child)))
        return
    results: dict[str, object] = {"machine": describe_machine(), "cases": {}}
    for name in options.case:
        if "prior" in CASES[name] and not PRIORS.is_dir():
            print(f"{name}: left out, {PRIORS} is not here")
            continue
        before = load()
        done = subprocess.run([sys.executable, __file__, "--child", name], stdout=subprocess.PIPE, text=True,
                              check=True, env=os.environ)
        case = json.loads(done.stdout)
        results["cases"][name] = {"load_before": before, **case}
        print(f"{name}: {case['tetrahedra']} tetrahedra, {case['seconds']} s, {case['peak_gb']} GB, scaled Jacobian "
              f"{case['scaled_jacobian']['minimum']:.3f} / {case['scaled_jacobian']['mean']:.3f}, "
              f"{'sound' if case['fit_for_use'] else case['failed']} {case['missed_aims']}", flush=True)
    path = Path(options.out) if Path(options.out).is_absolute() else RESULTS / options.out
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
