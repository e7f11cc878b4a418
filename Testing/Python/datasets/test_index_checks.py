"""Checks find what would spoil a training, and broken cases can be put aside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSegTrainingLib.datasets import (
    LAYOUTS,
    Index,
    Quarantined,
    StoreSettings,
    build_index,
    check_index,
    preprocess,
    put_aside,
    read_quarantine,
    update_quarantine,
)
from made_entries import an_index, entry
from small_data import labels, save, scan, with_values


@pytest.fixture
def hearts(tmp_path: Path) -> Index:
    """Three cases of MM-WHS on disk."""
    for number in (1001, 1002, 1003):
        scan(tmp_path / f"ct_train_{number}_image.nii.gz", number)
        labels(tmp_path / f"ct_train_{number}_label.nii.gz", 500, 205)
    return build_index(tmp_path, LAYOUTS["mmwhs"]).index


def sentences(index: Index, kind: str, **options: bool) -> list[str]:
    return [finding.sentence for finding in check_index(index, **options) if finding.kind == kind]


def test_a_sound_index_has_no_errors(hearts: Index) -> None:
    assert sentences(hearts, "broken", voxels=True, checksums=True) == []
    assert sentences(hearts, "error") == []


def test_missing_files_are_found_without_reading_any(hearts: Index, tmp_path: Path) -> None:
    (tmp_path / "ct_train_1002_label.nii.gz").unlink()
    assert sentences(hearts, "broken") == ["ct_train_1002_label.nii.gz is missing."]


def test_altered_files_are_found_by_their_checksums(hearts: Index, tmp_path: Path) -> None:
    scan(tmp_path / "ct_train_1001_image.nii.gz", 5)
    assert sentences(hearts, "broken") == []
    assert "checksum differs" in sentences(hearts, "broken", checksums=True)[0]


def test_wrong_values_and_broken_voxels_are_found_by_reading(hearts: Index, tmp_path: Path) -> None:
    labels(tmp_path / "ct_train_1001_label.nii.gz", 500, 9)
    whole = (tmp_path / "ct_train_1002_image.nii.gz").read_bytes()
    (tmp_path / "ct_train_1002_image.nii.gz").write_bytes(whole[: len(whole) // 2])
    save(tmp_path / "ct_train_1003_label.nii.gz", with_values([500], (6, 7, 9)))
    found = sentences(hearts, "broken", voxels=True)
    assert "label value 9 has no known meaning" in found[0]
    assert "ct_train_1002_image.nii.gz" in found[1]
    assert "does not lie on its image's grid" in found[2]


def test_labels_that_were_turned_since_the_index_was_built_are_neither_sound_nor_prepared(
    hearts: Index, tmp_path: Path
) -> None:
    path = tmp_path / "ct_train_1002_label.nii.gz"
    drawn = sitk.ReadImage(str(path))
    turned = np.reshape(drawn.GetDirection(), (3, 3)) @ np.diag([-1.0, -1.0, 1.0])
    drawn.SetDirection(turned.ravel().tolist())
    sitk.WriteImage(drawn, str(path))
    assert "mirrored or turned against its image" in sentences(hearts, "broken", voxels=True)[0]
    prepared = preprocess(hearts, tmp_path / "store", StoreSettings(spacing=0.0))
    assert [one.id for one in prepared.quarantined] == ["mmwhs/ct_1002"]
    assert "mirrored or turned" in prepared.quarantined[0].reason


def test_structures_that_the_case_does_not_list_are_found(hearts: Index) -> None:
    index = hearts.with_entries([replace(hearts.entries[0], present=("LV",), absent=("MYO",))])
    assert "shows MYO, which the case does not list" in sentences(index, "broken", voxels=True)[0]


def test_broken_cases_are_put_aside_with_the_reason(hearts: Index, tmp_path: Path) -> None:
    (tmp_path / "ct_train_1002_image.nii.gz").unlink()
    kept, aside = put_aside(hearts, check_index(hearts))
    assert [one.id for one in kept.entries] == ["mmwhs/ct_1001", "mmwhs/ct_1003"]
    assert [(one.id, one.reason) for one in aside] == [("mmwhs/ct_1002", "ct_train_1002_image.nii.gz is missing.")]


def test_the_quarantine_of_several_data_sets_is_one_list(tmp_path: Path) -> None:
    index = tmp_path / "index.jsonl"
    update_quarantine(index, [Quarantined("a/1", "1", "broken", "fix"), Quarantined("b/1", "1", "broken", "fix")])
    update_quarantine(index, [Quarantined("a/2", "2", "missing", "copy")], rebuilt=["a"])
    assert [row.id for row in read_quarantine(index)] == ["b/1", "a/2"]
    assert update_quarantine(index, [], rebuilt=["a", "b"]) is None
    assert not (tmp_path / "quarantine.jsonl").exists()


def without_files(index: Index) -> list[tuple[str, str]]:
    return [(one.kind, one.sentence) for one in check_index(index) if one.kind != "broken"]


def test_a_person_in_several_splits_is_an_error() -> None:
    index = an_index(entry("x", "p", split="train", fold=0), entry("y", "p", split="test"))
    assert without_files(index)[0][0] == "error"
    assert "p of a is in several splits (fold 0, test)" in without_files(index)[0][1]
    pair = an_index(entry("x", "p", split="train", fold=0), entry("y", "p", split="train", fold=1))
    assert "several splits" in without_files(pair)[0][1]
    fine = an_index(entry("x", "p", split="train", fold=0), entry("y", "p", split="train", labels="", present=()))
    assert without_files(fine) == []


def test_one_image_under_two_people_is_said_and_in_two_splits_an_error() -> None:
    first, second = entry("x", checksum="s", split="train", fold=0), entry("y", checksum="s", split="train", fold=0)
    assert without_files(an_index(first, second)) == [("note", "a/x, a/y are one and the same image.")]
    apart = without_files(an_index(first, replace(second, split="test", fold=None)))
    assert apart == [("error", "a/x, a/y are one and the same image, in different splits.")]


def test_mixed_orientations_are_said_with_their_counts() -> None:
    index = an_index(entry("x"), entry("y"), entry("z", orientation="RAS"))
    assert without_files(index) == [
        ("note", "The cta images of a have mixed orientations (LPS: 2, RAS: 1).")]


def test_licences_unverified_layouts_and_shared_people_are_named() -> None:
    index = an_index(entry("x"), entry("y", dataset="b", split="test"))
    index.datasets["a"] = replace(index.datasets["a"], commercial=False, licence="CC BY-NC 4.0", verified=False,
                                  overlaps=("b",))
    said = " ".join(sentence for _, sentence in without_files(index))
    assert "The licence of a (CC BY-NC 4.0) forbids commercial use." in said
    assert "The layout of a is unverified" in said
    assert "a shares people with b, which has test cases." in said


def test_images_are_turned_however_they_were_stored(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 900, (6, 7, 8)).astype(np.int16))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "ct_train_1001_image.nii.gz"))
    assert build_index(tmp_path, LAYOUTS["mmwhs"]).index.entries[0].orientation == "RAS"
