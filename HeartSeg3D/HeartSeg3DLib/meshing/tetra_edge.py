"""How long should the edges of tetrahedra be? Two across the thinnest wall, as far as memory and time allow."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .checking import LabelFacts, name_of, thinnest_wall
from .memory import VOLUME_EDGE_MM, edge_that_fits, expected_bytes, expected_tetrahedra

MOST_TETRAHEDRA = 6_500_000
"""More are made only where somebody asks for their edge: a whole heart of them takes two minutes and 2 GB."""

_ACROSS = 2.0
"""Edges across a wall: fewer leave no node between its two sides, and nothing can change on the way."""

_TOLERANCE = 0.02
"""Part of an edge by which a wall may fall short of two: thicknesses are not known better."""


def edge_for(labels: sitk.Image, facts: LabelFacts, asked_mm: float | None, available: int | None = None
             ) -> tuple[float, list[str]]:
    """Return the mean edge of tetrahedra in mm, and sentences about walls that it is too long for.

    Args:
        labels: 3-D label map.
        facts: What `check_labels` found in it.
        asked_mm: Edge that the user wants, which is kept; None takes 2 mm, and where a wall is thin half of it, but no
            more than `MOST_TETRAHEDRA` and than fit into memory.
        available: Free memory in bytes; None asks the system.
    """
    needed = thinnest_wall(facts) / _ACROSS
    if asked_mm is not None:
        return asked_mm, _warnings(labels, facts, asked_mm, needed)
    edge = VOLUME_EDGE_MM
    if needed < edge:
        by_number = edge * (expected_tetrahedra(labels, edge) / MOST_TETRAHEDRA) ** (1 / 3)
        by_memory = edge_that_fits(labels, min(needed, edge), available)
        edge = min(edge, _rounded_up(max(needed, by_number, by_memory)))
    sentences = _warnings(labels, facts, edge, needed)
    if edge < VOLUME_EDGE_MM:
        sentences.insert(0, f"Edges are {edge:g} mm long instead of {VOLUME_EDGE_MM:g} mm, because walls are thin.")
    return edge, sentences


def _warnings(labels: sitk.Image, facts: LabelFacts, edge_mm: float, needed_mm: float) -> list[str]:
    thin = {value: thickness for value, thickness in facts.wall_mm.items()
            if thickness < _ACROSS * edge_mm * (1 - _TOLERANCE)}
    if not thin:
        return []
    names = ", ".join(f"{name_of(value)} ({thickness:.1f} mm)" for value, thickness in thin.items())
    sentence = (f"Too thin for two edges of {edge_mm:.2g} mm across: {names}. The mesh keeps their volume, but what "
                "changes from one side of such a wall to the other, as stress or activation do, is not resolved.")
    if needed_mm < edge_mm * (1 - _TOLERANCE):
        finer = np.floor(100.0 * needed_mm) / 100.0
        sentence += (f" Edges of {finer:g} mm would do: about {expected_tetrahedra(labels, finer) / 1e6:.2g} million "
                     f"tetrahedra, and {expected_bytes(labels, finer) / 1e9:.2g} GB of memory to make them.")
    return [sentence]


def _rounded_up(edge_mm: float) -> float:
    return float(np.ceil(100.0 * edge_mm) / 100.0)
