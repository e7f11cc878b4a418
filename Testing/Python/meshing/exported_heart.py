"""A block with two cavities and tissue around them, in labels and patches of a heart, that no turn maps onto itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.meshing.export.content import FIBER, MeshSource
from HeartSeg3DLib.meshing.export.writing import ExportRequest, export_mesh
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from labeled_blocks import block_mesh, pair_patch

ORIGIN, PITCH = (10.0, -20.0, 30.0), 1.5
ALL_VOXELS, TISSUE_VOXELS = 5 * 6 * 8 - 1, 5 * 6 * 8 - 1 - 2 * (3 * 4 * 2)
VOXEL_MM3 = PITCH**3


def heart_labels() -> NDArray[np.uint8]:
    """LV (1) in MYO (2) beside RV (3) in its wall (103); one corner is missing."""
    labels = np.full((5, 6, 8), 2, np.uint8)
    labels[:, :, 4:] = 103
    labels[1:4, 1:5, 1:3], labels[1:4, 1:5, 5:7] = 1, 3
    labels[0, 0, 0] = 0
    return labels


def heart_source() -> MeshSource:
    image = sitk.GetImageFromArray(heart_labels())
    image.SetSpacing((PITCH,) * 3)
    image.SetOrigin([value + PITCH / 2 for value in ORIGIN])
    return MeshSource("/home/jane-doe/labels.nrrd", image)


def heart_mesh() -> TetraMesh:
    mesh = block_mesh(heart_labels(), ORIGIN, PITCH)
    centers = mesh.points[mesh.tetrahedra].mean(axis=1)
    fiber = np.column_stack([np.cos(centers[:, 2]), np.sin(centers[:, 2]), np.full(len(centers), 0.5)])
    fields = {FIBER: fiber / np.linalg.norm(fiber, axis=1, keepdims=True), "transmural": mesh.points[:, 0] / 10}
    return TetraMesh(mesh.points, mesh.tetrahedra, mesh.labels, mesh.surface, fields)


def heart_patches(surface: SurfaceMesh) -> dict[str, NDArray[np.intp]]:
    """EPI holds the plane BASE at the lowest z, too."""
    epi = np.concatenate([pair_patch(surface, 2, 0), pair_patch(surface, 103, 0)])
    at_base = (surface.points[surface.triangles[epi], 2] == ORIGIN[2]).all(axis=1)
    return {"LV_ENDO": pair_patch(surface, 1, 2), "RV_ENDO": pair_patch(surface, 3, 103), "EPI": epi,
            "BASE": epi[at_base], "MV": np.empty(0, np.intp)}


def write(folder: Path, *formats: str, **options: object) -> tuple[Path, ...]:
    """Writes the heart; options are those of `ExportRequest`."""
    mesh = heart_mesh()
    request = ExportRequest(folder, formats, **options)  # type: ignore[arg-type]
    return export_mesh(mesh, heart_patches(mesh.surface), request, source=heart_source())
