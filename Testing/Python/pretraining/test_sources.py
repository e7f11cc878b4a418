"""What views are cut from: scans of a store that may be learned from, generated hearts, or both."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from blob_problem import BlobSource
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.augmentation import Volume
from HeartSegTrainingLib.datasets import DatasetRecord, Entry, Index, StoreSettings, preprocess
from HeartSegTrainingLib.finetuning.real_data import in_view
from HeartSegTrainingLib.generator.training_data import GeneratedData
from HeartSegTrainingLib.pretraining.seen import Seen
from HeartSegTrainingLib.pretraining.sources import (
    GeneratedSource,
    MixedSource,
    StoreData,
    StoreSource,
    _as_volume,
    make_source,
)

SPACING = 2.0


def save_image(path: Path, voxels: np.ndarray) -> None:
    """Voxels (z, y, x) or (t, z, y, x) on a grid of 2 mm."""
    images = [sitk.GetImageFromArray(one) for one in (voxels if voxels.ndim == 4 else voxels[None])]
    for image in images:
        image.SetSpacing((SPACING,) * 3)
    sitk.WriteImage(sitk.JoinSeries(images) if voxels.ndim == 4 else images[0], str(path))


def entry(name: str, modality: str, **said: object) -> Entry:
    sequence = "cine" if said.get("frames") else "cta"
    return replace(Entry(id=f"a/{name}", dataset="a", subject=name, path=f"{name}.nii", modality=modality,
                         sequence=sequence, split="train"), **said)


@pytest.fixture(scope="module")
def a_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two labelled CT, a cine whose frame t has values from 1000 t on, and a test case; index and store."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:15, 5:15, 5:15] = 1
    save_image(folder / "ct.nii", rng.integers(-200, 500, (20, 20, 20)).astype(np.int16))
    save_image(folder / "ct_labels.nii", labels)
    save_image(folder / "other.nii", rng.integers(1000, 1500, (20, 20, 20)).astype(np.int16))
    texture = rng.integers(0, 900, (6, 20, 20))
    save_image(folder / "cine.nii", (texture + 1000 * np.arange(4)[:, None, None, None]).astype(np.int16))
    save_image(folder / "tested.nii", rng.integers(0, 900, (20, 20, 20)).astype(np.int16))
    entries = [entry("ct", "ct", labels="ct_labels.nii", present=("LV",), fold=0), entry("cine", "mr", frames=4),
               entry("other", "ct", labels="ct_labels.nii", present=("LV",), fold=1),
               entry("tested", "mr", split="test", kept_from_pretraining="it is tested")]
    index = Index(entries, {"a": DatasetRecord("a", str(folder), values={1: "LV"})}, note="split by hand")
    index.write(folder / "index.jsonl")
    assert len(preprocess(index, folder / "store", StoreSettings(SPACING)).made) == 4
    preprocess(index, folder / "native", StoreSettings(0.0))
    return folder


def table_of(folder: Path, **said: object) -> dict[str, object]:
    return {"index": str(folder / "index.jsonl"), "store": str(folder / "store"), **said}


def source_of(folder: Path, *, two_phases: bool = False, **said: object) -> StoreSource:
    return StoreSource(StoreData.from_table(table_of(folder, **said)), 32.0, seed=0, two_phases=two_phases)


def pairs_of(source, count: int = 12):
    return [source.pair(index, np.random.default_rng(index)) for index in range(count)]


def test_nobody_who_is_tested_is_learned_from(a_store: Path) -> None:
    assert [case.id for case in source_of(a_store).cases] == ["a/ct", "a/cine", "a/other"]


def test_a_source_says_whom_it_shows_and_which_fold_it_leaves_out(a_store: Path) -> None:
    source = source_of(a_store, fold=1)
    assert source.seen() == Seen(("a/cine", "a/ct"), 1)
    assert MixedSource(source, BlobSource(), 0.5).seen() == source.seen()


def test_a_pair_is_one_crop_with_its_field_of_view(a_store: Path) -> None:
    first, second = next(pair for pair in pairs_of(source_of(a_store, modalities=["mr"])))
    assert torch.equal(first.image, second.image)
    assert (first.modality, first.spacing, first.size) == ("mr", (2.0, 2.0, 2.0), (16, 16, 16))
    assert first.inside.any((1, 2)).tolist() == [False] * 5 + [True] * 6 + [False] * 5  # six slices in a window of 16


def frames_of(volume: Volume, inside: torch.Tensor | None = None) -> tuple[set[float], torch.Tensor]:
    """Frames that a crop of the cine shows, and its texture."""
    values = volume.image[0][volume.inside if inside is None else inside]
    return set((values // 1000).unique().tolist()), values % 1000


def test_two_phases_are_two_frames_at_one_place(a_store: Path) -> None:
    for first, second in pairs_of(source_of(a_store, modalities=["mr"], two_phases=True)):
        both = first.inside & second.inside  # the lowest voxel of all frames is taken for one out of view
        (frame, texture), (other, same) = frames_of(first, both), frames_of(second, both)
        assert len(frame) == len(other) == 1
        assert frame != other
        assert torch.equal(texture, same)


def test_without_two_phases_frames_are_sampled(a_store: Path) -> None:
    pairs = pairs_of(source_of(a_store, modalities=["mr"]), 30)
    assert set().union(*(frames_of(first)[0] for first, _ in pairs)) == {0.0, 1.0, 2.0, 3.0}


def test_the_probe_gets_labelled_cases_and_says_so_where_there_are_none(a_store: Path) -> None:
    assert (source_of(a_store).labelled(0, 0).volume.labels == 1).any()
    assert source_of(a_store).labelled(0, 0).annotated == {"LV"}
    for wrong in (source_of(a_store, modalities=["mr"]), source_of(a_store, fold=0)):
        with pytest.raises(UsageError, match="labelled cases of two people"):
            wrong.labelled(0, 0)


def test_nobody_is_in_both_halves_of_the_probe(a_store: Path) -> None:
    means = [{float(source_of(a_store).labelled(index, half).volume.image.max()) > 999 for index in range(6)}
             for half in (0, 1)]
    assert means == [{False}, {True}]  # values of "other" begin at 1000, those of "ct" end at 499


def test_the_fingerprint_is_that_of_the_cases(a_store: Path) -> None:
    assert source_of(a_store).fingerprint() == source_of(a_store).fingerprint()
    assert source_of(a_store).fingerprint() != source_of(a_store, modalities=["ct"]).fingerprint()


def test_generated_hearts_have_their_share(a_store: Path) -> None:
    mixed = MixedSource(source_of(a_store), BlobSource(), 0.25)
    sides = [first.size[0] for first, _ in pairs_of(mixed, 200)]
    assert 0.15 < np.mean([side == 24 for side in sides]) < 0.35


def make(table: dict[str, object], **changes: object):
    values = {"window": 16, "spacing": 1.5, "field": 1.4, "seed": 0, "two_phases": False, "needs_both": False}
    return make_source(table, **(values | changes))


def test_the_second_stage_needs_ct_and_mr(a_store: Path) -> None:
    assert make({"store": table_of(a_store)}, needs_both=True)
    with pytest.raises(UsageError, match="only MR"):
        make({"store": table_of(a_store, modalities=["mr"])}, needs_both=True)


ONLY_MR, BOTH = (0.0, 0.0, 0.5, 0.5, 0.0), (0.5, 0.0, 0.5, 0.0, 0.0)


@pytest.mark.parametrize(("table", "licence"), [
    ({}, "Apache-2.0"), ({"priors": "p"}, "not stated"), ({"priors": "p", "priors_licence": "MIT"}, "MIT"),
    ({"priors": "p", "priors_licence": "CC BY-SA 4.0"}, "CC-BY-SA-4.0")])
def test_generated_hearts_have_their_priors_licence_which_is_no_matter_of_their_fingerprint(
        monkeypatch: pytest.MonkeyPatch, table: dict, licence: str) -> None:
    monkeypatch.setattr(GeneratedData, "prepare", lambda self: [])
    source, plain = (GeneratedSource(GeneratedData("s", 2, **values), 8) for values in (table, {}))
    assert source.seen().licences == (licence,)
    assert source.fingerprint() == plain.fingerprint()


@pytest.mark.parametrize(("share", "mix"), [(0.0, BOTH), (0.5, ONLY_MR), (0.5, (0.0, 0.0, 0.0, 0.0, 1.0))])
def test_generated_hearts_that_bring_no_ct_are_no_second_modality(a_store: Path, share: float, mix: tuple) -> None:
    generated = {"scenes": str(a_store / "never_made"), "count": 2, "mix": list(mix)}
    table = {"store": table_of(a_store, modalities=["mr"]), "generated": generated, "generated_share": share}
    with pytest.raises(UsageError, match="only MR"):
        make(table, needs_both=True)


def test_generated_hearts_alone_have_to_be_of_both_kinds(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only MR"):
        make({"generated": {"scenes": str(tmp_path / "no"), "count": 2, "mix": list(ONLY_MR)}}, needs_both=True)


def test_generated_hearts_can_be_the_second_modality(a_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GeneratedData, "prepare", lambda self: [Path("one"), Path("two")])
    table = {"store": table_of(a_store, modalities=["mr"]), "generated": {"scenes": "s", "count": 2, "mix": list(BOTH)}}
    assert isinstance(make(table, needs_both=True), MixedSource)


def test_the_halves_of_generated_hearts_are_of_different_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    class FakeSampler:
        def scan(self, rng: np.random.Generator, scene: int | None) -> object:
            drawn.append(scene)
            cube = torch.zeros(4, 4, 4)
            return SimpleNamespace(image=cube, labels=cube.byte(), inside=cube == 0, modality="ct")

    monkeypatch.setattr(GeneratedData, "prepare", lambda self: [Path(str(number)) for number in range(5)])
    monkeypatch.setattr(GeneratedData, "sampler", lambda self, side: FakeSampler())
    source = GeneratedSource(GeneratedData("s", 5), 4)
    halves = []
    for half in (0, 1):
        drawn.clear()
        for index in range(6):
            source.labelled(index, half)
        halves.append(set(drawn))
    assert halves == [{0, 2, 4}, {1, 3}]


def test_one_scene_is_not_enough_for_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GeneratedData, "prepare", lambda self: [Path("one")])
    with pytest.raises(UsageError, match="two scenes"):
        GeneratedSource(GeneratedData("s", 1), 4).labelled(0, 0)


def test_what_preparing_filled_is_out_of_view_as_in_fine_tuning(a_store: Path) -> None:
    """An oblique scan lies turned in its grid: the corners hold the lowest value, and no label."""
    source = source_of(a_store, modalities=["mr"])
    crop = source._crops[0]
    crop.image[:, 8, :4, :4] = crop.case.lowest
    seen = _as_volume(crop, 0)
    assert not seen.inside[8, :4, :4].any()
    assert seen.inside[8, 5:, 5:].float().mean() > 0.9
    assert torch.equal(seen.inside, torch.from_numpy(in_view(crop.image[0], crop.labels, crop.case.lowest)))


@pytest.mark.parametrize(("said", "sentence"), [
    ({"temprature": 2.0}, "unknown entry 'temprature'"), ({"modalities": ["ct", "mri"]}, "'modalities' of"),
    ({"modalities": []}, "'modalities' of"), ({"modalities": "ct"}, "'modalities' in the job file is 'ct'"),
    ({"modalities": [1]}, "list of words"), ({"fold": "0"}, "'fold' in the job file is '0'"),
    ({"fold": 7}, "no fold 7"), ({"fold": True}, "'fold' in the job file"), ({"temperature": 0}, "temperature"),
    ({"temperature": math.nan}, "temperature"), ({"modalities": ["mr"], "index": 3}, "'index' in the job file"),
    ({"store": "native"}, "each of their own")])
def test_a_wrong_table_is_refused(a_store: Path, said: dict[str, object], sentence: str) -> None:
    if said.get("store"):
        said = {"store": str(a_store / "native")}
    with pytest.raises(UsageError, match=sentence):
        make({"store": table_of(a_store, **said)})


@pytest.mark.parametrize(("table", "sentence"), [({}, "nothing to learn from"), ({"stroe": {}}, "unknown entries"),
                                                 ({"store": {"index": "a"}}, "names no store"),
                                                 ({"store": "here"}, "Make it a table"),
                                                 ({"generated": {"scenes": 5, "count": 2}}, "'scenes' in the job"),
                                                 ({"generated": {"scenes": "s", "count": 2, "mix": ["a"] * 5}},
                                                  "list of numbers")])
def test_a_data_table_without_data_is_refused(table: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        make(table)


def test_an_index_that_was_not_split_is_refused(a_store: Path, tmp_path: Path) -> None:
    index = Index.read(a_store / "index.jsonl")
    index.entries = [replace(one, split="") for one in index.entries]
    index.write(tmp_path / "unsplit.jsonl")
    with pytest.raises(UsageError, match="has not been split"):
        make({"store": table_of(a_store, index=str(tmp_path / "unsplit.jsonl"))})
