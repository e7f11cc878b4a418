"""Surface meshes of an analytic heart in seven kinds of label maps, and of two real hearts with and without walls.

    python Testing/Benchmarks/mesh_surfaces.py [NAME ...] [--again]

Each mesh is made as `heartseg mesh` makes it at its default, three times, and examined by the package's checks, which
share nothing with what made it. Distances are taken from the true surfaces, see `mesh_distances.py`. Real hearts are
measured where ../shared/data lies beside the clone. Stores results/mesh_surfaces.json, aims and verdicts beside the
figures; a case that was measured with the same code is left as it is. Measure times on an idle machine.
"""

from __future__ import annotations

from mesh_cases import LABEL_MAPS, THIN_MM, true_surfaces, true_volumes_mm3
from mesh_making import common_aims, figures_of, make, table
from mesh_runs import Aim, Benchmark, judged

from HeartSeg3DLib.api.meshing import EDGE_OF_PITCH, MeshChoices

SHARED = ("mesh_making", "mesh_cases", "mesh_distances")
CASES = {name: label_map for name, label_map in LABEL_MAPS.items() if label_map.present and "myocardium" not in name}
RUNS = 3
SECONDS = 5.0
THIN_PERCENT, MYO = 3.0, 2


def measure(name: str) -> dict[str, object]:
    """Return the figures and aims of one label map's surfaces."""
    made = make(name, MeshChoices(), RUNS)
    row = figures_of(made, name)
    pitch = made.heart.edge_mm / EDGE_OF_PITCH
    aims = common_aims(row, made, pitch)
    if "1 mm" in name or LABEL_MAPS[name].prior:
        aims.append(Aim("seconds for a whole heart at 1 mm", row["seconds"], SECONDS))
    if LABEL_MAPS[name].wall_mm == THIN_MM:
        row["wall_against_exact_percent"] = against_exact(made.heart.report.labels[MYO]["volume_mm3"], name)
        aims.append(Aim("volume error of the wall of 1.2 mm in %", abs(row["volume_error_percent"][MYO]),
                        THIN_PERCENT))
    return {**row, "pitch_mm": round(pitch, 3), "aims": judged(aims)}


def against_exact(volume_mm3: float, name: str) -> float:
    """Return how much larger a myocardium is than the formulas', in %."""
    return round(100.0 * (volume_mm3 / true_volumes_mm3(true_surfaces(name))[MYO] - 1.0), 2)


if __name__ == "__main__":
    print(table(Benchmark(__file__, __doc__, CASES, SHARED).run(measure)))
