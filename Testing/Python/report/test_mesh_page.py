"""The page about a mesh tells what its named surfaces are."""

from __future__ import annotations

from HeartSeg3DLib.meshing.patch_names import RIM
from HeartSeg3DLib.report.mesh_page import surface_fact


def test_a_surface_is_explained_where_its_name_is_known() -> None:
    assert surface_fact("AO_RIM_2", 12).endswith(f"12 triangles; {RIM.meaning}")
    assert surface_fact("lid", 12) == "12 triangles"
