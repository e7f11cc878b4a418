"""What views are cut from: scans of a store that may be learned from, generated hearts, or both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from blob_problem import BlobSource
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.augmentation import Volume
from HeartSegTrainingLib.datasets import DatasetRecord, Entry, Index, StoreSettings, preprocess
from HeartSegTrainingLib.pretraining.sources import MixedSource, StoreData, StoreSource, make_source

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
    """A labelled CT, a cine whose frame t has values from 1000 t on, and a test case; index and store."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:15, 5:15, 5:15] = 1
    save_image(folder / "ct.nii", rng.integers(-200, 500, (20, 20, 20)).astype(np.int16))
    save_image(folder / "ct_labels.nii", labels)
    texture = rng.integers(0, 900, (6, 20, 20))
    save_image(folder / "cine.nii", (texture + 1000 * np.arange(4)[:, None, None, None]).astype(np.int16))
    save_image(folder / "tested.nii", rng.integers(0, 900, (20, 20, 20)).astype(np.int16))
    entries = [entry("ct", "ct", labels="ct_labels.nii", present=("LV",)), entry("cine", "mr", frames=4),
               entry("tested", "mr", split="test", kept_from_pretraining="it is tested")]
    index = Index(entries, {"a": DatasetRecord("a", str(folder), values={1: "LV"})}, note="split by hand")
    index.write(folder / "index.jsonl")
    assert len(preprocess(index, folder / "store", StoreSettings(SPACING)).made) == 3
    preprocess(index, folder / "native", StoreSettings(0.0))
    return folder


def table_of(folder: Path, **said: object) -> dict[str, object]:
    return {"index": str(folder / "index.jsonl"), "store": str(folder / "store"), **said}


def source_of(folder: Path, *, two_phases: bool = False, **said: object) -> StoreSource:
    return StoreSource(StoreData.from_table(table_of(folder, **said)), 32.0, seed=0, two_phases=two_phases)


def pairs_of(source, count: int = 12):
    return [source.pair(index, np.random.default_rng(index)) for index in range(count)]


def test_nobody_who_is_tested_is_learned_from(a_store: Path) -> None:
    assert [case.id for case in source_of(a_store).cases] == ["a/ct", "a/cine"]


def test_a_pair_is_one_crop_with_its_field_of_view(a_store: Path) -> None:
    first, second = next(pair for pair in pairs_of(source_of(a_store, modalities=["mr"])))
    assert torch.equal(first.image, second.image)
    assert (first.modality, first.spacing, first.size) == ("mr", (2.0, 2.0, 2.0), (16, 16, 16))
    assert first.inside.any((1, 2)).tolist() == [False] * 5 + [True] * 6 + [False] * 5  # six slices in a window of 16


def frames_of(volume: Volume) -> tuple[set[float], torch.Tensor]:
    """Frames that a crop of the cine shows, and its texture."""
    values = volume.image[0][volume.inside]
    return set((values // 1000).unique().tolist()), values % 1000


def test_two_phases_are_two_frames_at_one_place(a_store: Path) -> None:
    for first, second in pairs_of(source_of(a_store, modalities=["mr"], two_phases=True)):
        (frame, texture), (other, same) = frames_of(first), frames_of(second)
        assert len(frame) == len(other) == 1
        assert frame != other
        assert torch.equal(texture, same)


def test_without_two_phases_frames_are_sampled(a_store: Path) -> None:
    pairs = pairs_of(source_of(a_store, modalities=["mr"]), 30)
    assert set().union(*(frames_of(first)[0] for first, _ in pairs)) == {0.0, 1.0, 2.0, 3.0}


def test_the_probe_gets_labelled_cases_and_says_so_where_there_are_none(a_store: Path) -> None:
    assert (source_of(a_store).labelled(0).labels == 1).any()
    with pytest.raises(UsageError, match="needs labelled cases"):
        source_of(a_store, modalities=["mr"]).labelled(0)


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


@pytest.mark.parametrize(("said", "sentence"), [
    ({"temprature": 2.0}, "unknown entries: temprature"), ({"modalities": ["us"]}, "no case of us"),
    ({"store": "native"}, "each of their own")])
def test_a_wrong_table_is_refused(a_store: Path, said: dict[str, object], sentence: str) -> None:
    if said.get("store"):
        said = {"store": str(a_store / "native")}
    with pytest.raises(UsageError, match=sentence):
        make({"store": table_of(a_store, **said)})


@pytest.mark.parametrize(("table", "sentence"), [({}, "nothing to learn from"), ({"stroe": {}}, "unknown entries"),
                                                 ({"store": {"index": "a"}}, "names no index or no store")])
def test_a_data_table_without_data_is_refused(table: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        make(table)


def test_an_index_that_was_not_split_is_refused(a_store: Path, tmp_path: Path) -> None:
    index = Index.read(a_store / "index.jsonl")
    index.entries = [replace(one, split="") for one in index.entries]
    index.write(tmp_path / "unsplit.jsonl")
    with pytest.raises(UsageError, match="has not been split"):
        make({"store": table_of(a_store, index=str(tmp_path / "unsplit.jsonl"))})
