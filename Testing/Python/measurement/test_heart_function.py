"""Function of the ventricles: exact numbers from given curves, and clear words where there can be none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import HeartSegError, InputError, UsageError
from HeartSeg3DLib.measurement import HeartFunction, function_of_frames, heart_function, measure

LEFT = [120.0, 118.0, 100.0, 70.0, 48.0, 55.0, 75.0, 90.0, 105.0, 115.0]
RIGHT = [140.0, 138.0, 120.0, 92.0, 70.0, 78.0, 98.0, 110.0, 125.0, 136.0]
TIMES = [80.0 * number for number in range(10)]


def function(**changes: object) -> HeartFunction:
    arguments = {"volumes": {"LV": LEFT, "RV": RIGHT}, "times_ms": [None] * 10, **changes}
    return heart_function(arguments.pop("volumes"), arguments.pop("times_ms"), **arguments)


def test_volumes_at_end_diastole_and_end_systole_give_the_ejection_fraction() -> None:
    found = function()
    left, right = found.ventricles["LV"], found.ventricles["RV"]
    assert (found.ed_index, found.es_index, found.ed_by_hand, found.es_by_hand) == (0, 4, False, False)
    assert (left.edv_ml, left.esv_ml, left.stroke_volume_ml) == (120.0, 48.0, 72.0)
    assert left.ejection_fraction_percent == pytest.approx(60.0)
    assert right.ejection_fraction_percent == pytest.approx(50.0)
    assert left.cardiac_output_l_min is None
    assert left.indexed == {}
    assert found.curve == {"LV": tuple(LEFT), "RV": tuple(RIGHT)}
    assert found.warnings == ()


def test_phases_chosen_by_hand_hold_for_both_ventricles() -> None:
    found = function(end_diastole=1, end_systole=5)
    assert (found.ed_index, found.es_index, found.ed_by_hand, found.es_by_hand) == (1, 5, True, True)
    assert found.ventricles["LV"].stroke_volume_ml == pytest.approx(63.0)
    assert found.ventricles["RV"].stroke_volume_ml == pytest.approx(60.0)


def test_a_heart_rate_gives_the_cardiac_output_and_says_where_it_comes_from() -> None:
    given = function(heart_rate=75, heart_rate_source="from the DICOM header")
    assert given.ventricles["LV"].cardiac_output_l_min == pytest.approx(5.4)
    assert given.heart_rate_source == "from the DICOM header"
    timed = function(times_ms=TIMES)
    assert timed.heart_rate == pytest.approx(75.0)
    assert "times of the frames" in timed.heart_rate_source
    assert function(times_ms=TIMES, heart_rate=60).heart_rate == 60.0


@pytest.mark.parametrize("times", [
    [None, *TIMES[1:]], [1000.0 * n for n in range(10)], [0.0, *TIMES[2:], 2000.0], TIMES[::-1], [0.0] * 10])
def test_times_that_are_no_heartbeat_give_no_heart_rate(times: list[float | None]) -> None:
    assert function(times_ms=times).heart_rate is None


def test_few_frames_are_not_taken_for_a_whole_beat() -> None:
    assert heart_function({"LV": [120.0, 50.0]}, [0.0, 350.0]).heart_rate is None


def test_height_and_weight_index_volumes_mass_and_output() -> None:
    found = function(height_cm=180, weight_kg=80, heart_rate=75, myocardial_mass_g=[100.0] * 10)
    assert found.body_surface_area_m2 == pytest.approx(math.sqrt(180 * 80 / 3600))
    assert found.ventricles["LV"].indexed == pytest.approx(
        {"edv_ml_m2": 60.0, "esv_ml_m2": 24.0, "stroke_volume_ml_m2": 36.0, "cardiac_index_l_min_m2": 2.7})
    assert found.myocardial_mass_index_g_m2 == pytest.approx(50.0)
    assert found.to_json()["body_surface_area_source"] == "Mosteller 1987"


def test_one_of_height_and_weight_is_not_enough_and_says_so() -> None:
    found = function(height_cm=180)
    assert found.body_surface_area_m2 is None
    assert any("both height and weight" in sentence for sentence in found.warnings)


def test_rows_name_structure_quantity_and_unit() -> None:
    rows = {(row.structure, row.quantity): (row.value, row.unit)
            for row in function(heart_rate=75, myocardial_mass_g=[100.0] * 10).to_rows()}
    assert rows["LV", "Ejection fraction"] == (pytest.approx(60.0), "%")
    assert rows["RV", "Stroke volume"] == (pytest.approx(70.0), "mL")
    assert rows["MYO", "Myocardial mass"] == (100.0, "g")
    assert rows["", "Heart rate"] == (75.0, "1/min")
    assert ("", "Body surface area") not in rows


def test_json_holds_curves_and_phases() -> None:
    content = json.loads(json.dumps(function(times_ms=TIMES).to_json(), allow_nan=False))
    assert content["end_systole"] == {"frame": 4, "by_hand": False}
    assert content["ventricles"]["RV"]["volumes_ml"] == RIGHT
    assert content["times_ms"] == TIMES


@pytest.mark.parametrize(("changes", "said"), [
    ({"volumes": {"LV": LEFT, "RV": [volume - 40 for volume in LEFT[:4]] + [60.0] + RIGHT[5:]}}, "stroke volumes"),
    ({"myocardial_mass_g": [100.0] * 4 + [80.0] + [100.0] * 5}, "myocardial mass is 100 g at end-diastole and 80 g"),
    ({"volumes": {"LV": [*LEFT[:4], 4.0, *LEFT[5:]]}}, "ejection fraction of 97 %"),
    ({"volumes": {"LV": LEFT}}, "No right ventricle"),
    ({"volumes": {"LV": [*LEFT[:7], 20.0, *LEFT[8:]]}}, "jumps in frame 7"),
    ({"volumes": {"LV": [*LEFT[:7], 0.0, *LEFT[8:]]}}, "No left ventricle was found in frame 7"),
    ({"end_diastole": 4, "end_systole": 0}, "larger at end-systole (frame 0) than at end-diastole (frame 4)"),
    ({"volumes": {"LV": LEFT, "RV": RIGHT[-2:] + RIGHT[:-2]}}, "own largest and smallest volumes (frames 2 and 6)"),
    ({"cut": ["RV", "AO"]}, "border of the scan cuts Right ventricle cavity in"),
    ({"slice_distance_mm": 17.7}, "slices lie 18 mm apart (center to center), so the ejection fraction can be off"),
])
def test_what_is_implausible_raises_a_question(changes: dict[str, object], said: str) -> None:
    assert any(said in sentence for sentence in function(**changes).warnings), function(**changes).warnings


@pytest.mark.parametrize(("distance", "remark"), [
    (None, ""), (1.5, ""), (8.0, ""), (9.4, ""), (9.6, "uncertain: slices 10 mm apart"),
    (10.0, "uncertain: slices 10 mm apart")])
def test_an_ejection_fraction_from_slices_far_apart_is_never_alone(distance: float | None, remark: str) -> None:
    found = function(slice_distance_mm=distance)
    remarks = {row.quantity: row.remark for row in found.to_rows()}
    assert remarks.pop("Ejection fraction") == found.fraction_remark == remark
    assert set(remarks.values()) == {""}
    assert bool(found.warnings) == bool(remark)


def test_a_frame_without_a_left_ventricle_is_not_end_systole() -> None:
    assert function(volumes={"LV": [*LEFT[:7], 0.0, *LEFT[8:]], "RV": RIGHT}).es_index == 4


@pytest.mark.parametrize(("changes", "kind", "said"), [
    ({"volumes": {"LV": [100.0]}, "times_ms": [None]}, InputError, "at least two frames"),
    ({"volumes": {"RV": RIGHT}}, InputError, "No left ventricle"),
    ({"volumes": {"LV": [100.0] + [0.0] * 9}}, InputError, "No left ventricle"),
    ({"volumes": {"LV": LEFT[:4]}}, InputError, "one volume for each of the 10 frames"),
    ({"volumes": {"LV": [math.nan, *LEFT[1:]]}}, InputError, "one volume for each"),
    ({"myocardial_mass_g": [100.0]}, InputError, "series of MYO"),
    ({"heart_rate": 0}, UsageError, "heart rate of 0"),
    ({"heart_rate": -60}, UsageError, "heart rate of -60"),
    ({"heart_rate": 301}, UsageError, "heart rate of 301"),
    ({"heart_rate": math.nan}, UsageError, "heart rate of nan"),
    ({"height_cm": 1.8, "weight_kg": 80}, UsageError, "looks like meters"),
    ({"height_cm": 180, "weight_kg": 80000}, UsageError, "looks like grams"),
    ({"height_cm": 180, "weight_kg": -1}, UsageError, "weight of -1 kg"),
    ({"end_diastole": 10}, UsageError, "no frame 10 for end-diastole"),
    ({"end_systole": -1}, UsageError, "no frame -1 for end-systole"),
    ({"end_diastole": 4}, UsageError, "same frame, 4"),
])
def test_what_cannot_be_is_refused_with_a_remedy(changes: dict[str, object], kind: type[HeartSegError],
                                                 said: str) -> None:
    with pytest.raises(kind, match=said) as failure:
        function(**changes)
    assert failure.value.remedy


def test_the_distance_of_the_slices_is_that_of_the_label_map_along_whatever_axis() -> None:
    for spacing in ((1.4, 1.4, 10.0), (10.0, 1.4, 1.4)):
        frames = []
        for side in (12, 8):
            voxels = np.zeros((16, 16, 16), np.uint8)
            voxels[1:15, 1:15, 1:15] = 2
            voxels[2:2 + side, 2:2 + side, 2:2 + side] = 1
            labels = sitk.GetImageFromArray(voxels)
            labels.SetSpacing(spacing)
            frames.append(measure(labels))
        found = function_of_frames(frames, [None, None])
        assert found.slice_distance_mm == 10.0
        assert found.to_json()["slice_distance_mm"] == 10.0
        assert "10 mm apart" in found.warnings[0]


def test_measured_frames_give_volumes_mass_and_what_the_border_cuts() -> None:
    frames = []
    for side in (12, 8):
        voxels = np.zeros((24, 24, 24), np.uint8)
        voxels[4:20, 4:20, 4:20] = 2
        voxels[6:6 + side, 6:6 + side, 6:6 + side] = 1
        voxels[6:6 + side, 20:24, 6:20] = 3
        frames.append(measure(sitk.GetImageFromArray(voxels)))
    found = function_of_frames(frames, [None, None])
    assert found.ventricles["LV"].ejection_fraction_percent == pytest.approx(100 * (1 - 8**3 / 12**3))
    assert found.ventricles["RV"].edv_ml == pytest.approx(12 * 4 * 14 / 1000)
    assert found.myocardial_mass_g == pytest.approx((16**3 - 12**3) / 1000 * 1.05)
    assert any("Right ventricle cavity" in sentence for sentence in found.warnings)
    assert not any("Left ventricle cavity" in sentence for sentence in found.warnings)
