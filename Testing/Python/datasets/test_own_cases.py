"""A handful of corrected segmentations becomes a training set, or is refused with the case named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import HeartSegError, InputError, UsageError
from HeartSegTrainingLib.datasets import (
    IGNORED_VOXEL,
    TRUST,
    CropSource,
    Index,
    OwnCase,
    check_index,
    own_training_set,
)

SHAPE = (14, 15, 16)


def an_image(voxels: np.ndarray, spacing: float = 2.0) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((spacing,) * 3)
    return image


def a_case(name: str, *values: int, corrected: tuple[str, ...] = (), **more) -> OwnCase:
    """A CT-like image; each label value fills a slab of 3 voxels along x."""
    rng = np.random.default_rng(list(name.encode()))
    labels = np.zeros(SHAPE, np.uint8)
    for place, value in enumerate(values):
        labels[3:11, 3:11, 3 * place:3 * place + 3] = value
    image = rng.normal(40, 30, SHAPE)
    image[:, :, -2:] = -1000
    return OwnCase(name, an_image(np.rint(image).astype(np.int16)), an_image(labels), corrected, **more)


def test_two_corrected_cases_can_be_learned_from_at_once(tmp_path: Path) -> None:
    stages: list[float] = []
    made = own_training_set([a_case("Mrs. A", 1, 2, 3), a_case("Mr B", 1, 2, 3)], tmp_path / "set", spacing=2.0,
                            progress=lambda fraction, stage: stages.append(fraction))
    assert (made.cases, made.folds, made.structures) == (2, 2, ("LV", "MYO", "RV"))
    assert "2 people only" in made.notes[0]
    assert stages == sorted(stages)
    index = Index.read(made.index)
    assert sorted(entry.id for entry in index.entries) == ["own/Mr_B", "own/Mrs._A"]
    assert {entry.fold for entry in index.entries} == {0, 1}
    assert {entry.modality for entry in index.entries} == {"ct"}
    assert not [one for one in check_index(index, voxels=True) if one.kind != "note"]
    crop = CropSource(made.store, index.entries[:1], SHAPE)[0]
    assert sorted(np.unique(crop.labels)) == [0, 1, 2, 3]


def test_what_was_not_corrected_says_nothing_by_default(tmp_path: Path) -> None:
    cases = [a_case("a", 1, 2, 6, corrected=("LV", "PA")), a_case("b", 1, 2)]
    made = own_training_set(cases, tmp_path / "set", spacing=2.0)
    entry = next(one for one in Index.read(made.index).entries if one.id == "own/a")
    assert (entry.present, entry.ignored) == (("LV", "PA"), ("MYO", "AO"))
    assert "RV" in entry.absent
    crop = CropSource(made.store, [entry], SHAPE)[0]
    assert sorted(np.unique(crop.labels)) == [0, 1, IGNORED_VOXEL]
    assert (crop.labels == IGNORED_VOXEL).sum() == 2 * (crop.labels == 1).sum()


def test_what_was_not_corrected_can_be_trusted(tmp_path: Path) -> None:
    cases = [a_case("a", 1, 2, 6, corrected=("LV",)), a_case("b", 1, 2)]
    made = own_training_set(cases, tmp_path / "set", spacing=2.0, uncorrected=TRUST)
    entry = next(one for one in Index.read(made.index).entries if one.id == "own/a")
    assert (entry.present, entry.ignored) == (("LV", "MYO", "AO"), ())
    assert any("Aorta is labelled in one person only" in note for note in made.notes)


def test_files_are_taken_as_well_as_images(tmp_path: Path) -> None:
    cases = []
    for name in ("a", "b"):
        case = a_case(name, 1, 2)
        sitk.WriteImage(case.image, str(tmp_path / f"{name}.nii.gz"))
        sitk.WriteImage(case.labels, str(tmp_path / f"{name}-labels.nii.gz"))
        cases.append(OwnCase(name, tmp_path / f"{name}.nii.gz", tmp_path / f"{name}-labels.nii.gz"))
    made = own_training_set(cases, tmp_path / "set", spacing=2.0)
    for path in tmp_path.glob("*.nii.gz"):
        path.unlink()  # the set stands on its own
    assert not [one for one in check_index(Index.read(made.index), voxels=True) if one.kind != "note"]


def test_cases_of_one_person_stay_in_one_fold(tmp_path: Path) -> None:
    cases = [a_case(f"{person}{visit}", 1, person=person) for person in "abc" for visit in (1, 2)]
    index = Index.read(own_training_set(cases, tmp_path / "set", spacing=2.0).index)
    folds: dict[str, set] = {}
    for entry in index.entries:
        folds.setdefault(entry.subject, set()).add(entry.fold)
    assert sorted(folds) == ["a", "b", "c"]
    assert all(len(found) == 1 for found in folds.values())


def test_a_set_can_be_made_again_with_more_cases_and_another_spacing(tmp_path: Path) -> None:
    own_training_set([a_case("a", 1), a_case("b", 1)], tmp_path / "set", spacing=2.0)
    made = own_training_set([a_case("a", 1), a_case("c", 1), a_case("d", 1)], tmp_path / "set", spacing=3.0)
    assert (made.cases, made.folds) == (3, 3)
    assert sorted(entry.id for entry in Index.read(made.index).entries) == ["own/a", "own/c", "own/d"]


def test_one_scan_under_two_names_is_one_person(tmp_path: Path) -> None:
    one = a_case("a", 1)
    with pytest.raises(UsageError, match="show one person"):
        own_training_set([one, OwnCase("b", one.image, one.labels)], tmp_path / "set", spacing=2.0)
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    own_training_set([a_case("a", 1), a_case("b", 1)], tmp_path / "set", spacing=2.0)
    with pytest.raises(InputError, match="case c"):
        own_training_set([a_case("a", 1), a_case("c")], tmp_path / "set", spacing=2.0)
    assert len(Index.read(tmp_path / "set" / "index.jsonl").entries) == 2
    (tmp_path / "set").rename(tmp_path / "moved")  # and it may be moved
    moved_index = Index.read(tmp_path / "moved" / "index.jsonl")
    assert not [one for one in check_index(moved_index, voxels=True) if one.kind != "note"]


def moved(case: OwnCase) -> OwnCase:
    case.labels.SetOrigin((5.0, 0.0, 0.0))
    return case


@pytest.mark.parametrize(("cases", "words"), [
    ([], "no case to learn from"), ([a_case("a", 1)], "show one person"),
    ([a_case("a", 1, person="x"), a_case("b", 1, person="x")], "show one person"),
    ([a_case("a", 1), a_case("a", 2)], "Two cases have the name 'a'"),
    ([a_case("a", 1), a_case("b")], "case b hardly anything"),
    ([a_case("a", 1), a_case("b", 1, corrected=("RV",))], "case b hardly anything"),
    ([a_case("a", 1), a_case("b", 1, 77)], "case b holds the label value 77"),
    ([a_case("a", 1), a_case("b", 1, corrected=("HEART",))], "case b names HEART"),
    ([a_case("a", 1), moved(a_case("b", 1))], "case b do not lie on the grid"),
    ([a_case("a", 1), a_case("b", 1, modality="us")], "no modality 'us'")])
def test_what_cannot_be_learned_from_is_refused_by_name(tmp_path: Path, cases, words) -> None:
    with pytest.raises((UsageError, InputError), match=words) as caught:
        own_training_set(cases, tmp_path / "set", spacing=2.0)
    assert caught.value.remedy
    assert not (tmp_path / "set" / "index.jsonl").exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="not empty"):
        own_training_set([a_case("a", 1), a_case("b", 1)], tmp_path / "set")
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["thesis.txt"]


def test_a_set_with_a_file_of_somebody_else_in_it_is_left_alone(tmp_path: Path) -> None:
    own_training_set([a_case("a", 1), a_case("b", 1)], tmp_path / "set", spacing=2.0)
    (tmp_path / "set" / "notes.txt").write_text("what I saw")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        own_training_set([a_case("a", 1), a_case("b", 1)], tmp_path / "set")
    assert (tmp_path / "set" / "notes.txt").read_text() == "what I saw"


def test_a_choice_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeartSegError, match="cannot be treated as 'guess'"):
        own_training_set([a_case("a", 1), a_case("b", 1)], tmp_path / "set", uncorrected="guess")
