"""Folders of cases: matching, what is missed or left over, means, and the written tables."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSegTrainingLib.evaluation import evaluate_folders


def write(path, boxes, size=40):
    array = np.zeros((8, 8, size), dtype=np.uint8)
    for value, length in boxes.items():
        array[2:6, 2:6, 10 * (value - 1) : 10 * (value - 1) + length] = value
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path), useCompression=True)


@pytest.fixture
def folders(tmp_path):
    """Three matched cases with LV, of which one lost its RV, and one unmatched file on each side."""
    predicted, true = tmp_path / "predicted", tmp_path / "true"
    write(true / "a.nii.gz", {1: 8, 3: 8})
    write(true / "b.nii.gz", {1: 8, 3: 8})
    write(true / "c.nii.gz", {1: 8})
    write(true / "lonely.nii.gz", {1: 8})
    write(predicted / "a.nrrd", {1: 8, 3: 8, 4: 5})
    write(predicted / "b.nii.gz", {1: 4})
    write(predicted / "c.nii.gz", {1: 8})
    write(predicted / "extra.nii.gz", {1: 8})
    (predicted / "notes.txt").write_text("not a label map")
    return predicted, true


def test_means_count_what_was_missed(folders, tmp_path):
    evaluation = evaluate_folders(*folders, tmp_path / "out")
    diagonal = float(np.sqrt(8**2 + 8**2 + 40**2))
    figures = evaluation.structures()
    assert list(figures) == ["LV", "RV"]
    assert figures["LV"]["n"] == 3
    assert figures["LV"]["dice_mean"] == pytest.approx((1 + 2 * 4 / 12 + 1) / 3)
    assert figures["LV"]["volume_difference_mL_mean"] == pytest.approx(-(4 * 16) / 3 / 1000)
    assert (figures["RV"]["n"], figures["RV"]["n_missed"], figures["RV"]["n_not_applicable"]) == (2, 1, 1)
    assert figures["RV"]["dice_mean"] == pytest.approx(0.5)
    assert figures["RV"]["hd95_mm_mean"] == pytest.approx(diagonal / 2)


def test_what_has_no_partner_is_reported(folders, tmp_path):
    evaluation = evaluate_folders(*folders, tmp_path / "out")
    assert evaluation.unmatched_predictions == ("extra",)
    assert evaluation.unmatched_references == ("lonely",)
    assert dict(evaluation.ignored_labels) == {4: 1}


def test_labels_can_be_chosen(folders, tmp_path):
    evaluation = evaluate_folders(*folders, tmp_path / "out", labels=[1, 4])
    assert [score.status for score in evaluation.cases["a"]] == ["scored", "spurious"]
    assert evaluation.structures()["LA"]["n_spurious"] == 1


def test_the_written_tables_hold_every_case_and_the_summary(folders, tmp_path):
    evaluate_folders(*folders, tmp_path / "deep" / "out")
    with (tmp_path / "deep" / "out" / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["structure"], row["status"]) for row in rows] == [
        ("a", "LV", "scored"),
        ("a", "RV", "scored"),
        ("b", "LV", "scored"),
        ("b", "RV", "missed"),
        ("c", "LV", "scored"),
        ("c", "RV", "not_applicable"),
    ]
    assert float(rows[2]["dice"]) == pytest.approx(2 * 4 / 12, abs=1e-6)
    assert (rows[5]["dice"], rows[5]["hd95_mm"]) == ("NA", "NA")
    summary = json.loads((tmp_path / "deep" / "out" / "summary.json").read_text())
    assert summary["n_cases"] == 3
    assert summary["structures"]["RV"]["n_missed"] == 1
    assert summary["unmatched_references"] == ["lonely"]
    assert "max-of-directed" in summary["hd95_definition"]
    assert summary["note"] == "for research, not a medical device"


def test_a_pair_that_cannot_be_compared_is_named_and_the_rest_counts(folders, tmp_path):
    write(folders[0] / "c.nii.gz", {1: 8}, size=44)
    evaluation = evaluate_folders(*folders, tmp_path / "out")
    assert set(evaluation.cases) == {"a", "b"}
    assert "same grid" in evaluation.failed["c"].message
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert list(summary["failed"]) == ["c"]


def test_existing_results_are_kept_unless_forced(folders, tmp_path):
    evaluate_folders(*folders, tmp_path / "out")
    with pytest.raises(UsageError, match="exists already"):
        evaluate_folders(*folders, tmp_path / "out")
    evaluate_folders(*folders, tmp_path / "out", force=True)


def test_a_file_in_the_way_of_the_tables_is_named(folders, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="out is not a folder"):
        evaluate_folders(*folders, tmp_path / "out")


def test_folders_without_a_common_case_are_refused(folders, tmp_path):
    write(tmp_path / "other" / "x.nii.gz", {1: 8})
    with pytest.raises(InputError, match=r"a\.nrrd") as caught:
        evaluate_folders(folders[0], tmp_path / "other", tmp_path / "out")
    assert "x.nii.gz" in caught.value.message


def test_missing_empty_and_ambiguous_folders_are_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "double" / "a.nii.gz", {1: 8})
    write(tmp_path / "double" / "a.nrrd", {1: 8})
    for folder, complaint in (("absent", "not a folder"), ("empty", "no label maps"), ("double", "same case")):
        with pytest.raises(InputError, match=complaint):
            evaluate_folders(tmp_path / folder, folders[1], tmp_path / "out")


def test_no_comparable_pair_at_all_is_an_error(folders, tmp_path):
    write(tmp_path / "wide" / "a.nii.gz", {1: 8}, size=44)
    with pytest.raises(InputError, match="same grid") as caught:
        evaluate_folders(tmp_path / "wide", folders[1], tmp_path / "out")
    assert caught.value.remedy


def test_real_labels_against_themselves_are_perfect(shared_data, tmp_path):
    source = shared_data / "mr" / "cine_sax_A_labels.nii.gz"
    for side in ("predicted", "true"):
        (tmp_path / side).mkdir()
        (tmp_path / side / source.name).symlink_to(source)
    figures = evaluate_folders(tmp_path / "predicted", tmp_path / "true", tmp_path / "out").structures()
    assert list(figures) == ["LV", "MYO", "RV"]
    assert {(row["dice_mean"], row["hd95_mm_mean"]) for row in figures.values()} == {(1.0, 0.0)}
