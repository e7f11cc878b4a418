"""Do the files of a mesh agree on its fibers? Nothing of HeartSeg is used.

Gmsh's fields lie in a file of their own that meshio cannot read without its mesh; they are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import meshio
import numpy as np
import pyvista as pv
from numpy.typing import NDArray

ROUNDING = 1e-5
"""Of unit vectors that are written as text."""

Expect = Callable[[str, bool, object], None]


def check_fibers(folder: Path, stem: str, sidecar: dict, expect: Expect) -> None:
    """Fibers and sheets are unit vectors at right angles, as many as the sidecar says, the same in every format."""
    cells = meshio.read(folder / f"{stem}.vtu").cell_data
    fibers, sheets = (np.asarray(cells[name][0], np.float64) for name in ("fiber", "sheet"))
    lengths = np.linalg.norm(fibers, axis=1)
    there = lengths > 0.0
    expect("fibers: as many elements as in the sidecar", there.sum() == sidecar["fibers"]["elements_with_fibers"],
           there.sum())
    for name, vectors in (("fibers", fibers), ("sheets", sheets)):
        off = np.abs(np.linalg.norm(vectors[there], axis=1) - 1.0).max()
        expect(f"{name}: unit vectors", off < ROUNDING, off)
    across = np.abs(np.einsum("ij,ij->i", fibers[there], sheets[there])).max()
    expect("fibers: at right angles to sheets", across < ROUNDING, across)
    for name, (fiber, sheet) in _others(folder, stem, set(sidecar["formats"]), len(fibers)).items():
        off = max(np.abs(fiber[there] - fibers[there]).max(), np.abs(sheet[there] - sheets[there]).max())
        expect(f"fibers: {name} as in vtu", off < ROUNDING, off)


def _others(
    folder: Path, stem: str, formats: set[str], count: int
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return fibers and sheets of the `count` elements by format; all formats keep the order of the elements."""
    found = {}
    for name in {"vtk", "xdmf"} & formats:
        cells = meshio.read(folder / f"{stem}.{name}").cell_data
        found[name] = cells["fiber"][0], cells["sheet"][0]
    if "opencarp" in formats:
        rows = np.loadtxt(folder / f"{stem}_opencarp" / f"{stem}.lon", skiprows=1)
        found["opencarp"] = rows[:, :3], rows[:, 3:]
    if "svmultiphysics" in formats:
        long, sheet = np.zeros((count, 3)), np.zeros((count, 3))
        for file in (folder / f"{stem}_svmultiphysics").rglob("FibersLong.vtu"):
            for directions, path in ((long, file), (sheet, file.with_name("FibersSheet.vtu"))):
                cells = pv.read(path).cell_data
                directions[np.asarray(cells["CommonElementID"]) - 1] = cells["FIB_DIR"]
        found["svmultiphysics"] = long, sheet
    return found
