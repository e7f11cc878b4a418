"""What a run changes of a label map before it is meshed is in the report, in numbers that hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial import cKDTree

from heart_of_balls import EDGE, SPACING, balls, save
from HeartSeg3DLib.api import MeshChoices, mesh_to_folder, meshing
from HeartSeg3DLib.meshing.mesh import SurfaceMesh


@pytest.fixture
def heart(tmp_path: Path) -> Path:
    return save(tmp_path / "patient.nrrd", balls())


def test_walls_grow_around_blood_pools(heart: Path, tmp_path: Path) -> None:
    meshed = mesh_to_folder(heart, tmp_path / "out", MeshChoices(walls_mm={4: 4.0}, formats=("vtp",), edge_mm=EDGE))
    assert meshed.report.labels[104]["volume_mm3"] > 0
    assert any("Left atrium wall" in sentence for sentence in meshed.warnings)
    figures = json.loads((tmp_path / "out" / "heart_report.json").read_text("utf-8"))
    assert figures["settings"]["Walls"] == "Left atrium wall 4 mm"
    measured = figures["changes"]["walls_mm"]["measured"]["104"]
    assert measured == pytest.approx(4.0, abs=SPACING / 4)
    assert isinstance(meshed.mesh, SurfaceMesh)
    centers = meshed.mesh.points[meshed.mesh.triangles].mean(axis=1)
    across, _ = cKDTree(centers[meshed.patches["LA_ENDO"]]).query(centers[meshed.patches["LA_EPI"]])
    assert np.median(across) == pytest.approx(measured, abs=SPACING / 4), "the mesh is as thick as the report says"
    walled = tmp_path / "walled.nrrd"
    sitk.WriteImage(meshed.labels, str(walled))
    again = mesh_to_folder(walled, tmp_path / "again", MeshChoices(walls_mm={4: 6.0}, formats=("vtp",), edge_mm=EDGE))
    assert "Left atrium wall: in the label map already, and kept as it is." in again.warnings
    figures = json.loads((tmp_path / "again" / "heart_report.json").read_text("utf-8"))
    assert figures["settings"]["Walls"] == "none grown"


@pytest.mark.parametrize(("part", "kind", "volume"), [("label_field", "samples", False),
                                                      ("cut_into_tetrahedra", "tetrahedra", True)])
def test_labels_that_were_changed_are_counted_in_report_and_warnings(
    heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, kind: str, volume: bool
) -> None:
    make = getattr(meshing, part)

    def changing(*arguments: object) -> object:
        return replace(make(*arguments), repaired=7, specks={4: 2})

    monkeypatch.setattr(meshing, part, changing)
    meshed = mesh_to_folder(heart, tmp_path / "out", MeshChoices(edge_mm=3.5, volume=volume, formats=("vtp",)))
    changes = json.loads((tmp_path / "out" / "heart_report.json").read_text("utf-8"))["changes"][kind]
    assert (changes["topology"], changes["specks"]) == (7, {"4": 2})
    one = "element" if volume else "sample"
    assert f"7 {one}s changed label so that surfaces do not touch themselves." in meshed.warnings
    assert any(said.startswith(f"Left atrium cavity: 2 {one}s that resampling cut off") for said in meshed.warnings)
