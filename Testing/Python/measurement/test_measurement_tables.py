"""The written tables: units, note, and nothing half-written."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.measurement import measure, write_measurements


@pytest.fixture
def measurements():
    array = np.zeros((12, 12, 12), dtype=np.uint8)
    array[1:5, 1:5, 1:5] = 1
    array[6:10, 6:10, 6:10] = 6
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((2.0, 2.0, 2.0))
    return measure(image, source="heart.nii.gz")


def test_csv_has_units_source_and_note(measurements, tmp_path):
    path = measurements.to_csv(tmp_path / "volumes.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["structure"] for row in rows] == ["LV", "MYO", "RV", "LA", "RA", "AO", "PA"]
    assert float(rows[0]["volume_mL"]) == pytest.approx(0.512)
    assert rows[0]["mass_g"] == ""
    assert float(rows[1]["mass_g"]) == 0.0
    assert 8.0 <= float(rows[5]["inscribed_diameter_mm"]) <= 10.0
    assert {row["source"] for row in rows} == {"heart.nii.gz"}
    assert {row["note"] for row in rows} == {"for research, not a medical device"}


def test_json_says_the_same(measurements, tmp_path):
    content = json.loads(measurements.to_json(tmp_path / "volumes.json").read_text())
    assert content["note"] == "for research, not a medical device"
    (map_,) = content["label_maps"]
    assert map_["voxel_volume_mm3"] == pytest.approx(8.0)
    assert map_["structures"][0]["volume_mL"] == pytest.approx(0.512)
    assert map_["structures"][0]["mass_g"] is None


def test_several_maps_share_one_table(measurements, tmp_path):
    path = write_measurements(tmp_path / "all.csv", [measurements, measurements])
    assert len(path.read_text().splitlines()) == 15


def test_another_suffix_is_refused(measurements, tmp_path):
    with pytest.raises(UsageError, match="xlsx"):
        write_measurements(tmp_path / "all.xlsx", [measurements])


def test_a_failed_write_leaves_nothing(measurements, tmp_path):
    with pytest.raises(UsageError, match="could not be written"):
        measurements.to_csv(tmp_path / "missing" / "volumes.csv")
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(UsageError, match="could not be written"):
        measurements.to_csv(tmp_path / "taken.csv")
    assert [item.name for item in tmp_path.iterdir()] == ["taken.csv"]
