"""Makes the meshes of benchmarks the way `heartseg mesh` does, with a clock and a look at the memory."""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import SimpleITK as sitk
from mesh_cases import LABEL_MAPS
from mesh_distances import distances_from_truth
from mesh_runs import Aim

from HeartSeg3DLib.api.meshing import MeshChoices, MeshedHeart, mesh_to_folder
from HeartSeg3DLib.meshing.checking import check_labels
from HeartSeg3DLib.meshing.cleaning import Pieces
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from HeartSeg3DLib.meshing.walls import WALL_MM

MADE = "Naming surfaces"
"""The stage that begins when the mesh is made."""

DEFECTS = ("open_edges", "non_manifold_edges", "non_manifold_vertices", "inconsistent_edges", "intersecting_triangles")
VOLUME_PERCENT = 0.5
DISTANCE_VOXELS = {"mean": 0.15, "percentile_95": 0.5, "maximum": 1.5}


class _Enough(Exception):  # noqa: N818
    """Raised in the middle of a run that is only timed."""


class _Clock:
    """Notes when stages begin and how much memory had been held by then, and ends a run that is only timed."""

    def __init__(self, stop_at: str | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self.peak_gb: dict[str, float] = {}
        self._stop_at, self._start = stop_at, time.perf_counter()

    def __call__(self, _fraction: float, stage: str) -> None:
        self.seconds.setdefault(stage, round(time.perf_counter() - self._start, 2))
        self.peak_gb.setdefault(stage, round(peak_gb(), 2))
        if stage == self._stop_at:
            raise _Enough


@dataclass(frozen=True)
class Made:
    """A mesh and what it took.

    Attributes:
        heart: What `mesh_to_folder` returned.
        seconds: From the file to the mesh, by run.
        seconds_to_files: From the file to checked and written files.
        peak_gb: Most memory that the process had held when the mesh was made, what it started with included.
    """

    heart: MeshedHeart
    seconds: tuple[float, ...]
    seconds_to_files: float
    peak_gb: float

    @property
    def surface(self) -> SurfaceMesh:
        """The walls between labels."""
        mesh = self.heart.mesh
        return mesh.surface if isinstance(mesh, TetraMesh) else mesh


def make(name: str, choices: MeshChoices, runs: int = 1) -> Made:
    """Mesh a label map; a mesh that fails its check is taken all the same, with the largest piece of each structure.

    Args:
        name: Of the label map.
        choices: How; walls are grown where the label map asks for them.
        runs: How often the making is timed.
    """
    label_map = LABEL_MAPS[name]
    choices = replace(choices, pieces=Pieces.KEEP_LARGEST, accept_failed=True, force=True, formats=("vtp",),
                      walls_mm=WALL_MM if label_map.grow_walls else {})
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "labels.nrrd", Path(folder) / "mesh"
        sitk.WriteImage(label_map.image(), str(path))
        seconds = []
        for _ in range(runs - 1):
            clock = _Clock(stop_at=MADE)
            try:
                mesh_to_folder(path, out, choices, progress=clock)
            except _Enough:
                seconds.append(clock.seconds[MADE])
        clock, start = _Clock(), time.perf_counter()
        heart = mesh_to_folder(path, out, choices, progress=clock)
        whole = round(time.perf_counter() - start, 2)
    return Made(heart, (*seconds, clock.seconds[MADE]), whole, clock.peak_gb[MADE])


def figures_of(made: Made, name: str) -> dict[str, object]:
    """Return what surfaces and tetrahedra have in common: time, verdicts, defects, volumes, distances, triangles."""
    report = made.heart.report
    labels = {value: dict(figures) for value, figures in report.labels.items()}
    jacobians = [figures["triangle_scaled_jacobian"] for figures in labels.values()]
    return {
        "seconds": statistics.median(made.seconds), "seconds_of_runs": made.seconds,
        "seconds_to_files": made.seconds_to_files, "stages": made.heart.seconds, "peak_gb": made.peak_gb,
        "edge_mm": round(made.heart.edge_mm, 3), "triangles": len(made.surface.triangles),
        "fit_for_use": report.fit_for_use, "failed": [check.name for check in report.failures],
        "missed_aims_of_report": {check.name: [round(check.value, 3), list(check.where)]
                                  for check in report.missed_aims},
        **{defect: sum(figures[defect] for figures in labels.values()) for defect in DEFECTS},
        "volume_error_percent": {value: round(figures["volume_error_percent"], 3)
                                 for value, figures in labels.items()},
        "triangle_scaled_jacobian": {"minimum": round(min(row["minimum"] for row in jacobians), 4),
                                     "mean": round(min(row["mean"] for row in jacobians), 4)},
        "distance_from_truth_voxels": distances_from_truth(made.surface, made.heart.labels, name),
        "distance_from_voxels_mm": {part: round(max(figures["voxel_distance_mm"][part]
                                                    for figures in labels.values()), 3)
                                    for part in ("mean", "percentile_95", "maximum")},
        "warnings": made.heart.warnings,
    }


def common_aims(row: dict[str, object], made: Made, pitch_mm: float) -> list[Aim]:
    """Return the aims that surfaces and tetrahedra share.

    Args:
        row: Figures of the mesh.
        made: The mesh.
        pitch_mm: What a wall must be two of to keep its volume.
    """
    walls = check_labels(made.heart.labels).wall_mm
    thick = {value: abs(error) for value, error in row["volume_error_percent"].items()
             if walls[value] >= 2.0 * pitch_mm * 0.999}
    truth = row["distance_from_truth_voxels"]
    jacobian = row["triangle_scaled_jacobian"]
    aims = [Aim(defect.replace("_", " "), row[defect], 0) for defect in DEFECTS]
    aims.append(Aim("volume error of walls of two pitches in %", max(thick.values(), default=None), VOLUME_PERCENT))
    if truth is not None:
        aims += [Aim(f"distance from truth in voxels, {part.replace('_', ' ')}", truth[part], limit)
                 for part, limit in DISTANCE_VOXELS.items()]
    return [*aims, Aim("triangles: smallest scaled Jacobian", jacobian["minimum"], 0.15, at_least=True),
            Aim("triangles: mean scaled Jacobian", jacobian["mean"], 0.75, at_least=True)]


def table(rows: dict[str, dict[str, object]]) -> str:
    """Return the rows of surfaces or tetrahedra as a table in Markdown; the worst structure's figure in each cell."""
    lines = ["| case | s | GB | defects | volume % | from truth: mean, 95 %, most, in voxels | triangles min, mean "
             "| tetrahedra min, mean | locked % |", "|---|---|---|---|---|---|---|---|---|"]
    for name, row in rows.items():
        if "not_measured" in row:
            lines.append(f"| {name} | {row['not_measured']} | | | | | | | |")
            continue
        truth, volume = row["distance_from_truth_voxels"], map(abs, row["volume_error_percent"].values())
        far = ", ".join(f"{truth[part]:.2f}" for part in DISTANCE_VOXELS) if truth else "not known"
        shapes = [", ".join(f"{row[key][part]:.3f}" for part in ("minimum", "mean")) if key in row else ""
                  for key in ("triangle_scaled_jacobian", "tetrahedron_scaled_jacobian")]
        locked = f"{max(row['locked_percent'].values()):.2f}" if "locked_percent" in row else ""
        lines.append(f"| {name} | {row['seconds']:.1f} | {row['peak_gb']:.2f} | {sum(row[key] for key in DEFECTS)} "
                     f"| {max(volume):.3f} | {far} | {shapes[0]} | {shapes[1]} | {locked} |")
    return "\n".join(lines)


def peak_gb() -> float:
    """Return the most memory that this process has held so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
