"""Does what `heartseg mesh` writes hold before a judge that knows nothing of HeartSeg?

    python Testing/Benchmarks/mesh_independent.py ["HEART, surfaces" ...] [--again]

The command line meshes both real hearts of ../shared/data, with the walls of their label maps, without walls, and with
walls grown by `--walls`, as surfaces and as tetrahedra, with fibers where there are walls; the tissue of both, as the
preset ep writes it, and mechanics and simvascular with it, and as cemrgapp does, in its numbers; and an asymmetric
block of labels on an oblique left-handed grid, in LPS and in RAS. Then two processes that use nothing of HeartSeg look
at the files: `mesh_referee.py` judges closedness, self-intersections, shapes and volumes with PyVista and MeshLab, and
`mesh_exports.py` reads every format back with meshio and compares points, tags, names, patches, fibers and positions
with the sidecar and the label map. First the judge is shown meshes with known defects. Stores
results/mesh_independent.json and prints a table; a row that was measured with the same code is left as it is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mesh_cases import LABEL_MAPS, OBLIQUE
from mesh_presets import STEMS
from mesh_runs import Aim, Benchmark, Row, command_line, judged, run_alone

MODULES = ("mesh_referee", "mesh_exports", "mesh_svmultiphysics", "mesh_positions", "mesh_fibers", "mesh_controls",
           "mesh_presets", "mesh_cases")
SURFACE_FORMATS = "vtp,stl,ply,obj,gmsh22,gmsh41,pycemrg"
VOLUME_FORMATS = f"{SURFACE_FORMATS},vtu,vtk,xdmf,opencarp,svmultiphysics,abaqus"
LIMIT_S = 900.0
READING_LIMIT_S = 3600.0
"""Reading every format back takes minutes where there are millions of elements."""
DEFECTS = ("open_edges", "non_manifold_edges", "non_manifold_vertices", "inconsistent_edges", "intersecting_triangles")
CONTROLS = "the judge itself"


@dataclass(frozen=True)
class Case:
    """A label map and the options that it is meshed with."""

    image: Callable[[], sitk.Image]
    volume: bool
    options: tuple[str, ...] = ()
    preset: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What the command line is told besides input and output."""
        kind = ("--preset", self.preset) if self.preset else ("--volume",) if self.volume else ()
        return "--formats", VOLUME_FORMATS if self.volume else SURFACE_FORMATS, *self.options, *kind


def marker() -> sitk.Image:
    """An L of three labels that no turn or reflection maps onto itself, on an oblique left-handed grid."""
    voxels = np.zeros((30, 26, 34), np.uint8)
    voxels[4:26, 4:20, 4:14] = 1
    voxels[4:14, 4:20, 14:30] = 2
    voxels[14:20, 4:12, 14:22] = 3
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 1.2, 1.5))
    image.SetOrigin((-31.0, 47.0, 120.0))
    axes = np.reshape(OBLIQUE, (3, 3)) * (1.0, -1.0, 1.0)
    image.SetDirection(axes.ravel().tolist())
    return image


def _cases() -> dict[str, Case]:
    found = {}
    for kind, volume in (("surfaces", False), ("tetrahedra", True)):
        for frame in ("lps", "ras"):
            found[f"marker in {frame.upper()}, {kind}"] = Case(marker, volume, ("--frame", frame))
        for name, label_map in LABEL_MAPS.items():
            if label_map.prior and label_map.present:
                walls = ("--walls",) if label_map.grow_walls else ()
                fibers = ("--fibres",) if volume and "without walls" not in name else ()
                found[f"{name}, {kind}"] = Case(label_map.image, volume, walls + fibers)
    for name, label_map in LABEL_MAPS.items():
        if label_map.prior and label_map.present and label_map.grow_walls:
            for preset in ("ep", "cemrgapp"):
                found[f"{name}, preset {preset}"] = Case(label_map.image, True, ("--walls",), preset)
    found["marker, preset ep"] = Case(marker, True, ("--frame", "ras"), "ep")
    return found


CASES = _cases()


def measure(name: str) -> Row:
    """Mesh one label map by the command line and return what the independent judges say."""
    if name == CONTROLS:
        row = run_alone(["mesh_controls.py"], LIMIT_S)
        blind = [] if "not_measured" in row else [control for control, seen in row["seen"].items() if not seen]
        return row | {"aims": judged([Aim("known defects that the judge overlooks",
                                          None if "not_measured" in row else len(blind), 0)])}
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        labels, out = Path(folder) / "labels.nrrd", Path(folder) / "mesh"
        sitk.WriteImage(case.image(), str(labels))
        told = run_alone(command_line(
            "mesh", str(labels), "-o", str(out), *case.words, "--json", "--quiet"), LIMIT_S)
        if "not_measured" in told:
            return told | {"aims": judged([Aim("heartseg mesh ends with exit code 0", None, 0)])}
        stem = STEMS.get(case.preset, "heart")
        mesh = out / f"{stem}.{'vtu' if case.volume else 'vtp'}"
        written = run_alone(["mesh_exports.py", str(out), str(labels)], READING_LIMIT_S)
        seen = run_alone(["mesh_referee.py", str(mesh), str(out / f"{stem}_pycemrg.nrrd"),
                          *([case.preset] if case.preset else [])], LIMIT_S)
    row = {"own_report_passes": told["quality"]["fit_for_use"], "seconds": told["seconds"],
           "process_s": told["process_s"], "warnings": told["warnings"], "judged": seen, "read_back": written}
    return row | {"aims": judged(_aims(row) + (_mean_aims(seen) if case.image is not marker else []))}


def _mean_aims(seen: Row) -> list[Aim]:
    """Aims for hearts: the marker is all edges and corners, and there to be found where it belongs."""
    if "not_measured" in seen:
        return []
    if "tetrahedra" in seen:
        return [Aim("tetrahedra: mean scaled Jacobian", seen["tetrahedron_scaled_jacobian"]["mean"], 0.8,
                    at_least=True)]
    return [Aim("triangles: mean scaled Jacobian", seen["triangle_scaled_jacobian"]["mean"], 0.75, at_least=True)]


def _aims(row: Row) -> list[Aim]:
    seen, written = row["judged"], row["read_back"]
    aims = [Aim("hard checks of its own report pass", float(row["own_report_passes"]), 1, at_least=True),
            Aim("checks of the files that failed", len(written["failed"]) if "failed" in written else None, 0)]
    if "not_measured" in seen:
        return [*aims, Aim("the judge ends", None, 0)]
    aims += [Aim(defect.replace("_", " "), seen[defect], 0) for defect in DEFECTS]
    errors = [abs(error) for error in seen["volume_error_percent"].values()]
    triangles = seen["triangle_scaled_jacobian"]
    aims += [Aim("volume error in %", max(errors), 0.5),
             Aim("triangles: smallest scaled Jacobian", triangles["minimum"], 0.15, at_least=True)]
    if "tetrahedra" in seen:
        tetrahedra = seen["tetrahedron_scaled_jacobian"]
        aims += [Aim("tetrahedra that are flat or turned inside out", seen["inverted_tetrahedra"], 0),
                 Aim("tetrahedra: smallest scaled Jacobian", tetrahedra["minimum"], 0.2, at_least=True),
                 Aim("tetrahedra of a structure locked on its surface, in %", max(seen["locked_percent"].values()),
                     0.5)]
    return aims


def table(rows: dict[str, Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = ["| mesh | own report | files: checks failed | open / non-manifold edges / vertices / turned / cutting "
             "| volume error % | triangles min, mean | tetrahedra min, mean, below 0.2, locked % |",
             "|---|---|---|---|---|---|---|"]
    for name, row in rows.items():
        if name == CONTROLS:
            continue
        broken = row.get("not_measured") or row["judged"].get("not_measured") or row["read_back"].get("not_measured")
        if broken:
            lines.append(f"| {name} | {broken} | | | | | |")
            continue
        seen, written = row["judged"], row["read_back"]
        tetra = (f"{seen['tetrahedron_scaled_jacobian']['minimum']:.3f}, "
                 f"{seen['tetrahedron_scaled_jacobian']['mean']:.3f}, {seen['poor_tetrahedra']}, "
                 f"{max(seen['locked_percent'].values()):.2f}" if "tetrahedra" in seen else "")
        lines.append(
            f"| {name} | {'passes' if row['own_report_passes'] else 'fails'} "
            f"| {len(written['failed'])} of {written['passed'] + len(written['failed'])} "
            f"| {' / '.join(str(seen[defect]) for defect in DEFECTS)} "
            f"| {max(abs(error) for error in seen['volume_error_percent'].values()):.3f} "
            f"| {seen['triangle_scaled_jacobian']['minimum']:.3f}, {seen['triangle_scaled_jacobian']['mean']:.3f} "
            f"| {tetra} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(Benchmark(__file__, __doc__, {CONTROLS: None, **CASES}, MODULES).run_all(measure)))
