"""The formats of `format_table` with their writers, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError
from .abaqus import write_abaqus
from .content import MeshContent
from .format_table import FORMAT_TABLE, FormatFacts
from .gmsh22 import write_gmsh22
from .gmsh41 import write_gmsh41
from .label_volume import write_label_volume
from .legacy_vtk import write_legacy_vtk
from .obj import write_obj
from .opencarp import write_opencarp
from .ply import write_ply
from .stl import write_stl
from .svmultiphysics import write_svmultiphysics
from .vtp import write_vtp
from .vtu import write_vtu
from .xdmf import write_xdmf

Writer = Callable[[MeshContent, Path], dict[str, Any]]
"""Writes the content to a path that does not exist yet and returns what the sidecar should say about it."""


@dataclass(frozen=True)
class Format:
    """A format with its writer, which is given the first of its entries."""

    facts: FormatFacts
    write: Writer

    @property
    def name(self) -> str:
        """Name on the command line."""
        return self.facts.name

    @property
    def needs(self) -> str:
        """What it is written from: `SURFACE`, `VOLUME` or `LABELS`."""
        return self.facts.needs

    @property
    def fibers(self) -> bool:
        """Whether the directions of fibers are written, too."""
        return self.facts.fibers

    def entries_for(self, stem: str) -> tuple[str, ...]:
        """Return names of files and folders for a mesh's name."""
        return self.facts.entries_for(stem)


_WRITERS: dict[str, Writer] = {
    "stl": write_stl, "ply": write_ply, "obj": write_obj, "vtp": write_vtp, "vtu": write_vtu, "vtk": write_legacy_vtk,
    "gmsh22": write_gmsh22, "gmsh41": write_gmsh41, "xdmf": write_xdmf, "opencarp": write_opencarp,
    "svmultiphysics": write_svmultiphysics, "abaqus": write_abaqus, "pycemrg": write_label_volume,
}

FORMATS: dict[str, Format] = {facts.name: Format(facts, _WRITERS[facts.name]) for facts in FORMAT_TABLE}


def formats_of(names: Iterable[str]) -> tuple[Format, ...]:
    """Return the formats of these names in their order, each once.

    Raises:
        UsageError: There is none, or a name is unknown.
    """
    wanted = tuple(dict.fromkeys(name.strip().lower() for name in names))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise UsageError(
            f"The mesh format {unknown[0]} is unknown." if unknown else "No mesh format was named.",
            f"Use one or more of {', '.join(FORMATS)}.",
        )
    return tuple(FORMATS[name] for name in wanted)
