from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib import api
from HeartSeg3DLib.errors import InputError, UsageError


def label_map(value: int = 1, side: int = 4) -> sitk.Image:
    voxels = np.zeros((10, 10, 10), np.uint8)
    voxels[2:2 + side, 2:2 + side, 2:2 + side] = value
    return sitk.GetImageFromArray(voxels)


@pytest.fixture
def heart(tmp_path: Path) -> Path:
    sitk.WriteImage(label_map(), str(tmp_path / "heart.nii.gz"))
    return tmp_path / "heart.nii.gz"


def test_a_label_map_in_memory_or_in_a_file_gives_the_same_numbers(heart: Path) -> None:
    assert api.measure(label_map())[0]["LV"].volume_ml == pytest.approx(0.064)
    assert api.measure(heart)[0].rows == api.measure(label_map())[0].rows


def test_each_frame_of_a_cine_is_measured(tmp_path: Path) -> None:
    joined = sitk.JoinSeries([label_map(side=side) for side in (3, 4)])
    sitk.WriteImage(joined, str(tmp_path / "cine.nii.gz"))
    found = api.measure(tmp_path / "cine.nii.gz")
    assert [item["LV"].volume_ml for item in found] == pytest.approx([0.027, 0.064])
    assert [str(item.source)[-7:] for item in found] == ["frame 0", "frame 1"]


def test_foreign_values_are_read_through_their_scheme(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.Cast(label_map(1), sitk.sitkUInt16) * 500, str(tmp_path / "mmwhs.nii.gz"))
    assert api.measure(tmp_path / "mmwhs.nii.gz", scheme="mmwhs")[0]["LV"].voxels == 64
    with pytest.raises(InputError, match="without a known meaning"):
        api.measure(tmp_path / "mmwhs.nii.gz")


def test_tables_of_several_label_maps_are_one_file(tmp_path: Path, heart: Path) -> None:
    api.measure_to_file([heart, heart], tmp_path / "volumes.json")
    content = json.loads((tmp_path / "volumes.json").read_text())
    assert [item["source"] for item in content["label_maps"]] == [str(heart), str(heart)]


def test_one_unreadable_label_map_and_no_table_is_written(tmp_path: Path, heart: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.nii\.gz"):
        api.measure_to_file([heart, tmp_path / "missing.nii.gz"], tmp_path / "volumes.csv")
    assert not (tmp_path / "volumes.csv").exists()


def test_a_message_says_the_name_of_its_file_once(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 300, (10, 10, 10)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(tmp_path / "scan.nii.gz"))
    with pytest.raises(InputError, match=r"^scan\.nii\.gz is a scan, not a label map\.") as caught:
        api.measure(tmp_path / "scan.nii.gz")
    assert caught.value.message.count("scan.nii.gz") == 1


@pytest.mark.parametrize(("table", "said"), [
    ("volumes.txt", "no known ending"), ("missing/volumes.csv", "does not exist"), ("old.csv", "exists already")])
def test_the_table_is_checked_before_anything_is_read(tmp_path: Path, table: str, said: str) -> None:
    (tmp_path / "old.csv").touch()
    with pytest.raises(UsageError, match=said):
        api.measure_to_file([tmp_path / "never_read.nii.gz"], tmp_path / table)


def test_segmenting_and_measuring_do_not_wait_for_the_mesher_to_load() -> None:
    code = ("import sys; from HeartSeg3DLib import api; "
            "assert not {'vtkmodules', 'torch'} & set(sys.modules); api.MeshChoices")
    subprocess.run([sys.executable, "-c", code], check=True)
