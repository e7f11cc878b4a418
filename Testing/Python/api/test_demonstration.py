from __future__ import annotations

from pathlib import Path

import pytest
import SimpleITK as sitk

from HeartSeg3DLib import api
from HeartSeg3DLib.errors import CancelledError, UsageError
from random_models import ct_like, same_grid

FILES = ["heart.nii.gz", "heart.png", "heart.seg.nrrd", "volumes.csv"]


@pytest.fixture
def sample(user_data: Path) -> Path:
    """A small scan in the place of the embedded one."""
    path = user_data / "Resources" / "Samples" / "chest_ct_generated.nii.gz"
    path.parent.mkdir(parents=True)
    sitk.WriteImage(ct_like(), str(path))
    return path


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture costs seconds; one test draws it."""
    monkeypatch.setattr("HeartSeg3DLib.api.demonstration._draw", lambda image, labels, path: path.touch())


def test_the_sample_goes_through_the_whole_path(tmp_path: Path, sample: Path) -> None:
    done = api.demo(tmp_path / "demo")
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == FILES
    assert same_grid(sitk.ReadImage(str(done.label_map)), ct_like())
    assert done.picture.read_bytes()[:4] == b"\x89PNG"
    assert "for research, not a medical device" in done.table.read_text()
    assert done.table.read_text().count("\n") == 8
    assert b"~SCT^" in done.segmentation.read_bytes()


@pytest.mark.usefixtures("sample", "no_drawing")
def test_nothing_is_replaced_without_force(tmp_path: Path) -> None:
    (tmp_path / "volumes.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"volumes\.csv exists already"):
        api.demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["volumes.csv"]
    api.demo(tmp_path, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert "LV" in (tmp_path / "volumes.csv").read_text()


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize("last_stage", ["Reading the sample", "Measuring and drawing"])
def test_cancelling_leaves_nothing(tmp_path: Path, no_drawing: None, last_stage: str) -> None:
    stages: list[str] = []
    with pytest.raises(CancelledError):
        api.demo(tmp_path / "demo", progress=lambda fraction, stage: stages.append(stage),
                 cancelled=lambda: last_stage in stages)
    assert list(tmp_path.iterdir()) == []


def test_a_taken_folder_name_gets_a_number(tmp_path: Path) -> None:
    assert api.free_folder(tmp_path / "demo") == tmp_path / "demo"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").touch()
    assert api.free_folder(tmp_path / "demo") == tmp_path / "demo-3"
