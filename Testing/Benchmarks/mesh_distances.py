"""How far a mesh is from the truth.

Of the analytic heart every label's true surface is known. A real heart's label map was made from closed surfaces, but
does not follow them everywhere: valve planes, the ends of vessels and borders between walls were drawn anew. There the
mesh cannot know better, so the source surfaces count as true where the voxels' own surface is within one voxel of them.
Walls that HeartSeg grew have no source: of such hearts the surfaces of blood pools and of the myocardium count.
"""

from __future__ import annotations

import numpy as np
import pyvista as pv
import SimpleITK as sitk
from mesh_cases import HIGHEST_BLOOD_POOL, LABEL_MAPS, Surface, true_surfaces
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.quality.voxel_distance import voxel_surface

Points = NDArray[np.float64]


def distances_from_truth(surface: SurfaceMesh, labels: sitk.Image, name: str) -> dict[str, object] | None:
    """Return mean, 95th percentile and maximum in voxels, the worst label's of each; None where the truth is missing.

    Distances are taken from the vertices of both surfaces to the other one; a voxel is the largest spacing.

    Args:
        surface: Walls between labels, LPS, mm.
        labels: The label map that they were made from.
        name: Its name among the label maps.
    """
    truth, voxel = true_surfaces(name), max(labels.GetSpacing())
    if not truth:
        return None
    if 0 in truth:
        highest = HIGHEST_BLOOD_POOL if LABEL_MAPS[name].grow_walls else int(surface.labels.max())
        return _from_source(surface, labels, truth[0], voxel, highest)
    found = {value: _both_ways(_vertices_and(surface.points, surface.closed_surface(value)), true)
             for value, true in truth.items() if value in surface.values}
    rows = {value: _summary(distances / voxel) for value, distances in found.items()}
    return {part: max(row[part] for row in rows.values()) for part in ("mean", "percentile_95", "maximum")} | {
        "worst_label": max(rows, key=lambda value: rows[value]["maximum"]), "true": "the formulas"}


def _from_source(
    surface: SurfaceMesh, labels: sitk.Image, source: Surface, voxel: float, highest: int
) -> dict[str, object]:
    """Return the distances of labels up to `highest` where the voxels follow the source, and of how large a part."""
    faces, voxels = _voxel_faces(labels, highest)
    follows = _distances(faces, source) <= voxel
    around = ((surface.labels > 0) & (surface.labels <= highest)).any(axis=1)
    mesh = _vertices_and(surface.points, surface.triangles[around])
    ours = follows[cKDTree(faces).query(mesh[0])[1]]
    true = _vertices_and(*source)
    theirs = _distances(true[0], voxels) <= voxel
    found = np.concatenate([_distances(mesh[0][ours], source), _distances(true[0][theirs], mesh)])
    return {**_summary(found / voxel), "true": "the surfaces that the label map was made from",
            "voxels_from_source": _summary(_distances(faces[follows], source) / voxel),
            "share_that_counts": [round(float(ours.mean()), 3), round(float(theirs.mean()), 3)]}


def _voxel_faces(labels: sitk.Image, highest: int) -> tuple[Points, Surface]:
    """Return the middles (N, 3) of the faces around the voxels of labels up to `highest`, and these as triangles."""
    points, triangles, count = [], [], 0
    for value in np.unique(sitk.GetArrayViewFromImage(labels)):
        if 0 < value <= highest:
            corners, squares = voxel_surface(labels, int(value))
            points.append(corners)
            triangles.append(squares + count)
            count += len(corners)
    surface = np.concatenate(points), np.concatenate(triangles)
    return surface[0][surface[1]].reshape(-1, 6, 3).mean(axis=1), surface


def _both_ways(one: Surface, two: Surface) -> Points:
    return np.concatenate([_distances(one[0], two), _distances(two[0], one)])


def _distances(points: Points, surface: Surface) -> Points:
    """Return the distance (N,) of points from the nearest triangle."""
    target = pv.PolyData.from_regular_faces(surface[0], surface[1])
    return np.abs(pv.PolyData(points).compute_implicit_distance(target)["implicit_distance"])


def _vertices_and(points: Points, triangles: NDArray[np.integer]) -> Surface:
    """Return the surface without vertices that no triangle uses."""
    used, corners = np.unique(triangles, return_inverse=True)
    return points[used].astype(np.float64), corners.reshape(-1, 3)


def _summary(distances: Points) -> dict[str, float]:
    return {"mean": round(float(distances.mean()), 3), "percentile_95": round(float(np.percentile(distances, 95)), 3),
            "maximum": round(float(distances.max()), 3)}
