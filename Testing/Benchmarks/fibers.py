"""Fibers by rule: error against the closed form on an ellipsoid, by mesh size, and time up to a million tetrahedra.

    python Testing/Benchmarks/fibers.py

A wall of 9 mm around a cavity with half axes of 21 and 51 mm, cut flat 15 mm above its middle. The true direction at a
place follows from the half axes of the ellipsoid through it: no Laplace equation, and nothing of the package. The angle
goes linearly with the layer. All tetrahedra count, those at the apex and the base, too. First as structured tetrahedra,
which shows the rule alone; then as a label map that goes through `api.mesh_to_folder`, with the directions as meshio
reads them from the exported file. Real hearts of ../shared/data, where it lies beside the clone, have no known answer:
stored is what `measure_fibers` finds there from the surfaces alone. Stores results/fibers.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import meshio
import numpy as np
import SimpleITK as sitk
from machine import describe_machine, load

from HeartSeg3DLib.api import MeshChoices, mesh_to_folder
from HeartSeg3DLib.meshing.fibers import FiberAngles, with_fibers
from HeartSeg3DLib.meshing.patches import name_patches
from HeartSeg3DLib.meshing.quality.fiber_angles import measure_fibers
from HeartSeg3DLib.meshing.tetra import tetra_mesh

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results"
PRIORS = ROOT.parent / "shared/data/priors"
sys.path.insert(0, str(ROOT / "Testing/Python/meshing"))
from ellipsoid_wall import EllipsoidWall, degrees_between, flat_based  # noqa: E402

LV, MYO = 1, 2
USUAL = FiberAngles()
STRUCTURED = ((3, 15, 24), (5, 25, 40), (8, 40, 64), (16, 80, 128))
LABEL_MAPS = (((1.0, 1.0, 1.0), 4.0, USUAL), ((1.0, 1.0, 1.0), 3.0, USUAL), ((1.0, 1.0, 1.0), 2.0, USUAL),
              ((1.0, 1.0, 1.0), 2.0, FiberAngles(80.0, -60.0)), ((0.5, 0.5, 0.5), 1.5, USUAL),
              ((1.5, 1.5, 8.0), 2.0, USUAL))
"""Voxels in mm, edge in mm, angles."""


def label_map(wall: EllipsoidWall, spacing: Sequence[float], top: float = 15.0) -> sitk.Image:
    """The ellipsoid in voxels, with a margin; its base lies between two slices."""
    low, high = np.array([-34.0, -34.0, -64.0]), np.array([34.0, 34.0, top + 5.0])
    step = np.asarray(spacing)
    origin = low.copy()
    origin[2] = top + step[2] / 2 - np.ceil((top - low[2]) / step[2]) * step[2]
    size = np.ceil((high - origin) / step).astype(int) + 1
    x, y, z = np.meshgrid(*(start + width * np.arange(count) for start, width, count in zip(
        origin, step, size, strict=True)), indexing="ij")
    inside, within = [(np.hypot(x, y) / wall.short(np.array(layer))) ** 2 + (z / wall.long(np.array(layer))) ** 2 < 1.0
                      for layer in (0.0, 1.0)]
    voxels = np.where(z >= top, 0, np.where(inside, LV, MYO * within)).astype(np.uint8)
    image = sitk.GetImageFromArray(voxels.transpose(2, 1, 0))
    image.SetSpacing(step.tolist())
    image.SetOrigin(origin.tolist())
    return image


def error(centers: np.ndarray, fibers: np.ndarray, wall: EllipsoidWall, angles: FiberAngles) -> dict[str, float]:
    """Angles in degrees between found and true fibers (n, 3) at places (n, 3)."""
    angle = degrees_between(fibers, wall.fibers(centers, angles.endocardium, angles.epicardium))
    return {"mean": round(float(angle.mean()), 2), "p95": round(float(np.percentile(angle, 95)), 2),
            "max": round(float(angle.max()), 2)}


def structured(wall: EllipsoidWall, size: tuple[int, int, int]) -> dict[str, object]:
    """The rule alone, on a mesh that follows the layers."""
    mesh, patches = wall.mesh(*size)
    start = time.perf_counter()
    found = with_fibers(mesh, patches)
    seconds = time.perf_counter() - start
    return {"layers": size[0], "tetrahedra_of_tissue": len(mesh.tetrahedra), "seconds": round(seconds, 2),
            "load": load(), "degrees": error(found.points[found.tetrahedra].mean(axis=1), found.fields["fiber"], wall,
                                             USUAL)}


def exported(
    wall: EllipsoidWall, spacing: Sequence[float], edge: float, angles: FiberAngles
) -> dict[str, object]:
    """The whole way, from voxels to a file that another program reads."""
    with tempfile.TemporaryDirectory() as name:
        meshed = mesh_to_folder(label_map(wall, spacing), Path(name),
                                MeshChoices(edge_mm=edge, fibers=angles, formats=("vtu",), accept_failed=True))
        mesh = meshio.read(next(Path(name).glob("*.vtu")))
    tissue = mesh.cell_data["label"][0] == MYO
    centers = mesh.points[mesh.cells_dict["tetra"][tissue]].mean(axis=1)
    return {"voxels_mm": list(spacing), "edge_mm": edge, "angles": [angles.endocardium, angles.epicardium],
            "tetrahedra_of_tissue": int(tissue.sum()), "seconds": meshed.seconds["Laying fibers"], "load": load(),
            "fit_for_use": meshed.report.fit_for_use,
            "degrees": error(centers, mesh.cell_data["fiber"][0][tissue], wall, angles)}


def real_heart(path: Path) -> dict[str, object]:
    """A statistical shape with all walls, edge 2 mm: how fibers lie to its surfaces and its long axis."""
    mesh = tetra_mesh(sitk.ReadImage(str(path)), 2.0)
    patches = name_patches(mesh.surface)
    start = time.perf_counter()
    found = with_fibers(mesh, patches)
    seconds = time.perf_counter() - start
    return {"seconds": round(seconds, 2), "load": load(), **measure_fibers(found, patches).to_dict()}


def main() -> None:
    wall = flat_based()
    report: dict[str, object] = {"machine": describe_machine(), "structured": [], "label_map": [], "real_hearts": {}}
    for size in STRUCTURED:
        report["structured"].append(structured(wall, size))
        print(report["structured"][-1], flush=True)
    for case in LABEL_MAPS:
        report["label_map"].append(exported(wall, *case))
        print(report["label_map"][-1], flush=True)
    for path in sorted(PRIORS.glob("fourchamber_*_labels.nii.gz")):
        report["real_hearts"][path.name] = real_heart(path)
        print(path.name, report["real_hearts"][path.name], flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fibers.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
