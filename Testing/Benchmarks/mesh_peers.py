"""HeartSeg's meshes beside those of 3D Slicer, TetGen, Gmsh and fTetWild: time, defects, volumes and quality.

    python Testing/Benchmarks/mesh_peers.py ["HEART: PROGRAM" ...] [--again]

Each program runs in its own process, one at a time, for at most 10 minutes, on the analytic heart at 1 mm and on two
real hearts where ../shared/data lies beside the clone; `mesh_peer_tools.py` says how each is called. HeartSeg runs as
its command line does. All are judged by PyVista and MeshLab, see `mesh_referee.py`. A program that is missing, breaks
or takes too long has a row that says so. Stores results/mesh_peers.json and prints a table; a row that was measured
with the same code is left as it is. The programs come with the extra `benchmark`. Measure times on an idle machine.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

import SimpleITK as sitk
from mesh_cases import LABEL_MAPS
from mesh_peer_tools import EDGE_MM, PEERS
from mesh_runs import Benchmark, Row, command_line, not_installed, run_alone

SHARED = ("mesh_peer_tools", "mesh_referee", "mesh_cases")
HEARTS = [name for name in ("1 mm", "healthy heart", "heart with atrial fibrillation") if LABEL_MAPS[name].present]
SURFACES, TETRAHEDRA = "HeartSeg, surfaces", "HeartSeg, tetrahedra"
OURS = {SURFACES: ("vtp",), TETRAHEDRA: ("vtu", "--volume", "--edge", f"{EDGE_MM:g}")}
LIMIT_S = 600.0
MADE = "Naming surfaces"
"""The stage that begins when HeartSeg's mesh is made."""

DEFECTS = ("open_edges", "non_manifold_edges", "non_manifold_vertices", "inconsistent_edges", "intersecting_triangles")


@dataclass(frozen=True)
class Case:
    """A heart and a program."""

    heart: str
    program: str


CASES = {f"{heart}: {program}": Case(heart, program) for heart in HEARTS for program in (*OURS, *PEERS)}


class Comparison:
    """Runs programs on hearts; what they share, label maps and walls, is made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._labels = cache(self._write_labels)
        self._walls = cache(self._make_walls)

    def measure(self, name: str) -> Row:
        """Return one row: what the program took, and how its mesh was judged."""
        case = CASES[name]
        return self._ours(case) if case.program in OURS else self._peer(case)

    def _ours(self, case: Case) -> Row:
        form, *options = OURS[case.program]
        row, mesh = self._heartseg(case, form, *options)
        return row if mesh is None else row | self._judged(mesh, case.heart)

    def _peer(self, case: Case) -> Row:
        package, _ = PEERS[case.program]
        if missing := not_installed(package):
            return {"not_measured": missing}
        walls = self._labels(case.heart) if "slicer" in package else self._walls(case.heart)
        if walls is None:
            return {"not_measured": "there are no walls of HeartSeg to start from"}
        out = self._folder / "peer.npz"
        row = run_alone(["mesh_peer_tools.py", case.program, str(self._labels(case.heart)), str(walls), str(out)],
                        LIMIT_S)
        return row if "not_measured" in row else row | self._judged(out, case.heart)

    def _heartseg(self, case: Case, form: str, *options: str) -> tuple[Row, Path | None]:
        """Run the command line and return its time and verdict, and the mesh that it wrote."""
        out = Path(tempfile.mkdtemp(dir=self._folder))
        row = run_alone(command_line("mesh", str(self._labels(case.heart)), "-o", str(out), "--formats", form, *options,
                                     "--keep-largest", "--accept-failed", "--json", "--quiet"), LIMIT_S)
        if "not_measured" in row:
            return row, None
        making = takewhile(lambda stage: stage[0] != MADE, row["seconds"].items())
        facts: Row = {"seconds": round(sum(seconds for _, seconds in making), 2),
                      "fit_for_use": row["quality"]["fit_for_use"], "process_s": row["process_s"],
                      "process_peak_gb": row["process_peak_gb"]}
        return facts, next(out.glob(f"*.{form}"))

    def _judged(self, mesh: Path, heart: str) -> Row:
        row = run_alone(["mesh_referee.py", str(mesh), str(self._labels(heart))], LIMIT_S)
        if "not_measured" in row:
            return {"not_judged": row["not_measured"]}
        return {key: value for key, value in row.items() if not key.startswith("process")}

    def _write_labels(self, heart: str) -> Path:
        path = self._folder / f"{heart}.nrrd"
        sitk.WriteImage(LABEL_MAPS[heart].image(), str(path))
        return path

    def _make_walls(self, heart: str) -> Path | None:
        return self._heartseg(Case(heart, SURFACES), "vtp", "--edge", f"{EDGE_MM:g}")[1]


def table(rows: dict[str, Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = ["| heart | program | s | open / non-manifold edges / vertices / turned / cutting | volume error % "
             "| scaled Jacobian min, mean | tetrahedra, below 0.2 |", "|---|---|---|---|---|---|---|"]
    for name, row in rows.items():
        case = CASES[name]
        start = f"| {case.heart} | {case.program} |"
        if reason := row.get("not_measured") or row.get("not_judged"):
            lines.append(f"{start} - | {reason} | | | |")
            continue
        errors = row["volume_error_percent"].values()
        shape = row.get("tetrahedron_scaled_jacobian", row["triangle_scaled_jacobian"])
        cells = f"{row['tetrahedra']}, {row['poor_tetrahedra']}" if "tetrahedra" in row else ""
        lines.append(f"{start} {row['seconds']:.1f} | {' / '.join(str(row[defect]) for defect in DEFECTS)} "
                     f"| {min(errors):+.2f} to {max(errors):+.2f} | {shape['minimum']:.3f}, {shape['mean']:.2f} "
                     f"| {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    benchmark = Benchmark(__file__, __doc__, CASES, SHARED)
    with tempfile.TemporaryDirectory() as folder:
        print(table(benchmark.run_all(Comparison(Path(folder)).measure)))
