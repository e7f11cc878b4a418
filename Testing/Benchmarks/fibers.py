"""Fibers by rule: error against the closed form on an ellipsoid, by mesh size, and time up to a million tetrahedra.

    python Testing/Benchmarks/fibers.py

A wall of 9 mm around a cavity with half axes of 21 and 51 mm, cut flat 15 mm above its middle: as structured
tetrahedra, and as a label map with voxels of 1 mm that goes through the mesher. The angle goes linearly from +60 to -60
degrees with the layer. The shape of a real heart is added where ../shared/data lies beside the clone: it has no known
answer, so the angles out of its surfaces are stored. Stores results/fibers.json.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from machine import describe_machine, load

from HeartSeg3DLib.meshing.fibers import with_fibers
from HeartSeg3DLib.meshing.mesh import TetraMesh
from HeartSeg3DLib.meshing.patches import name_patches
from HeartSeg3DLib.meshing.tetra import tetra_mesh

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results"
PRIOR = ROOT.parent / "shared/data/priors/fourchamber_healthy_labels.nii.gz"
sys.path.insert(0, str(ROOT / "Testing/Python/meshing"))
from ellipsoid_wall import EllipsoidWall, degrees_between, flat_based  # noqa: E402

LV, MYO, RV_WALL = 1, 2, 103
STRUCTURED = ((3, 15, 24), (5, 25, 40), (8, 40, 64), (16, 80, 128))
EDGES = (4.0, 3.0, 2.0)


def label_map(wall: EllipsoidWall, top: float = 15.0) -> sitk.Image:
    """The ellipsoid in voxels of 1 mm, with a margin of 4 mm."""
    z, y, x = np.meshgrid(np.arange(-64, top + 5), np.arange(-34, 35), np.arange(-34, 35), indexing="ij")
    ends = [(np.hypot(x, y) / wall.short(np.array(layer))) ** 2 + (z / wall.long(np.array(layer))) ** 2 < 1.0
            for layer in (0.0, 1.0)]
    image = sitk.GetImageFromArray(np.where(z >= top, 0, np.where(ends[0], LV, MYO * ends[1])).astype(np.uint8))
    image.SetOrigin((-34.0, -34.0, -64.0))
    return image


def timed(mesh: TetraMesh, patches: dict[str, np.ndarray]) -> tuple[TetraMesh, dict[str, object]]:
    """The mesh with fibers, and how large it is and how long they took."""
    start = time.perf_counter()
    found = with_fibers(mesh, patches)
    seconds = time.perf_counter() - start
    tissue = np.linalg.norm(found.fields["fiber"], axis=1) > 0.0
    return found, {"tetrahedra_of_tissue": int(tissue.sum()), "seconds": round(seconds, 2), "load": load()}


def error(mesh: TetraMesh, wall: EllipsoidWall) -> dict[str, float]:
    """Angles in degrees between found and true fibers of all tetrahedra of tissue."""
    tissue = mesh.labels == MYO
    places = mesh.points[mesh.tetrahedra[tissue]].mean(axis=1)
    angle = degrees_between(mesh.fields["fiber"][tissue], wall.fibers(places, 60.0, -60.0))
    depth = mesh.fields["transmural"][mesh.tetrahedra[tissue]].mean(axis=1)
    return {"mean": round(float(angle.mean()), 2), "p95": round(float(np.percentile(angle, 95)), 2),
            "max": round(float(angle.max()), 2),
            "depth_mean": round(float(np.abs(depth - wall.frames(places)[1]).mean()), 4)}


def real_heart() -> dict[str, object]:
    """A statistical shape with all walls, edge 2 mm: how far fibers leave the surfaces that they should run along."""
    mesh = tetra_mesh(sitk.ReadImage(str(PRIOR)), 2.0)
    patches = name_patches(mesh.surface)
    found, row = timed(mesh, patches)
    tissue = np.isin(mesh.labels, (MYO, RV_WALL))
    for name in ("LV_ENDO", "RV_ENDO", "EPI"):
        triangles = mesh.surface.triangles[patches[name]]
        a, b, c = (mesh.points[triangles[:, corner]] for corner in range(3))
        normals = np.cross(b - a, c - a)
        at_node = np.zeros_like(mesh.points)
        for corner in range(3):
            np.add.at(at_node, triangles[:, corner], normals)
        touching = tissue & (np.isin(mesh.tetrahedra, triangles).sum(axis=1) == 3)
        normal = at_node[mesh.tetrahedra[touching]].sum(axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        out = 90.0 - degrees_between(found.fields["fiber"][touching], normal)
        row[f"degrees_out_of_{name}"] = {"median": round(float(np.median(out)), 2),
                                         "p95": round(float(np.percentile(out, 95)), 2)}
    return row


def main() -> None:
    wall = flat_based()
    report: dict[str, object] = {"machine": describe_machine(), "structured": [], "label_map": []}
    for size in STRUCTURED:
        found, row = timed(*wall.mesh(*size))
        report["structured"].append({"layers": size[0], **row, "degrees": error(found, wall)})
        print(report["structured"][-1], flush=True)
    image = label_map(wall)
    for edge in EDGES:
        mesh = tetra_mesh(image, edge)
        found, row = timed(mesh, name_patches(mesh.surface))
        report["label_map"].append({"edge_mm": edge, **row, "degrees": error(found, wall)})
        print(report["label_map"][-1], flush=True)
    if PRIOR.is_file():
        report["real_heart"] = real_heart()
        print(report["real_heart"])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fibers.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
