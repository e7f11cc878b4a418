"""The card of a model claims what it learned from, and no more: licence, modalities, start, and whom it has seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from heart_jobs import NETWORK, job_config, train_hearts
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelCard
from HeartSeg3DLib.networks import build_network
from HeartSegTrainingLib.datasets import Index
from HeartSegTrainingLib.finetuning.ensemble import export_ensemble
from HeartSegTrainingLib.finetuning.learned_from import FILE, LearnedFrom, of_generated
from HeartSegTrainingLib.finetuning.release import export_package
from HeartSegTrainingLib.finetuning.start_record import StartRecord, start_record
from small_store import SmallStore, two_datasets
from test_encoder_transfer import exported
from test_real_training import a_package


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return two_datasets(tmp_path_factory.mktemp("hearts"))


def changed(hearts: SmallStore, path: Path, **records) -> SmallStore:
    """The same store under an index in which data sets say something else."""
    index = Index.read(hearts.index)
    datasets = {name: replace(record, **records.get(name, {})) for name, record in index.datasets.items()}
    Index(index.entries, datasets, index.path, index.note).write(path)
    return SmallStore(path, hearts.store)


def an_encoder(folder: Path, cases: list[str] | None, fold: int | None = None,
               licences: tuple[str, ...] | None = ("Apache-2.0",)) -> Path:
    training = {"stage": "ressl", "steps": 7} | ({} if cases is None else {"cases": cases, "fold": fold})
    training |= {} if licences is None else {"licences": licences}
    return exported(folder, build_network("nano", **NETWORK), training=training)


def card_of(job: Path, folder: Path, which: str = "newest", **said) -> ModelCard:
    return ModelCard.read(export_package(job, folder, said, which))


def cases_in(hearts: SmallStore, fold: int | None) -> list[str]:
    return [entry.id for entry in Index.read(hearts.index).entries if fold is None or entry.fold == fold]


def test_the_card_names_the_strictest_licence_and_the_modalities_of_its_data(hearts, tmp_path: Path) -> None:
    strict = changed(hearts, tmp_path / "index.jsonl", full={"licence": "CC BY-NC-SA 4.0"}, cavities={
        "licence": "CC BY 4.0"})
    entries = [replace(entry, licence="") for entry in Index.read(strict.index).entries]
    Index.read(strict.index).with_entries(entries).write(strict.index)
    train_hearts(strict, tmp_path / "job", steps=1)
    card = card_of(tmp_path / "job", tmp_path / "model")
    assert card.licence == "CC-BY-NC-SA-4.0"
    assert card.modalities == ("ct",), "no MR was learned from"
    assert {name: one["licence"] for name, one in card.training["learned_from"].items()} == {
        "full": "CC BY-NC-SA 4.0", "cavities": "CC BY 4.0"}
    assert card_of(tmp_path / "job", tmp_path / "said", licence="MIT").licence == "MIT", "a person may know better"


def test_the_licence_of_the_start_counts_too(hearts, tmp_path: Path) -> None:
    start = a_package(tmp_path / "start")
    said = json.loads((start / "model.json").read_text())
    (start / "model.json").write_text(json.dumps({**said, "licence": "CC-BY-NC-4.0"}))
    train_hearts(hearts, tmp_path / "job", steps=1, init_from=str(start))
    assert card_of(tmp_path / "job", tmp_path / "model").licence == "CC-BY-NC-4.0", "its images alone are CC0"
    train_hearts(hearts, tmp_path / "unknown", steps=1, encoder_from=str(an_encoder(tmp_path / "enc", None)))
    assert card_of(tmp_path / "unknown", tmp_path / "model2").licence == "not stated"


@pytest.mark.parametrize(("licences", "expected"), [
    (("CC-BY-NC-4.0", "Apache-2.0"), "CC-BY-NC-4.0"), (("not stated",), "not stated"), (None, "not stated"),
    (("Apache-2.0",), "Apache-2.0"), ((), "CC0")])
def test_the_licence_of_priors_comes_through_the_encoder_to_the_model(hearts, tmp_path: Path, licences,
                                                                      expected) -> None:
    source = an_encoder(tmp_path / "encoder", cases_in(hearts, 1), 0, licences)
    train_hearts(hearts, tmp_path / "job", steps=1, encoder_from=str(source))
    card = card_of(tmp_path / "job", tmp_path / "model")
    assert card.licence == expected
    assert card.training["started_from"].get("licences") == (None if licences is None else list(licences))


@pytest.mark.parametrize(("table", "expected"), [
    ({}, "Apache-2.0"), ({"priors": "p"}, "not stated"), ({"priors": "p", "priors_licence": "by mail"}, "not stated"),
    ({"priors": "p", "priors_licence": "CC BY 4.0"}, "CC-BY-4.0"), ({"priors_licence": "CC BY 4.0"}, "Apache-2.0")])
def test_hearts_from_priors_have_the_licence_that_the_job_states(table: dict, expected: str) -> None:
    assert of_generated({"scenes": "s", "count": 2, **table}).licence == expected


def test_the_card_names_what_the_run_started_from_without_a_path(hearts, tmp_path: Path) -> None:
    train_hearts(hearts, tmp_path / "one", steps=1, encoder_from=str(an_encoder(tmp_path / "encoder", None)))
    said = card_of(tmp_path / "one", tmp_path / "a").training["started_from"]
    assert (said["as"], said["kind"], said["name"], said["stage"]) == ("encoder_from", "pretrained encoder",
                                                                      "encoder", "ressl")
    path = train_hearts(hearts, tmp_path / "two", steps=1, init_from=str(a_package(tmp_path / "model")))
    said = card_of(tmp_path / "two", tmp_path / "b").training["started_from"]
    assert (said["as"], said["id"], len(said["sha256"])) == ("init_from", "a", 64)
    train_hearts(hearts, tmp_path / "three", steps=1, init_from=str(path))
    card = card_of(tmp_path / "three", tmp_path / "c")
    assert card.training["started_from"]["name"] == "two, step 1"
    assert str(tmp_path) not in card.to_json()


def test_pretraining_on_those_who_validate_is_said_in_log_and_card(hearts, tmp_path: Path) -> None:
    source = an_encoder(tmp_path / "encoder", cases_in(hearts, None))
    train_hearts(hearts, tmp_path / "job", steps=1, encoder_from=str(source))
    assert "pretrained, without labels, on 3 of the 3 cases that validate" in (tmp_path / "job/log.txt").read_text()
    card = card_of(tmp_path / "job", tmp_path / "model", "best")
    assert sorted(card.training["validating_cases_seen_in_pretraining"]) == sorted(cases_in(hearts, 0))
    assert "pretrained on 3 of them" in card.figures["validation"]["what"]


def test_pretraining_that_left_the_fold_out_is_not_complained_about(hearts, tmp_path: Path) -> None:
    source = an_encoder(tmp_path / "encoder", cases_in(hearts, 1), fold=0)
    train_hearts(hearts, tmp_path / "job", steps=1, encoder_from=str(source))
    assert "without labels" not in (tmp_path / "job/log.txt").read_text()
    card = card_of(tmp_path / "job", tmp_path / "model", "best")
    assert "too good" not in card.figures["validation"]["what"]
    assert "validating_cases_seen_in_pretraining" not in card.training


def test_an_ensemble_says_that_its_encoders_have_seen_who_validated(hearts, tmp_path: Path) -> None:
    source = an_encoder(tmp_path / "encoder", cases_in(hearts, 0))
    for fold in (0, 1):
        train_hearts(hearts, tmp_path / f"fold_{fold}", steps=1, fold=fold, encoder_from=str(source))
    card = ModelCard.read(export_ensemble([tmp_path], tmp_path / "both", {}))
    assert "pretrained on 3 of the cases" in card.figures["cross_validation"]["what"]
    assert card.licence == "Apache-2.0", "CC0 images, and generated hearts in the pretraining"


def test_an_encoder_that_has_seen_a_test_case_is_refused(hearts, tmp_path: Path) -> None:
    index = Index.read(hearts.index)
    tested = index.entries[0].id
    entries = [replace(entry, split="test", fold=None) if entry.id == tested else entry for entry in index.entries]
    index.with_entries(entries).write(tmp_path / "index.jsonl")
    held_out = SmallStore(tmp_path / "index.jsonl", hearts.store)
    source = an_encoder(tmp_path / "encoder", [tested])
    with pytest.raises(UsageError, match=f"pretrained on 1 cases that this index keeps for testing .{tested}"):
        train_hearts(held_out, tmp_path / "job", steps=1, encoder_from=str(source))
    assert not list((tmp_path / "job").glob("checkpoints/*"))


def test_another_image_of_the_same_person_counts_as_seen(hearts) -> None:
    index = Index.read(hearts.index)
    first = index.entries[0]
    twin = replace(first, id=f"{first.dataset}/other", path="other.nii.gz", checksum="0" * 64)
    assert start_record(job_config(hearts)) is None
    seen = StartRecord({}, cases=frozenset({twin.id})).seen([first], index.with_entries([*index.entries, twin]))
    assert seen == [first.id]


def test_a_run_that_goes_on_without_its_encoder_still_names_it(hearts, tmp_path: Path) -> None:
    source = an_encoder(tmp_path / "encoder", cases_in(hearts, 0))
    train_hearts(hearts, tmp_path / "job", steps=1, encoder_from=str(source))
    before = LearnedFrom.of_job(tmp_path / "job")
    source.rename(tmp_path / "elsewhere")
    train_hearts(hearts, tmp_path / "job", steps=2, encoder_from=str(source), resume=True)
    assert LearnedFrom.of_job(tmp_path / "job") == before
    assert before.seen_before


def test_an_old_job_whose_index_is_gone_claims_nothing(hearts, tmp_path: Path) -> None:
    moved = changed(hearts, tmp_path / "index.jsonl")
    train_hearts(moved, tmp_path / "job", steps=1)
    (tmp_path / "job" / FILE).unlink()
    assert card_of(tmp_path / "job", tmp_path / "a").modalities == ("ct",), "the index still tells"
    moved.index.unlink()
    with pytest.raises(ModelError, match="not known any more"):
        card_of(tmp_path / "job", tmp_path / "b")
    assert card_of(tmp_path / "job", tmp_path / "c", modalities=["ct"]).licence == "not stated"


def test_generated_hearts_alone_are_ours_unless_others_drew_the_shapes() -> None:
    assert (of_generated({"count": 1}).licence, of_generated({"count": 1}).modalities) == ("Apache-2.0", ("ct", "mr"))
    only_mr = of_generated({"count": 1, "mix": [0.0, 0.0, 0.5, 0.5, 0.0], "priors": "x"})
    assert (only_mr.licence, only_mr.modalities) == ("not stated", ("mr",))


def test_what_a_run_learned_from_is_read_as_it_was_noted(tmp_path: Path) -> None:
    noted = LearnedFrom({"a": {"licence": "CC0", "cases": 3}}, ("mr",), {"kind": "weights"}, "MIT", ("a/b",))
    noted.save(tmp_path)
    assert LearnedFrom.of_job(tmp_path) == noted
    (tmp_path / FILE).write_text(json.dumps({"datasets": {}}))
    assert LearnedFrom.of_job(tmp_path) is None
