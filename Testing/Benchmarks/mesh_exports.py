"""Reads every file of a mesh back with meshio, PyVista and SimpleITK, and holds it against sidecar and label map.

    python mesh_exports.py FOLDER LABELS

FOLDER is what `heartseg mesh` wrote, LABELS the label map that it was given. Prints JSON: each check with what was
found. Nothing of HeartSeg is used, and the last check makes sure of it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import meshio
import numpy as np
import pyvista as pv
import SimpleITK as sitk
from mesh_fibers import check_fibers
from mesh_positions import check_positions
from mesh_presets import as_written
from mesh_referee import read_surfaces, read_tetrahedra
from mesh_svmultiphysics import check_svmultiphysics, complete_meshes
from numpy.typing import NDArray
from scipy.spatial import cKDTree

ROUNDING_MM = 1e-3
"""Coordinates in other files may differ by this much: some keep 32-bit numbers or seven digits."""

MICROMETERS = 1000.0


@dataclass
class Checks:
    """What was checked, by name, and what was found."""

    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def expect(self, name: str, holds: bool, found: object = "") -> None:
        """Note whether something holds."""
        if holds:
            self.passed.append(name)
        else:
            self.failed[name] = str(found)


@dataclass(frozen=True)
class Cells:
    """Points (N, 3) in mm, and cells (K, 3 or 4) with a number each, as a file has them."""

    points: NDArray[np.float64]
    cells: NDArray[np.int64]
    numbers: NDArray[np.int64]

    def placed_in(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return sorted rows of ascending corners and a number, nodes counted as in `points`; -1 for an absent one."""
        used = np.unique(self.cells)
        distance, nearest = cKDTree(points).query(self.points[used], distance_upper_bound=ROUNDING_MM)
        number_of = np.full(len(self.points), -1, np.int64)
        number_of[used] = np.where(np.isfinite(distance), nearest, -1)
        rows = np.column_stack([np.sort(number_of[self.cells], axis=1), self.numbers])
        return rows[np.lexsort(rows.T)]


def main() -> None:
    folder, labels = Path(sys.argv[1]), sitk.ReadImage(sys.argv[2])
    sidecar_path = next(path for path in folder.glob("*.json") if not path.stem.endswith("_report"))
    sidecar, checks = json.loads(sidecar_path.read_text("utf-8")), Checks()
    files = Files(folder, sidecar_path.stem, sidecar, checks)
    files.check_checksums()
    if sidecar["tetrahedra"]:
        files.check_tetrahedra()
    files.check_surfaces()
    files.check_patches()
    if sidecar.get("fibers"):
        check_fibers(folder, sidecar_path.stem, sidecar, checks.expect)
    meshed = labels_with_walls(labels, sitk.ReadImage(str(folder / f"{sidecar_path.stem}_pycemrg.nrrd")), checks)
    check_positions(folder, sidecar_path.stem, sidecar["frame"], as_written(meshed, sidecar["preset"]), checks.expect)
    checks.expect("nothing of HeartSeg was used", not any(name.startswith("HeartSeg") for name in sys.modules))
    print(json.dumps({"passed": len(checks.passed), "failed": checks.failed, "checks": checks.passed}))


def labels_with_walls(given: sitk.Image, written: sitk.Image, checks: Checks) -> sitk.Image:
    """Return the label map that was given, with the walls of the one that was written where it has background."""
    written = sitk.Resample(written, given, sitk.Transform(), sitk.sitkNearestNeighbor)
    before, after = sitk.GetArrayFromImage(given), sitk.GetArrayFromImage(written)
    labeled = before > 0
    changed = int(np.count_nonzero(before[labeled] != after[labeled]))
    checks.expect("the written label map is the given one but for islands", changed <= 1e-3 * labeled.sum(),
                  f"{changed} of {labeled.sum()} voxels")
    grown = sitk.GetImageFromArray(np.where(labeled, before, after).astype(np.uint8))
    grown.CopyInformation(given)
    return grown


class Files:
    """The files of one mesh, held against each other and against the sidecar."""

    def __init__(self, folder: Path, stem: str, sidecar: dict, checks: Checks) -> None:
        self._folder, self._stem, self._sidecar, self._expect = folder, stem, sidecar, checks.expect
        self._names = {entry["tag"]: entry["name"] for entry in sidecar["labels"]}
        self._formats = sidecar["formats"]

    def check_checksums(self) -> None:
        """Every file is there with the checksum and the size that the sidecar says."""
        for name, details in self._formats.items():
            for file in details["files"]:
                content = (self._folder / file["path"]).read_bytes()
                same = hashlib.sha256(content).hexdigest() == file["sha256"] and len(content) == file["bytes"]
                self._expect(f"{name}: checksum of {file['path']}", same)

    def check_tetrahedra(self) -> None:
        """All volume formats hold the same tetrahedra with the same numbers, and as many as the sidecar says."""
        points, tetrahedra, labels = read_tetrahedra(self._folder / f"{self._stem}.vtu")
        reference = Cells(points, tetrahedra.astype(np.int64), labels.astype(np.int64))
        expected = reference.placed_in(points)
        counts = {entry["tag"]: entry["tetrahedra"] for entry in self._sidecar["labels"]}
        found = dict(zip(*(column.tolist() for column in np.unique(labels, return_counts=True)), strict=True))
        self._expect("vtu: tetrahedra of each label as in the sidecar", found == counts, found)
        self._expect("vtu: nodes as in the sidecar", len(points) == self._sidecar["nodes"], len(points))
        for name in set(VOLUME_READERS) & set(self._formats):
            read = VOLUME_READERS[name](self._folder, self._stem, self._names)
            same = np.array_equal(read.placed_in(points), expected)
            self._expect(f"{name}: tetrahedra and labels as in vtu", same, f"{len(read.cells)} tetrahedra")
            a, b, c, d = (read.points[read.cells[:, corner]] for corner in range(4))
            positive = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) > 0.0
            self._expect(f"{name}: every tetrahedron has a positive volume", bool(positive.all()), (~positive).sum())
        if "svmultiphysics" in self._formats:
            check_svmultiphysics(self._folder / f"{self._stem}_svmultiphysics", points,
                                 self._sidecar["formats"]["svmultiphysics"], self._expect)

    def check_surfaces(self) -> None:
        """STL, PLY and OBJ hold each label's closed surface, turned outward, with the volume that the sidecar says."""
        surfaces = read_surfaces(self._folder / f"{self._stem}.vtp")
        self._expect("vtp: labels as in the sidecar", sorted(surfaces) == sorted(self._names), sorted(surfaces))
        groups = self._obj_groups() if "obj" in self._formats else {}
        for entry in self._sidecar["labels"]:
            points, triangles = surfaces[entry["tag"]]
            expected = Cells(points, triangles, np.zeros(len(triangles), int)).placed_in(points)
            read = {name: self._label_file(name, entry["name"]) for name in ("stl", "ply") if name in self._formats}
            read |= {"obj": groups[entry["name"]]} if groups else {}
            for name, cells in read.items():
                same = np.array_equal(cells.placed_in(points), expected)
                self._expect(f"{name}: triangles of {entry['name']} as in vtp", same, f"{len(cells.cells)} triangles")
                volume = volume_ml(cells)
                self._expect(f"{name}: volume of {entry['name']} as in the sidecar",
                             abs(volume - entry["volume_ml"]) <= 1e-4 * entry["volume_ml"] + 1e-3, f"{volume:.4f} mL")

    def check_patches(self) -> None:
        """Every patch of the sidecar is in every format that has patches, with its triangles, area and nodes."""
        mesh = pv.read(self._folder / f"{self._stem}.vtp")
        points, triangles = np.asarray(mesh.points, np.float64), mesh.regular_faces.astype(np.int64)
        reference = Cells(points, triangles, np.asarray(mesh.cell_data["patch"], np.int64))
        self._expect("vtp: triangles as in the sidecar", len(triangles) == self._sidecar["triangles"], len(triangles))
        for patch in self._sidecar["patches"]:
            own = reference.numbers == patch["number"]
            alone = patch["in_smaller"] == 0
            self._expect(f"vtp: {patch['name']} has its triangles",
                         own.sum() == patch["triangles"] - patch["in_smaller"], own.sum())
            area = areas(points, triangles[own]).sum()
            self._expect(f"vtp: {patch['name']} has its area",
                         not alone or abs(area - patch["area_mm2"]) <= 1e-3 + 1e-6 * area, area)
        if self._sidecar["preset"] is None:  # blood is the outside in a mesh of tissue
            self._check_sides(mesh)
        expected = reference.placed_in(points)
        for name in set(PATCH_READERS) & set(self._formats):
            read, names = PATCH_READERS[name](self._folder, self._stem)
            self._expect(f"{name}: triangles and patches as in vtp", np.array_equal(read.placed_in(points), expected))
            wanted = {patch["name"]: patch["number"] for patch in self._sidecar["patches"]}
            self._expect(f"{name}: names of patches", wanted.items() <= names.items(), names)
            if self._sidecar["tetrahedra"]:
                wanted = {label: tag for tag, label in self._names.items()}
                self._expect(f"{name}: names of labels", wanted.items() <= names.items(), names)
        for patch in (patch for patch in self._sidecar["patches"] if patch["named"] and not patch["in_smaller"]):
            self._check_patch_files(patch, reference)

    def _check_sides(self, mesh: pv.PolyData) -> None:
        """Named walls lie between the labels that their names say."""
        sides = np.sort(np.column_stack([mesh.cell_data["label_in"], mesh.cell_data["label_out"]]), axis=1)
        for patch in self._sidecar["patches"]:
            if patch["name"] in SIDES:
                own = sides[np.asarray(mesh.cell_data["patch"]) == patch["number"]]
                allowed = SIDES[patch["name"]]
                right = all(tuple(pair) in allowed for pair in np.unique(own, axis=0).tolist())
                self._expect(f"{patch['name']} lies between its labels", right, np.unique(own, axis=0).tolist())

    def _check_patch_files(self, patch: dict, reference: Cells) -> None:
        """STL, openCARP and Abaqus name the same triangles and nodes as the VTP does."""
        name, own = patch["name"], reference.numbers == patch["number"]
        expected = Cells(reference.points, reference.cells[own], np.zeros(own.sum(), int)).placed_in(reference.points)
        read = {}
        if "stl" in self._formats:
            folder = self._folder / f"{self._stem}_stl" / "patches"
            read["stl"] = triangles_of(meshio.read(folder / f"{name}_{self._sidecar['frame']}_mm.stl"))
        if "opencarp" in self._formats:
            folder = self._folder / f"{self._stem}_opencarp"
            nodes = np.loadtxt(folder / f"{self._stem}.pts", skiprows=1) / MICROMETERS
            rows = np.loadtxt(folder / f"{name}.surf", skiprows=1, usecols=(1, 2, 3), dtype=int, ndmin=2)
            read["opencarp"] = Cells(nodes, rows, np.zeros(len(rows), int))
            listed = np.loadtxt(folder / f"{name}.vtx", skiprows=2, dtype=int, ndmin=1)
            self._expect(f"opencarp: {name}.vtx has the nodes of {name}.surf", np.array_equal(listed, np.unique(rows)))
        for form, cells in read.items():
            self._expect(f"{form}: {name} has the triangles of vtp",
                         np.array_equal(cells.placed_in(reference.points), expected))

    def _label_file(self, form: str, name: str) -> Cells:
        file = self._folder / f"{self._stem}_{form}" / f"{name}_{self._sidecar['frame']}_mm.{form}"
        return triangles_of(meshio.read(file))

    def _obj_groups(self) -> dict[str, Cells]:
        """Return the groups of the OBJ file; meshio numbers them, the file names them in the same order."""
        path = self._folder / f"{self._stem}.obj"
        names = [line.split()[1] for line in path.read_text().splitlines() if line.startswith("g ")]
        mesh = meshio.read(path)
        blocks = [block.data.astype(np.int64) for block in mesh.cells]
        return {name: Cells(mesh.points, block, np.zeros(len(block), int))
                for name, block in zip(names, blocks, strict=True)}


VESSEL_AND_ATRIAL_WALLS = (104, 105, 106, 107)
"""Where walls are thin, blood may lie against that of a neighbor."""

SIDES = {"LV_ENDO": {(1, 2), (1, 103), *((1, wall) for wall in VESSEL_AND_ATRIAL_WALLS)},
         "RV_ENDO": {(2, 3), (3, 103), (0, 3), *((3, wall) for wall in VESSEL_AND_ATRIAL_WALLS)},
         "LA_ENDO": {(0, 4), *((4, wall) for wall in VESSEL_AND_ATRIAL_WALLS)},
         "RA_ENDO": {(0, 5), *((5, wall) for wall in VESSEL_AND_ATRIAL_WALLS)},
         "MV": {(1, 4)}, "TV": {(3, 5)}, "AV": {(1, 6)}, "PV": {(3, 7)}, "EPI": {(0, 2), (0, 103)}}
"""Labels on both sides of patches, the lower first; cavities without walls are their own endocardium."""


def triangles_of(mesh: meshio.Mesh, numbers: str | None = None) -> Cells:
    """Return the triangles of a file with their numbers, zero where it has none."""
    return _cells_of(mesh, "triangle", numbers)


def volume_ml(surface: Cells) -> float:
    """Return the volume inside a closed surface that is turned outward."""
    a, b, c = (surface.points[surface.cells[:, corner]].astype(np.float64) for corner in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6000.0)


def areas(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the areas (M,) of triangles."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2.0


def _cells_of(mesh: meshio.Mesh, kind: str, numbers: str | None) -> Cells:
    blocks = [place for place, block in enumerate(mesh.cells) if block.type == kind]
    cells = np.concatenate([mesh.cells[place].data for place in blocks]).astype(np.int64)
    values = np.concatenate([np.ravel(mesh.cell_data[numbers][place]) for place in blocks]) if numbers else np.zeros(
        len(cells))
    return Cells(np.asarray(mesh.points, np.float64), cells, values.astype(np.int64))


def _read_abaqus(folder: Path, stem: str, names: dict[int, str]) -> Cells:
    """Elements lie in one block a set; meshio drops the names of the sets, which are in the file in the same order."""
    path = folder / f"{stem}.inp"
    sets = [line.rpartition("=")[2].strip() for line in path.read_text().splitlines() if line.startswith("*ELEMENT")]
    tag_of = {name: tag for tag, name in names.items()}
    mesh = meshio.read(path)
    blocks = [block.data.astype(np.int64) for block in mesh.cells]
    numbers = [np.full(len(block), tag_of[name]) for name, block in zip(sets, blocks, strict=True)]
    return Cells(mesh.points, np.concatenate(blocks), np.concatenate(numbers))


def _read_opencarp(folder: Path, stem: str, _names: dict[int, str]) -> Cells:
    path = folder / f"{stem}_opencarp" / stem
    elements = np.loadtxt(path.with_suffix(".elem"), skiprows=1, usecols=(1, 2, 3, 4, 5), dtype=np.int64)
    return Cells(np.loadtxt(path.with_suffix(".pts"), skiprows=1) / MICROMETERS, elements[:, :4], elements[:, 4])


def _read_svmultiphysics(folder: Path, stem: str, _names: dict[int, str]) -> Cells:
    parts = [_cells_of(meshio.read(part / "mesh-complete.mesh.vtu"), "tetra", "label")
             for part in complete_meshes(folder / f"{stem}_svmultiphysics")]
    before = np.cumsum([0, *(len(part.points) for part in parts)])
    return Cells(np.concatenate([part.points for part in parts]),
                 np.concatenate([part.cells + start for part, start in zip(parts, before, strict=False)]),
                 np.concatenate([part.numbers for part in parts]))


VOLUME_READERS = {
    "vtu": lambda folder, stem, _: _cells_of(meshio.read(folder / f"{stem}.vtu"), "tetra", "label"),
    "vtk": lambda folder, stem, _: _cells_of(meshio.read(folder / f"{stem}.vtk"), "tetra", "label"),
    "gmsh22": lambda folder, stem, _: _cells_of(meshio.read(folder / f"{stem}_gmsh22.msh"), "tetra", "gmsh:physical"),
    "gmsh41": lambda folder, stem, _: _cells_of(meshio.read(folder / f"{stem}_gmsh41.msh"), "tetra", "gmsh:physical"),
    "xdmf": lambda folder, stem, _: _cells_of(meshio.read(folder / f"{stem}.xdmf"), "tetra", "label"),
    "abaqus": _read_abaqus, "opencarp": _read_opencarp, "svmultiphysics": _read_svmultiphysics,
}


def _named_triangles(path: Path, numbers: str) -> tuple[Cells, dict[str, int]]:
    mesh = meshio.read(path)
    return triangles_of(mesh, numbers), {name: int(entry[0]) for name, entry in mesh.field_data.items()}


PATCH_READERS = {
    "gmsh22": lambda folder, stem: _named_triangles(folder / f"{stem}_gmsh22.msh", "gmsh:physical"),
    "gmsh41": lambda folder, stem: _named_triangles(folder / f"{stem}_gmsh41.msh", "gmsh:physical"),
    "xdmf": lambda folder, stem: _named_triangles(folder / f"{stem}_facets.xdmf", "facet"),
}


if __name__ == "__main__":
    main()
