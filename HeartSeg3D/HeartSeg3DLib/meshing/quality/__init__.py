"""Independent checks of finished meshes: none of the code that makes a mesh is used to judge it."""

from .check import check_surfaces, check_tetrahedra, patch_figures
from .report import Check, MeshReport

__all__ = ["Check", "MeshReport", "check_surfaces", "check_tetrahedra", "patch_figures"]
