"""Folds keep people whole, are the same for the same seed, and test people stay out of pretraining."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.datasets import Index, SplitRequest, pretraining_cases, split_index
from made_entries import an_index, entry, people


def folds_of(index: Index) -> dict[str, int | None]:
    return {one.id: one.fold for one in index.entries}


def test_every_person_validates_in_one_fold_and_folds_are_even() -> None:
    split, report = split_index(an_index(*people(23)), SplitRequest())
    folds = defaultdict(set)
    for one in split.entries:
        folds[one.subject].add(one.fold)
    assert all(len(found) == 1 for found in folds.values())
    assert max(report.fold_cases) - min(report.fold_cases) <= 2
    assert sum(report.fold_cases) == 46
    assert "5 folds by subject, seed 0" in split.note


def test_folds_depend_on_seed_and_cases_and_not_on_their_order() -> None:
    cases = people(30)
    shuffled = random.Random(4).sample(cases, len(cases))
    first, again, other = (folds_of(split_index(an_index(*order), SplitRequest(seed=seed))[0])
                           for order, seed in ((cases, 7), (shuffled, 7), (cases, 8)))
    assert first == again
    assert first != other


def test_every_hospital_is_spread_over_the_folds_or_kept_in_one() -> None:
    cases = people(40, sites=5)
    for by, wanted in (("subject", 5), ("site", 1)):
        split, _ = split_index(an_index(*cases), SplitRequest(by=by))
        folds = defaultdict(set)
        for one in split.entries:
            folds[one.site].add(one.fold)
        assert {len(found) for found in folds.values()} == {wanted}


def test_copies_of_an_image_in_two_data_sets_stay_together() -> None:
    cases = [*people(10, images=1), *people(10, dataset="b", images=1)]
    cases = [entry(one.id[2:], one.subject, one.dataset, checksum=one.subject if one.subject == "p3" else "")
             for one in cases]
    for seed in range(5):
        folds = folds_of(split_index(an_index(*cases), SplitRequest(seed=seed))[0])
        assert folds["a/p3_0"] == folds["b/p3_0"]


def test_a_test_person_takes_all_images_and_copies_to_testing() -> None:
    cases = [*people(6), entry("p1_9", "p1", split="test", checksum="same"),
             entry("copy", dataset="b", checksum="same"), *people(5, dataset="b", images=1)]
    split, report = split_index(an_index(*cases), SplitRequest(folds=2))
    testing = {one.id for one in split.entries if one.split == "test"}
    assert testing == {"a/p1_0", "a/p1_1", "a/p1_9", "b/copy"}
    assert sorted(report.moved) == ["a/p1_0", "a/p1_1", "b/copy"]
    assert all(one.fold is None for one in split.entries if one.split == "test")


def test_pretraining_never_sees_test_people_nor_data_sets_that_share_people_with_them() -> None:
    cases = [*people(6), entry("t", split="test"), *people(4, dataset="plus"), *people(4, dataset="c")]
    split, report = split_index(an_index(*cases, plus="a"), SplitRequest(folds=2))
    assert {one.dataset for one in pretraining_cases(split)} == {"a", "c"}
    assert "a/t" not in {one.id for one in pretraining_cases(split)}
    assert report.shared == ["plus shares people with a, which has test cases"]
    assert report.kept_out == {"it is for testing": 1, "plus shares people with a, which has test cases": 8}


@pytest.mark.parametrize("overlaps", [{"hvsmr2016": "hvsmr2"}, {"hvsmr2": "hvsmr2016"}])
def test_the_guard_works_whichever_data_set_names_the_other(overlaps: dict[str, str]) -> None:
    cases = [*people(4, dataset="hvsmr2"), *people(4, dataset="hvsmr2016")]
    split, _ = split_index(an_index(*cases, **overlaps), SplitRequest(folds=2, hold_out=("hvsmr2",)))
    assert pretraining_cases(split) == []


def test_a_fold_can_be_kept_out_of_pretraining_too() -> None:
    split, _ = split_index(an_index(*people(10), entry("u", "p0", labels="", present=())), SplitRequest())
    held = next(one.fold for one in split.entries if one.subject == "p0" and one.fold is not None)
    seen = pretraining_cases(split, fold=held)
    assert "p0" not in {one.subject for one in seen}
    assert len(seen) == 21 - 5


def test_copies_of_a_validating_person_s_image_under_another_name_are_left_out_too() -> None:
    cases = [*people(6), entry("p0_9", "p0", checksum="same"), entry("q", dataset="b", labels="", present=(),
                                                                     checksum="same"),
             entry("q2", "q", dataset="b", labels="", present=()), entry("r", dataset="b", labels="", present=())]
    split, _ = split_index(an_index(*cases), SplitRequest(folds=2))
    held = next(one.fold for one in split.entries if one.subject == "p0" and one.fold is not None)
    seen = {one.id for one in pretraining_cases(split, fold=held)}
    assert not {"a/p0_0", "a/p0_1", "a/p0_9", "b/q", "b/q2"} & seen
    assert "b/r" in seen
    assert {"b/q", "b/q2"} <= {one.id for one in pretraining_cases(split, fold=1 - held)}


def test_data_sets_that_share_people_with_those_who_validate_are_left_out_too() -> None:
    unlabelled = [entry(name, dataset=dataset, labels="", present=()) for name, dataset in (("u", "plus"), ("v", "c"))]
    split, _ = split_index(an_index(*people(6), *unlabelled, plus="a"), SplitRequest(folds=2))
    assert {one.dataset for one in pretraining_cases(split)} == {"a", "plus", "c"}
    assert {one.dataset for one in pretraining_cases(split, fold=0)} == {"a", "c"}


def test_a_fold_that_does_not_exist_is_refused_instead_of_guarding_nobody() -> None:
    split, _ = split_index(an_index(*people(10)), SplitRequest(folds=2))
    with pytest.raises(UsageError, match="no fold 5") as raised:
        pretraining_cases(split, fold=5)
    assert "0, 1" in raised.value.remedy


def test_cases_without_labels_need_no_fold_and_unusable_ones_are_never_taken() -> None:
    unlabelled = entry("u", labels="", present=())
    broken = entry("k", labels="", present=(), problem="It is k-space. Reconstruct it.")
    split, report = split_index(an_index(*people(5), unlabelled, broken), SplitRequest())
    assert folds_of(split)["a/u"] is None
    assert report.unlabelled == 2
    assert {"a/u", "a/k"} & {one.id for one in pretraining_cases(split)} == {"a/u"}


@pytest.mark.parametrize("by", ["subject", "site"])
def test_an_index_without_any_labels_is_split_for_pretraining(by: str) -> None:
    unlabelled = [entry(f"u{number}", labels="", present=()) for number in range(4)]
    tested = entry("t", labels="", present=(), split="test")
    split, report = split_index(an_index(*unlabelled, tested), SplitRequest(by=by))
    assert (report.fold_cases, report.test_cases, report.unlabelled) == ([], 1, 4)
    assert {one.id for one in pretraining_cases(split)} == {"a/u0", "a/u1", "a/u2", "a/u3"}
    with pytest.raises(UsageError, match="no fold 0"):
        pretraining_cases(split, fold=0)


def test_what_cannot_be_split_is_explained() -> None:
    with pytest.raises(UsageError, match="3 people with labels cannot make 5 folds"):
        split_index(an_index(*people(3)), SplitRequest())
    with pytest.raises(UsageError, match="2 hospitals cannot make 5 folds"):
        split_index(an_index(*people(30)), SplitRequest(by="site"))
    with pytest.raises(UsageError, match="no data set zzz"):
        split_index(an_index(*people(30)), SplitRequest(hold_out=("zzz",)))
    with pytest.raises(UsageError, match="has not been split"):
        pretraining_cases(an_index(*people(3)))
