"""Independent checks of finished meshes: none of the code that makes a mesh is used to judge it."""

from .check import PIECES, check_surfaces, check_tetrahedra, patch_figures
from .report import Check, MeshReport

__all__ = ["PIECES", "Check", "MeshReport", "check_surfaces", "check_tetrahedra", "patch_figures"]
