"""Tetrahedra of an analytic heart in seven kinds of label maps, and of two real hearts with and without walls.

    python Testing/Benchmarks/mesh_tetrahedra.py [NAME ...] [--again]

Each mesh is made as `heartseg mesh --volume --edge MM` makes it and examined by the package's checks, which share
nothing with what made it. Distances are taken from the true surfaces, see `mesh_distances.py`. Real hearts are measured
where ../shared/data lies beside the clone. Stores results/mesh_tetrahedra.json, aims and verdicts beside the figures; a
case that was measured with the same code is left as it is. Measure times on an idle machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh_cases import LABEL_MAPS, THIN_MM
from mesh_making import common_aims, figures_of, make, table
from mesh_runs import Aim, Benchmark, judged
from mesh_surfaces import MYO, THIN_PERCENT, against_exact

from HeartSeg3DLib.api.meshing import MeshChoices
from HeartSeg3DLib.meshing.memory import expected_bytes, expected_tetrahedra

SHARED = ("mesh_making", "mesh_cases", "mesh_distances", "mesh_surfaces")


@dataclass(frozen=True)
class Case:
    """A label map, the edge in mm that is asked for, and what time in s and memory in GB are the aim."""

    label_map: str
    edge_mm: float = 2.0
    seconds: float | None = None
    gb: float | None = None


def _cases() -> dict[str, Case]:
    cases = {
        "1 mm, edge 2 mm": Case("1 mm", seconds=60, gb=2),
        "myocardium, edge 1 mm": Case("myocardium at 1 mm", 1.0, seconds=90, gb=2),
        "1 mm, edge 1.1 mm": Case("1 mm", 1.1, seconds=180, gb=6),
        "myocardium of 1.2 mm, edge 0.6 mm": Case("myocardium of 1.2 mm at 1 mm", 0.6),
        "wall of 1.2 mm at 1 mm, edge 2 mm": Case("wall of 1.2 mm at 1 mm"),
    }
    measured = {case.label_map for case in cases.values()}
    return cases | {f"{name}, edge 2 mm": Case(name) for name, label_map in LABEL_MAPS.items()
                    if label_map.present and name not in measured}


CASES = _cases()


def measure(name: str) -> dict[str, object]:
    """Return the figures and aims of one mesh."""
    case = CASES[name]
    made = make(case.label_map, MeshChoices(edge_mm=case.edge_mm, volume=True))
    row = figures_of(made, case.label_map) | _tetra_figures(made.heart)
    aims = [*common_aims(row, made, case.edge_mm), *_tetra_aims(row, case)]
    if LABEL_MAPS[case.label_map].wall_mm == THIN_MM:
        row["wall_against_exact_percent"] = against_exact(made.heart.report.labels[MYO]["volume_mm3"], case.label_map)
        aims.append(Aim("volume error of the wall of 1.2 mm in %", abs(row["volume_error_percent"][MYO]),
                        THIN_PERCENT))
    return {**row, "aims": judged(aims)}


def _tetra_figures(heart) -> dict[str, object]:
    labels = heart.report.labels
    jacobian = heart.report.whole["tetrahedron_scaled_jacobian"]
    return {
        "tetrahedra": len(heart.mesh.tetrahedra), "nodes": len(heart.mesh.points),
        "expected_tetrahedra": expected_tetrahedra(heart.labels, heart.edge_mm),
        "expected_gb": round(expected_bytes(heart.labels, heart.edge_mm) / 1e9, 2),
        "tetrahedron_scaled_jacobian": {part: round(value, 4) for part, value in jacobian.items()},
        "inverted": sum(figures["inverted"] for figures in labels.values()),
        "locked_percent": {value: round(figures["locked_percent"], 3) for value, figures in labels.items()},
        "more_parts_than_voxels": {value: figures["parts"] - figures["voxel_parts"]
                                   for value, figures in labels.items() if figures["parts"] > figures["voxel_parts"]},
        "mean_edge_mm": {value: round(figures["mean_edge_mm"], 3) for value, figures in labels.items()},
    }


def _tetra_aims(row: dict[str, object], case: Case) -> list[Aim]:
    jacobian = row["tetrahedron_scaled_jacobian"]
    aims = [
        # The floor of the mesher is 0.2; coordinates that are stored in other numbers may fall short by rounding.
        Aim("tetrahedra: smallest scaled Jacobian", jacobian["minimum"], 0.2, at_least=True),
        Aim("tetrahedra: mean scaled Jacobian", jacobian["mean"], 0.8, at_least=True),
        Aim("tetrahedra that are flat or turned inside out", row["inverted"], 0),
        Aim("tetrahedra locked on a wall's boundary in %", max(row["locked_percent"].values()), 0.5),
        Aim("structures that fell into pieces", len(row["more_parts_than_voxels"]), 0),
    ]
    if case.seconds is not None:
        aims.append(Aim("seconds", row["seconds"], case.seconds))
    if case.gb is not None:
        aims.append(Aim("peak memory in GB", row["peak_gb"], case.gb))
    return aims


if __name__ == "__main__":
    print(table(Benchmark(__file__, __doc__, CASES, SHARED).run(measure)))
