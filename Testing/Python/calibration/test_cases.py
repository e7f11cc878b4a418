"""Faults change images as they say, and cases are kept and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from HeartSeg3DLib.errors import CancelledError, UsageError
from HeartSegTrainingLib.calibration import CalibrationRequest, calibrate
from HeartSegTrainingLib.calibration import calibrate as calibrate_function
from HeartSegTrainingLib.calibration import cases as kept
from HeartSegTrainingLib.calibration.calibrate import CLEAN_EVERY, check_request, make_cases
from HeartSegTrainingLib.calibration.cases import Plan, existing_cases, load_case, save_case
from HeartSegTrainingLib.calibration.shifts import SHIFTS, Shifted
from invented_cases import a_case

PLAN = Plan(5, CLEAN_EVERY, tuple(SHIFTS), ("a" * 64,))


@pytest.fixture
def scan() -> Shifted:
    labels = np.zeros((40, 44, 48), np.uint8)
    for value in range(1, 8):
        labels[10:30, 12:32, 6 + 5 * value - 5: 11 + 5 * value - 5] = value
    rng = np.random.default_rng(1)
    image = (labels > 0) * 300.0 + rng.normal(0, 10, labels.shape)
    return Shifted(image.astype(np.float32), labels, (1.5, 1.5, 1.5), "ct")


@pytest.mark.parametrize("name", SHIFTS)
def test_every_fault_changes_the_image_and_is_the_same_again(scan: Shifted, name: str) -> None:
    one, other = (SHIFTS[name](scan, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    assert one.image.dtype == np.float32
    assert one.image.shape == one.labels.shape
    assert np.isfinite(one.image).all()
    assert one.image.shape != scan.image.shape or np.abs(one.image - scan.image).max() > 5
    assert (one.labels > 0).any()


def test_thick_slices_keep_the_length_of_the_scan(scan: Shifted) -> None:
    thick = SHIFTS["thick_slices"](scan, np.random.default_rng(0))
    axis = int(np.argmax(thick.spacing))
    assert thick.spacing[axis] >= 6
    assert abs(thick.spacing[axis] * thick.image.shape[axis] - 1.5 * scan.image.shape[axis]) < thick.spacing[axis]


def test_partial_cover_cuts_the_heart(scan: Shifted) -> None:
    part = SHIFTS["partial_cover"](scan, np.random.default_rng(2))
    left = (part.labels > 0).sum() / (scan.labels > 0).sum()
    assert 0.35 < left < 0.8


def test_every_fourth_case_is_clean_and_faults_take_turns() -> None:
    names = [PLAN.shift_of(index) for index in range(CLEAN_EVERY * 9)]
    assert names[::CLEAN_EVERY] == ["none"] * 9
    assert {name: names.count(name) for name in SHIFTS} == dict.fromkeys(SHIFTS, 3)


def test_a_case_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    case = a_case(3, "noise")
    save_case(tmp_path / "case_0003.safetensors", case, PLAN, 3)
    (number, found), = existing_cases(tmp_path, PLAN, 10)
    assert number == 3
    assert (found.dice, found.shift, found.geometry) == (case.dice, "noise", case.geometry)
    np.testing.assert_array_equal(found.log_probabilities, case.log_probabilities)
    np.testing.assert_array_equal(found.truth, case.truth)
    assert not list(tmp_path.glob("*.part"))


def test_a_case_of_other_weights_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "case_0003.safetensors"
    save_case(path, a_case(3, "noise"), PLAN, 3)
    with pytest.raises(UsageError, match="other weights"):
        load_case(path, Plan(5, CLEAN_EVERY, tuple(SHIFTS), ("b" * 64,)), 3)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UsageError, match="no case"):
        load_case(path, PLAN, 3)


def test_a_run_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from HeartSegTrainingLib.calibration import calibrate as package

    assert package is calibrate_function
    import sys

    module = sys.modules["HeartSegTrainingLib.calibration.calibrate"]
    made: list[int] = []
    monkeypatch.setattr(module, "make_sampler", lambda *rest: object())
    monkeypatch.setattr(module, "make_scan", lambda sampler, shifts, plan, index, scenes: made.append(index) or index)
    monkeypatch.setattr(module, "measure_case", lambda segmenter, scan, shift: a_case(scan, shift))
    with pytest.raises(CancelledError):
        make_cases(None, PLAN, SHIFTS, tmp_path, 6, cancelled=lambda: len(made) == 4)
    found = make_cases(None, PLAN, SHIFTS, tmp_path, 6)
    assert made == [0, 1, 2, 3, 4, 5]
    assert [case.shift for case in found] == [PLAN.shift_of(index) for index in range(6)]


def test_a_trust_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text("{}")
    with pytest.raises(UsageError, match="exists already"):
        calibrate(CalibrationRequest(tmp_path, tmp_path, tmp_path / "work"))
    check_request(CalibrationRequest(tmp_path, tmp_path, tmp_path / "work", force=True))


@pytest.mark.parametrize(("cases", "out", "words"), [(31, "", "too few"), (160, "nowhere", "does not exist")])
def test_requests_that_cannot_work_are_refused_first(tmp_path: Path, cases: int, out: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_request(CalibrationRequest(tmp_path, tmp_path / out, tmp_path / "work", cases))


def test_scores_of_slivers_are_left_out_and_missed_structures_are_bad() -> None:
    import SimpleITK as sitk
    import torch

    from HeartSeg3DLib.segmentation import HeartLabels
    from HeartSeg3DLib.segmentation.frame import view_in_model_frame
    from HeartSeg3DLib.segmentation.resample import Grid
    from HeartSeg3DLib.segmentation.seen import Seen
    from HeartSeg3DLib.segmentation.window import Prediction

    truth, found = np.zeros((20, 20, 20), np.uint8), np.zeros((20, 20, 20), np.uint8)
    truth[2:12, 2:12, 2:12] = found[2:12, 2:12, 2:12] = 1  # 8 mL, found
    truth[13:19, 13:19, 2:19] = 3  # 5 mL, missed
    truth[0:2, 2:8, 2:8] = 4  # 0.6 mL, a sliver
    found[13:19, 2:12, 2:12] = 5  # 5 mL where there is none
    labels, reference = sitk.GetImageFromArray(found), sitk.GetImageFromArray(truth)
    for image in (labels, reference):
        image.SetSpacing((2.0, 2.0, 2.0))
    winner = torch.from_numpy(found.astype(np.int64))
    said = Prediction(torch.zeros(8, 20, 20, 20), Grid((0.0, 0.0, 0.0), 2.0, (20, 20, 20)), winner >= 0, 2.0)
    seen = Seen(said, winner, view_in_model_frame(reference), tuple(range(8)), None)
    heart = HeartLabels(labels, [], "ct", "", ((0, 0, 0), (0, 0, 0)), {}, seen=seen)
    case = kept._compared(heart, reference, "none")
    assert case.dice == {"LV": 1.0, "RV": 0.0, "RA": 0.0}
    np.testing.assert_array_equal(case.truth[case.winner == 1], 1)
