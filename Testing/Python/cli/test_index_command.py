from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from command_line import assert_failed_in_words, call

# The small copies of data sets.
sys.path.append(str(Path(__file__).parents[1] / "datasets"))

from layout_copies import COPIES
from small_data import labels, scan


@pytest.fixture
def hearts(tmp_path: Path) -> Path:
    """An index of five labelled CTs and one for testing."""
    for number in range(1001, 1006):
        scan(tmp_path / f"mmwhs/ct_train/ct_train_{number}_image.nii.gz", number)
        labels(tmp_path / f"mmwhs/ct_train/ct_train_{number}_label.nii.gz", 500, 205)
    scan(tmp_path / "mmwhs/ct_test/ct_test_2001_image.nii.gz", 7)
    path = tmp_path / "hearts.jsonl"
    result = call("index", "build", "mmwhs", tmp_path / "mmwhs", "-o", path)
    assert result.exit_code == 0, result.stderr
    return path


def told(*arguments: object, exit_code: int = 0) -> dict:
    result = call("index", *arguments, "--json")
    assert result.exit_code == exit_code, result.stderr
    return json.loads(result.stdout)


def test_known_data_sets_are_listed_with_unverified_ones_marked() -> None:
    result = call("index", "datasets")
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "from a source" in rows["acdc"]
    assert "unverified" in rows["nlst"]
    listed = {entry["name"]: entry for entry in told("datasets")["datasets"]}
    assert listed["acdc"]["values"] == {"1": "RV", "2": "MYO", "3": "LV"}
    assert set(listed) == set(COPIES)


def test_building_counts_cases_and_warns_of_unverified_layouts(tmp_path: Path) -> None:
    COPIES["nlst"](tmp_path / "in")
    result = call("index", "build", "nlst", tmp_path / "in", "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.stderr
    assert "1 cases of 1 people, 0 with labels" in result.stdout
    assert "nlst is unverified" in result.stderr


def test_what_cannot_be_used_as_distributed_is_said_with_a_remedy(tmp_path: Path) -> None:
    COPIES["cmrxrecon2023"](tmp_path / "in")
    result = call("index", "build", "cmrxrecon2023", tmp_path / "in", "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.stderr
    assert "distributes k-space, not images. Reconstruct it" in result.stderr


def test_an_unknown_value_ends_with_exit_code_3_and_no_index(tmp_path: Path) -> None:
    scan(tmp_path / "ct_train_1001_image.nii.gz")
    labels(tmp_path / "ct_train_1001_label.nii.gz", 9)
    result = call("index", "build", "mmwhs", tmp_path, "-o", tmp_path / "out.jsonl")
    assert_failed_in_words(result, 3, "Data set mmwhs, case mmwhs/ct_1001 (ct_train_1001_label.nii.gz): label value 9")
    assert not (tmp_path / "out.jsonl").exists()


def test_nothing_is_replaced_without_force(hearts: Path) -> None:
    before = hearts.read_bytes()
    result = call("index", "build", "mmwhs", hearts.parent / "mmwhs", "-o", hearts)
    assert_failed_in_words(result, 2, "exists already")
    assert hearts.read_bytes() == before
    told("build", "mmwhs", hearts.parent / "mmwhs", "-o", hearts, "--force")


def test_check_fails_on_broken_cases_until_they_are_put_aside(hearts: Path) -> None:
    assert told("check", hearts, "--voxels")["findings"][0]["kind"] == "note"
    (hearts.parent / "mmwhs/ct_train/ct_train_1002_image.nii.gz").unlink()
    assert {one["about"] for one in told("check", hearts, exit_code=3)["findings"] if one["kind"] == "broken"} == {
        "mmwhs/ct_1002"}
    assert told("check", hearts, "--quarantine")["quarantined"] == 1
    row = json.loads((hearts.parent / "quarantine.jsonl").read_text())
    assert (row["id"], row["reason"]) == ("mmwhs/ct_1002", "ct_train_1002_image.nii.gz is missing.")
    assert told("check", hearts)["cases"] == 5


def test_folds_are_stored_and_not_redone_without_force(hearts: Path) -> None:
    first = told("split", hearts)
    assert (first["fold_cases"], first["test_cases"], first["pretraining_cases"]) == ([1] * 5, 1, 5)
    before = hearts.read_bytes()
    told("split", hearts)
    assert hearts.read_bytes() == before
    assert_failed_in_words(call("index", "split", hearts, "--folds", 2), 2, "is split already")
    assert hearts.read_bytes() == before
    told("split", hearts, "--folds", 2, "--force")
    assert hearts.read_bytes() != before


def test_merged_data_sets_that_share_people_are_kept_out_of_pretraining(hearts: Path) -> None:
    COPIES["whspp"](hearts.parent / "whspp")
    told("build", "whspp", hearts.parent / "whspp", "-o", hearts.parent / "plus.jsonl")
    told("merge", hearts, hearts.parent / "plus.jsonl", "-o", hearts.parent / "all.jsonl")
    result = call("index", "split", hearts.parent / "all.jsonl")
    assert result.exit_code == 0, result.stderr
    assert "whspp shares people with mmwhs, which has test cases" in result.stderr
    assert "5 cases may be pretrained on." in result.stdout


def test_an_index_goes_to_nnunet_and_back(hearts: Path) -> None:
    out = hearts.parent / "Dataset101_Heart"
    assert told("export", "nnunet", hearts, "-o", out, "--structures", "LV,MYO")["structures"] == ["LV", "MYO"]
    assert told("build", "nnunet", out, "-o", hearts.parent / "back.jsonl")["labelled"] == 5


@pytest.mark.parametrize(("arguments", "said"), [
    (("build", "acdcc", ".", "-o", "x.jsonl"), "'acdcc' is unknown"),
    (("build", "acdc", ".", "-o", "x.json"), "no known ending"),
    (("export", "nnunet", "INDEX", "-o", "x", "--structures", "LVX"), "no structure LVX"),
    (("split", "INDEX", "--hold-out", "zzz"), "no data set zzz"),
])
def test_wrong_usage_ends_with_exit_code_2(
    arguments: tuple[str, ...], said: str, hearts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hearts.parent)
    result = call("index", *(str(hearts) if word == "INDEX" else word for word in arguments))
    assert_failed_in_words(result, 2, said)


def test_preprocessing_warns_of_a_person_in_two_splits(hearts: Path) -> None:
    lines = hearts.read_text().splitlines()
    cases = [json.loads(line) for line in lines[1:]]
    tested = next(case for case in cases if case.get("split") == "test")
    next(case for case in cases if case is not tested)["subject"] = tested["subject"]
    hearts.write_text("\n".join([lines[0], *map(json.dumps, cases)]) + "\n")
    result = call("index", "preprocess", hearts, "-o", hearts.parent / "store", "--spacing", "native")
    assert result.exit_code == 0, result.stderr
    assert "is in several splits" in result.stderr


def test_preprocessing_names_licences_and_goes_on_where_it_stopped(hearts: Path) -> None:
    store = hearts.parent / "store"
    result = call("index", "preprocess", hearts, "-o", store, "--spacing", "native")
    assert result.exit_code == 0, result.stderr
    assert "commercial use is allowed is not known: mmwhs (by agreement)" in result.stderr
    assert "6 cases prepared, 0 were finished before" in result.stdout
    assert told("preprocess", hearts, "-o", store, "--spacing", "native")["finished_before"] == 6
    assert_failed_in_words(call("index", "preprocess", hearts, "-o", store), 2, "other settings")
    refused = call("index", "preprocess", hearts, "-o", store, "--spacing", "native", "--commercial")
    assert_failed_in_words(refused, 2, "Not for commercial use, or not known to be: mmwhs")


@pytest.mark.parametrize("option", [("--spacing", "0.1"), ("--spacing", "fine"), ("--part", "3/2")])
def test_options_that_cannot_be_are_refused(option: tuple[str, str], hearts: Path) -> None:
    result = call("index", "preprocess", hearts, "-o", hearts.parent / "store", *option)
    assert result.exit_code == 2
    assert option[1] in result.stderr
