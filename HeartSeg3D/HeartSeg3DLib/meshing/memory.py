"""Estimates the memory that tetrahedra take before they are made."""

from __future__ import annotations

import os

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import DeviceError
from .container_memory import free_in_container
from .lattice import MEAN_EDGE

VOLUME_EDGE_MM = 2.0
"""Mean edge of tetrahedra where nobody asks for another."""

_BYTES_PER_TETRAHEDRON = 350
"""At the peak. Measured are 200 to 300 in all, see Testing/Benchmarks/mesh_tetrahedra.py; in thin walls, where more of
them are split, up to 800, of which the lattice below bears its part."""

_BYTES_PER_CELL = 200
"""Of the lattice over the structures' box."""

_BYTES_PER_VOXEL = 8
"""Of the structures' box, for their smooth shares: 7 measured on voxels of 0.4 mm."""

USABLE = 0.8
"""Part of the free memory that is taken; the rest is left to other programs."""

_COARSER = 1.02
"""Factor between edges that are tried until one fits."""

_LONGEST_MM = 20.0
"""Edges that no heart is cut with."""


def expected_tetrahedra(labels: sitk.Image, edge_mm: float) -> int:
    """Return about how many tetrahedra of a mean edge the structures of a label map are cut into."""
    volume = np.count_nonzero(sitk.GetArrayViewFromImage(labels)) * float(np.prod(labels.GetSpacing()))
    return tetrahedra_in(volume, edge_mm)


def tetrahedra_in(volume_mm3: float, edge_mm: float) -> int:
    """Return about how many tetrahedra of a mean edge fill a volume."""
    return int(12 * volume_mm3 / (edge_mm / MEAN_EDGE) ** 3)


def expected_bytes(labels: sitk.Image, edge_mm: float) -> int:
    """Return about how much memory it takes to make tetrahedra of a mean edge.

    Args:
        labels: 3-D label map.
        edge_mm: Mean edge in mm.
    """
    size = _box(sitk.GetArrayViewFromImage(labels))
    cells = float(np.prod(size * labels.GetSpacing()[::-1] / (edge_mm / MEAN_EDGE) + 6))
    return int(expected_tetrahedra(labels, edge_mm) * _BYTES_PER_TETRAHEDRON + cells * _BYTES_PER_CELL
               + float(np.prod(size)) * _BYTES_PER_VOXEL)


def edge_that_fits(labels: sitk.Image, edge_mm: float, available: int | None = None) -> float:
    """Return this edge in mm if its tetrahedra fit into memory, else the shortest one that does, about.

    Args:
        labels: 3-D label map.
        edge_mm: Mean edge in mm.
        available: Free memory in bytes; None asks the system, and takes any edge where it does not say.
    """
    free = free_memory() if available is None else available
    if free is None or expected_bytes(labels, edge_mm) <= USABLE * free:
        return edge_mm
    while expected_bytes(labels, edge_mm) > USABLE * free and edge_mm < _LONGEST_MM:
        edge_mm *= _COARSER
    return edge_mm


def check_memory(labels: sitk.Image, edge_mm: float, available: int | None = None) -> None:
    """Make sure that tetrahedra fit into memory before any are made.

    Args:
        labels: 3-D label map.
        edge_mm: Mean edge in mm.
        available: Free memory in bytes; None asks the system, and checks nothing where it does not say.

    Raises:
        DeviceError: They do not fit; the remedy says which edge would.
    """
    free = free_memory() if available is None else available
    if free is None:
        return
    needed = expected_bytes(labels, edge_mm)
    if needed <= USABLE * free:
        return
    fitting = np.ceil(10 * edge_that_fits(labels, edge_mm, free)) / 10
    raise DeviceError(
        f"Tetrahedra with edges of {edge_mm:g} mm would take {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are "
        "free.",
        f"Choose an edge of {fitting:.1f} mm or more, or mesh fewer structures." if fitting < _LONGEST_MM
        else "Close other programs, or mesh fewer structures.",
    )


def _box(voxels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the size (3,) of the structures' box in voxels."""
    filled = [np.flatnonzero(voxels.any(axis=tuple(other for other in range(3) if other != axis))) for axis in range(3)]
    return np.array([each[-1] - each[0] + 1 if len(each) else 0 for each in filled])


def free_memory() -> int | None:
    """Return the bytes that this program can still take, where the system says so."""
    known = [free for free in (_free_on_machine(), free_in_container()) if free is not None]
    return min(known, default=None)


def _free_on_machine() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None
