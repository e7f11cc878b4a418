"""Runs one program on one heart and stores what it made: a process of its own for `mesh_peers.py`.

    python mesh_peer_tools.py PEER LABELS.nrrd SURFACE.vtp OUT.npz

LABELS is the label map, which programs that make surfaces start from. Those that make tetrahedra start from SURFACE,
HeartSeg's surfaces with edges of 2 mm: walls that neighbors share, which none of them makes from a label map. The time
is that of the program's own work, without imports, reading and conversion. Points are stored in LPS, mm.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyvista as pv
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

EDGE_MM = 2.0
TETRAHEDRON_MM3 = EDGE_MM**3 / (6.0 * np.sqrt(2.0))
"""Volume of the regular tetrahedron of that edge."""

INSIDE_MM = 0.02
"""How far from a wall a point is taken to say which structure lies there."""

Arrays = dict[str, NDArray[np.number]]


class Walls:
    """HeartSeg's surfaces as the programs are given them.

    Attributes:
        points: (N, 3), LPS, mm.
        triangles: (M, 3), normals out of `sides[:, 0]`.
        sides: (M, 2) labels.
    """

    def __init__(self, path: Path) -> None:
        mesh = pv.read(path)
        self.points = np.asarray(mesh.points, np.float64)
        self.triangles = mesh.regular_faces.astype(np.int64)
        self.sides = np.column_stack([mesh.cell_data["label_in"], mesh.cell_data["label_out"]]).astype(int)
        self.values = [int(value) for value in np.unique(self.sides) if value]

    def around(self, value: int) -> NDArray[np.int64]:
        """Return the triangles around a label, turned outward."""
        return np.concatenate([self.triangles[self.sides[:, 0] == value],
                               self.triangles[self.sides[:, 1] == value][:, ::-1]])

    def seeds(self, value: int) -> list[NDArray[np.float64]]:
        """Return a point within the label behind each of its closed surfaces."""
        triangles = self.around(value)
        starts, ends = triangles[:, [0, 1]].ravel(), triangles[:, [1, 2]].ravel()
        links = coo_matrix((np.ones(len(starts)), (starts, ends)), shape=(len(self.points),) * 2)
        part = connected_components(links, directed=False)[1][triangles[:, 0]]
        a, b, c = (self.points[triangles[:, corner]] for corner in range(3))
        normals, found = np.cross(b - a, c - a), []
        for number in np.unique(part):
            own = np.flatnonzero(part == number)
            largest = own[np.linalg.norm(normals[own], axis=1).argmax()]
            normal = normals[largest] / np.linalg.norm(normals[largest])
            found.append((a + b + c)[largest] / 3.0 - INSIDE_MM * normal)
        return found


def slicer_surfaces(labels: sitk.Image, **parameters: str) -> tuple[float, Arrays]:
    """3D Slicer's own conversion of a segmentation, all segments in one label map as Slicer loads it."""
    import slicer
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    slicer.vtkSegmentationConverterFactory.GetInstance().RegisterConverterRule(
        slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule())
    voxels = sitk.GetArrayFromImage(labels)
    to_ras = np.diag([-1.0, -1.0, 1.0])
    matrix = np.eye(4)
    matrix[:3, :3] = to_ras @ np.reshape(labels.GetDirection(), (3, 3)) * labels.GetSpacing()
    matrix[:3, 3] = to_ras @ labels.GetOrigin()
    placed = vtkMatrix4x4()
    placed.DeepCopy(matrix.ravel())
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(voxels.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel(), deep=1))
    image.SetImageToWorldMatrix(placed)
    segmentation = slicer.vtkSegmentation()
    segmentation.SetSourceRepresentationName("Binary labelmap")
    values = [int(value) for value in np.unique(voxels) if value]
    for value in values:
        segment = slicer.vtkSegment()
        segment.SetLabelValue(value)
        segment.AddRepresentation("Binary labelmap", image)
        segmentation.AddSegment(segment, str(value))
    for name, setting in parameters.items():
        segmentation.SetConversionParameter(name.replace("_", " "), setting)
    start = time.perf_counter()
    if not segmentation.CreateRepresentation("Closed surface"):
        raise RuntimeError("Slicer could not convert the segmentation")
    seconds = time.perf_counter() - start
    made = {}
    for value in values:
        mesh = pv.wrap(segmentation.GetSegment(str(value)).GetRepresentation("Closed surface")).triangulate()
        made[f"points_{value}"] = np.asarray(mesh.points, np.float64) @ to_ras
        made[f"triangles_{value}"] = mesh.regular_faces
    return seconds, made


def tetgen_tetrahedra(walls: Walls) -> tuple[float, Arrays]:
    """TetGen with a region a label; the walls are kept as they are, so that neighbors stay joined."""
    import tetgen

    mesher = tetgen.TetGen(walls.points, walls.triangles.astype(np.int32))
    for value in walls.values:
        for number, seed in enumerate(walls.seeds(value)):
            mesher.add_region(1000 * value + number, seed.tolist())
    start = time.perf_counter()
    points, tetrahedra, attributes, _ = mesher.tetrahedralize(
        quality=True, minratio=1.4, mindihedral=10.0, nobisect=True, regionattrib=True, maxvolume=TETRAHEDRON_MM3)
    seconds = time.perf_counter() - start
    labels = np.ravel(attributes).astype(int) // 1000
    return seconds, _of_known_label(points, tetrahedra, labels)


def gmsh_tetrahedra(walls: Walls, algorithm: int) -> tuple[float, Arrays]:
    """Gmsh with a discrete surface for each pair of labels, and a volume for each label."""
    import gmsh

    gmsh.initialize()
    gmsh.option.setNumber("General.Terminal", 0)
    gmsh.option.setNumber("General.NumThreads", 0)
    gmsh.option.setNumber("Mesh.Algorithm3D", algorithm)
    gmsh.option.setNumber("Mesh.MeshSizeMax", EDGE_MM)
    pairs, pair_of = np.unique(walls.sides, axis=0, return_inverse=True)
    for number in range(len(pairs)):
        gmsh.model.addDiscreteEntity(2, number + 1)
    gmsh.model.mesh.addNodes(2, 1, np.arange(1, len(walls.points) + 1), walls.points.ravel())
    for number in range(len(pairs)):
        own = walls.triangles[np.ravel(pair_of) == number] + 1
        gmsh.model.mesh.addElementsByType(number + 1, 2, [], own.ravel())
    for value in walls.values:
        around = (np.flatnonzero((pairs == value).any(axis=1)) + 1).tolist()
        gmsh.model.geo.addVolume([gmsh.model.geo.addSurfaceLoop(around)], value)
    gmsh.model.geo.synchronize()
    start = time.perf_counter()
    gmsh.model.mesh.generate(3)
    seconds = time.perf_counter() - start
    tags, places, _ = gmsh.model.mesh.getNodes()
    row_of = np.zeros(int(tags.max()) + 1, np.int64)
    row_of[tags.astype(np.int64)] = np.arange(len(tags))
    tetrahedra, labels = [], []
    for value in walls.values:
        nodes = gmsh.model.mesh.getElementsByType(4, value)[1].astype(np.int64).reshape(-1, 4)
        tetrahedra.append(row_of[nodes])
        labels.append(np.full(len(nodes), value))
    return seconds, _of_known_label(places.reshape(-1, 3), np.concatenate(tetrahedra), np.concatenate(labels))


def pytetwild_tetrahedra(walls: Walls, labels: sitk.Image) -> tuple[float, Arrays]:
    """FTetWild, which knows no regions: a tetrahedron gets the label of the voxel in its middle."""
    import pytetwild

    start = time.perf_counter()
    points, tetrahedra = pytetwild.tetrahedralize(
        walls.points, walls.triangles.astype(np.int32), edge_length_abs=EDGE_MM, disable_filtering=True,
        vtk_ordering=True)
    seconds = time.perf_counter() - start
    middles = points[tetrahedra].mean(axis=1)
    matrix = np.reshape(labels.GetDirection(), (3, 3)) * labels.GetSpacing()
    index = np.rint((middles - labels.GetOrigin()) @ np.linalg.inv(matrix).T).astype(int)
    inside = ((index >= 0) & (index < labels.GetSize())).all(axis=1)
    found = np.zeros(len(tetrahedra), int)
    found[inside] = sitk.GetArrayViewFromImage(labels)[tuple(index[inside, ::-1].T)]
    return seconds, _of_known_label(points, tetrahedra, found)


def _of_known_label(points: NDArray[np.float64], tetrahedra: NDArray[np.integer], labels: NDArray[np.int64]) -> Arrays:
    known = labels > 0
    return {"points": np.asarray(points, np.float64), "tetrahedra": tetrahedra[known], "labels": labels[known]}


PEERS: dict[str, tuple[str, Callable[[sitk.Image, Path], tuple[float, Arrays]]]] = {
    "slicer-core": ("slicer-core", lambda labels, _: slicer_surfaces(labels)),
    "slicer-core, surface nets": ("slicer-core", lambda labels, _: slicer_surfaces(labels, Conversion_method="1")),
    "tetgen": ("tetgen", lambda _, walls: tetgen_tetrahedra(Walls(walls))),
    "gmsh, HXT": ("gmsh", lambda _, walls: gmsh_tetrahedra(Walls(walls), 10)),
    "gmsh, Delaunay": ("gmsh", lambda _, walls: gmsh_tetrahedra(Walls(walls), 1)),
    "pytetwild": ("pytetwild", lambda labels, walls: pytetwild_tetrahedra(Walls(walls), labels)),
}
"""Package and what runs it, by the name of the row."""


def main() -> None:
    peer, labels, walls, out = sys.argv[1:]
    package, make = PEERS[peer]
    seconds, arrays = make(sitk.ReadImage(labels), Path(walls))
    np.savez(out, **arrays)
    print(json.dumps({"seconds": round(seconds, 2), "version": f"{package} {version(package)}"}))


if __name__ == "__main__":
    main()
