"""What one mesh is asked for, and what is known of it before the start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.meshing.export.earlier import earlier_places
from HeartSeg3DLib.meshing.export.format_table import format_names
from HeartSeg3DLib.meshing.export.presets import PRESETS, preset_of, stem_of
from HeartSeg3DLib.meshing.memory import VOLUME_EDGE_MM, tetrahedra_in
from HeartSeg3DLib.meshing.walls import WALL_MM
from HeartSeg3DLib.scene.text import _

SURFACES, TETRAHEDRA = "surfaces", "tetrahedra"
PRESET_NAMES = (*PRESETS, SURFACES, TETRAHEDRA)
FORMATS = {SURFACES: format_names(volume=False), TETRAHEDRA: format_names(volume=True)}
"""What can be written without a preset; the first two are, where nobody names others."""

FRAMES = ("lps", "ras")
PIECES = {"ask": "ask", "all": "keep all", "largest": "keep largest"}
"""What becomes of a structure in several large pieces, and what the mesher calls it."""

WALLS_MM = {STRUCTURES[cavity].id: wall for cavity, wall in WALL_MM.items()}
"""Usual thickness of the walls around blood pools by the cavity's id."""

USUAL_FIBERS = (60.0, -60.0)
"""Angles in degrees at endocardium and epicardium, which presets for simulators lay by themselves."""

_BYTES_PER_TETRAHEDRON = 450
"""With its share of the lattice, which the mesher counts by itself before it begins."""


@dataclass(frozen=True)
class MeshSettings:
    """How to mesh a segmentation.

    Attributes:
        preset: A simulator's preset, or `surfaces` or `tetrahedra` with formats of one's own.
        edge_mm: Mean edge; None for what suits the preset.
        walls: Walls to grow around blood pools: True for the usual ones, or thickness in mm by the cavity's id.
        fibers: Angles in degrees at endocardium and epicardium; None leaves fibers to the preset.
        formats: Names of formats in place of the preset's own.
        frame: `lps` or `ras`.
        pieces: What becomes of a structure in several large pieces: `ask` refuses, `all` or `largest` keeps these.
        accept_failed: Write a mesh that failed its own check, under a name that says so, without being asked.
        force: Whether a mesh that is in the folder already may be replaced.

    Raises:
        UsageError: A choice does not exist.
    """

    preset: str = SURFACES
    edge_mm: float | None = None
    walls: bool | Mapping[str, float] = False
    fibers: tuple[float, float] | None = None
    formats: tuple[str, ...] = field(default=())
    frame: str = "lps"
    pieces: str = "ask"
    accept_failed: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        choices: tuple[tuple[str, str, Any], ...] = (
            (_("preset"), self.preset, PRESET_NAMES), (_("frame"), self.frame, FRAMES),
            (_("choice for pieces"), self.pieces, PIECES), *((_("cavity with a wall"), id, WALLS_MM) for id in
                                                             self.walls_mm))
        for name, value, allowed in choices:
            if value not in allowed:
                raise UsageError(_("'{value}' is not a {name}.").format(value=value, name=name),
                                 _("Choose one of {choices}.").format(choices=", ".join(allowed)))
        if self.fibers is not None and not self.with_tetrahedra:
            raise UsageError(_("Fibers need tetrahedra, and this preset makes surfaces."),
                             _("Choose another preset, or leave fibers out."))

    @property
    def with_tetrahedra(self) -> bool:
        """Whether the mesh is made of tetrahedra."""
        return self.preset == TETRAHEDRA or (self.preset in PRESETS and preset_of(self.preset).volume)

    @property
    def tissue_alone(self) -> bool:
        """Whether the preset writes muscle and walls and no blood."""
        return self.preset in PRESETS and preset_of(self.preset).labels is not None

    @property
    def lays_fibers(self) -> bool:
        """Whether the preset lays fibers by itself wherever the segmentation has what the rule needs."""
        return self.preset in PRESETS and preset_of(self.preset).fibers

    @property
    def walls_mm(self) -> dict[str, float]:
        """Thickness by the cavity's id; empty without walls."""
        if isinstance(self.walls, Mapping):
            return dict(self.walls)
        return dict(WALLS_MM) if self.walls else {}

    def request(self) -> dict[str, Any]:
        """Return what the child process is told."""
        return {
            "preset": self.preset if self.preset in PRESETS else None, "volume": self.with_tetrahedra,
            "edge_mm": self.edge_mm, "walls_mm": {str(BY_ID[id].value): wall for id, wall in self.walls_mm.items()},
            "fibers": list(self.fibers) if self.fibers is not None else None, "formats": list(self.formats),
            "frame": self.frame, "pieces": PIECES[self.pieces], "accept_failed": self.accept_failed,
            "force": self.force,
        }


def existing_mesh(folder: Path, settings: MeshSettings) -> list[str]:
    """Return the names in a folder that a mesh, or one that fails its check and is accepted, would replace or remove.

    Raises:
        UsageError: A format does not exist.
    """
    from HeartSeg3DLib.api.mesh_choices import MeshChoices  # brings the writers of all formats

    choices = MeshChoices(volume=settings.with_tetrahedra, formats=settings.formats,
                          preset=settings.preset if settings.preset in PRESETS else None)
    places = {place for fit in (True, False) for place in choices.places(folder, fit_for_use=fit)}
    there = {place for place in places if os.path.lexists(place)}
    if there:  # nothing of an earlier mesh is removed where nothing is replaced
        there |= set(earlier_places(folder, stem_of(choices.preset)))
    return sorted({place.relative_to(folder).as_posix() for place in there})


@dataclass(frozen=True)
class MeshSize:
    """What to expect of a mesh.

    Attributes:
        tetrahedra: About how many are made.
        gigabytes: Memory that they take on the way.
        more_than_written: Whether those of cavities are made, too, of which the preset writes none.
    """

    tetrahedra: int
    gigabytes: float
    more_than_written: bool


def expected_size(volume_ml: float, settings: MeshSettings) -> MeshSize | None:
    """Return what to expect of tetrahedra of structures with this volume; None of surfaces, which are small."""
    if not settings.with_tetrahedra:
        return None
    count = tetrahedra_in(1000.0 * volume_ml, settings.edge_mm or VOLUME_EDGE_MM)
    return MeshSize(count, count * _BYTES_PER_TETRAHEDRON / 1e9, settings.tissue_alone)
