"""Real crops become samples: the right channels, what says nothing says nothing, and sample i is always the same."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES, normalize
from HeartSegTrainingLib.augmentation import AppearanceRanges, SupervisedRanges
from HeartSegTrainingLib.datasets import CropSource, Index
from HeartSegTrainingLib.finetuning.channels import Channels
from HeartSegTrainingLib.finetuning.fold_cases import fold_cases
from HeartSegTrainingLib.finetuning.losses import IGNORE, deep_supervision_loss
from HeartSegTrainingLib.finetuning.real_data import RealSampler
from HeartSegTrainingLib.finetuning.training_data import MixedSampler, TrainingData, label_values
from small_store import SPACING, SmallStore, a_dataset, ball_heart, small_store, two_datasets

CHANNELS = Channels(("LV", "MYO", "RV"))
UNCHANGED = SupervisedRanges(geometry=0.0, appearance=AppearanceRanges(probability=0.0))


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return two_datasets(tmp_path_factory.mktemp("hearts"))


def a_sampler(hearts: SmallStore, dataset: str, **more) -> RealSampler:
    entries = [entry for entry in Index.read(hearts.index).entries if entry.dataset == dataset]
    return RealSampler(hearts.store, entries, CHANNELS, 16, **more)


def table(hearts: SmallStore, **more) -> dict:
    return {"spacing": SPACING, "index": {"index": str(hearts.index), "store": str(hearts.store),
                                          "structures": ["LV", "MYO", "RV"], **more}}


def test_a_sample_is_a_pure_function_of_the_generator_and_survives_a_copy_to_another_process(hearts) -> None:
    sampler = a_sampler(hearts, "full")
    copy = pickle.loads(pickle.dumps(sampler))
    for seed in range(4):
        one, other = sampler(np.random.default_rng(seed)), copy(np.random.default_rng(seed))
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    image, labels, labelled = one
    assert (image.shape, labels.shape, labels.dtype) == ((1, 16, 16, 16), (16, 16, 16), torch.uint8)
    assert labelled.tolist() == [True] * 4
    assert -1 <= float(image.min()) < float(image.max()) <= 1


def test_an_unchanged_sample_is_scaled_as_at_inference(hearts) -> None:
    entry = Index.read(hearts.index).entries[0]
    sampler = RealSampler(hearts.store, [entry], CHANNELS, 28, ranges=UNCHANGED)
    source = CropSource(hearts.store, [entry], (28, 28, 28))
    image, labels, _ = sampler.sample(source[0], np.random.default_rng(0))
    voxels, drawn = ball_heart(0)
    assert np.array_equal(labels.numpy(), drawn)
    torch.testing.assert_close(image[0], normalize(voxels.astype(np.float32), DEFAULT_RULES["ct"]))


def test_what_lies_beyond_the_image_is_outside_the_field_of_view_and_says_nothing(hearts) -> None:
    image, labels, _ = a_sampler(hearts, "full", ranges=UNCHANGED).sample(
        CropSource(hearts.store, Index.read(hearts.index).entries[:1], (40, 40, 40))[0], np.random.default_rng(0))
    assert image.shape == (1, 16, 16, 16)
    wide = RealSampler(hearts.store, Index.read(hearts.index).entries[:1], CHANNELS, 40, ranges=UNCHANGED)
    image, labels, _ = wide(np.random.default_rng(0))
    assert (labels[:5] == IGNORE).all()
    assert (image[0, :5] == -1).all()


def test_a_data_set_without_myocardium_does_not_punish_it(hearts) -> None:
    _, labels, labelled = a_sampler(hearts, "cavities", ranges=UNCHANGED)(np.random.default_rng(1))
    assert labelled.tolist() == [True, True, False, True]
    assert not (labels == 2).any()
    logits = torch.zeros((1, 4, 16, 16, 16))
    wall = torch.from_numpy(np.zeros((16, 16, 16), bool))
    wall[4:12, 4:12, 4:12] = True
    wall &= labels == 0
    says_wall, says_background = logits.clone(), logits.clone()
    says_wall[0, 2, wall], says_background[0, 0, wall] = 9.0, 9.0
    losses = [float(deep_supervision_loss([said], labels[None], labelled[None]).total)
              for said in (says_wall, says_background)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    punished = [float(deep_supervision_loss([said], labels[None]).total) for said in (says_wall, says_background)]
    assert punished[0] > punished[1] + 0.3


def test_a_structure_of_another_convention_says_nothing_where_it_is_drawn(tmp_path: Path) -> None:
    made = small_store(tmp_path, a_dataset(tmp_path / "in", "a", 2, ("LV", "MYO"), ignored=("RV",)))
    _, labels, labelled = RealSampler(made.store, Index.read(made.index).entries[:1], CHANNELS, 28,
                                      ranges=UNCHANGED)(np.random.default_rng(0))
    assert labelled.tolist() == [True, True, True, False]
    assert not (labels == 3).any()
    assert (labels == IGNORE).sum() > 100


def test_images_stored_in_another_orientation_give_the_same_samples(tmp_path: Path, hearts) -> None:
    made = small_store(tmp_path, a_dataset(tmp_path / "in", "full", 3, ("LV", "MYO", "RV"), orientation="RAI"))
    assert {entry.orientation for entry in Index.read(made.index).entries} == {"RAI"}
    for seed in range(3):
        one, other = (a_sampler(store, "full")(np.random.default_rng(seed)) for store in (made, hearts))
        assert torch.equal(one[1], other[1])
        torch.testing.assert_close(one[0], other[0])


def test_a_value_that_is_no_structure_is_named_with_its_case() -> None:
    with pytest.raises(InputError, match="label map of a/b holds 42, 200, which is no structure"):
        CHANNELS.of_labels(np.array([0, 1, 42, 200, 255], np.uint8), ("LV",), "a/b")


def test_structures_without_a_channel_are_background_or_say_nothing() -> None:
    whole = Channels.of((), 8)
    assert whole.values == tuple(range(8))
    values = np.array([1, 12, 13, 103, 255], np.uint8)  # LV, LAA, SVC, right wall, ignored
    assert whole.of_labels(values, whole.structures, "a").tolist() == [1, IGNORE, 0, 0, IGNORE]
    assert Channels(("SVC", "LV")).of_labels(values, ("SVC", "LV"), "a").tolist() == [2, 0, 1, 0, IGNORE]


@pytest.mark.parametrize(("structures", "classes", "words"), [
    ((), 4, "4 classes, and 7 structures"), (("LV", "LV"), 3, "twice"), (("HEART",), 2, "HEART, which do not exist")])
def test_structures_that_do_not_fit_are_refused(structures, classes, words) -> None:
    with pytest.raises(UsageError, match=words):
        Channels.of(structures, classes)


def test_a_fold_learns_from_the_others_and_validates_on_itself(hearts) -> None:
    index = Index.read(hearts.index)
    parts = [fold_cases(index, fold) for fold in (0, 1)]
    for fold, cases in enumerate(parts):
        assert {entry.fold for entry in cases.validate} == {fold}
        assert fold not in {entry.fold for entry in cases.train}
        assert not {entry.person for entry in cases.train} & {entry.person for entry in cases.validate}
    assert sorted(entry.id for cases in parts for entry in cases.validate) == sorted(one.id for one in index.entries)
    assert len(fold_cases(index, None).train) == len(index.entries)


def test_test_cases_are_never_learned_from(hearts) -> None:
    index = Index.read(hearts.index)
    tested = index.entries[0].person
    index.entries = [replace(one, split="test", fold=None) if one.person == tested else one for one in index.entries]
    for fold in (None, 0, 1):
        cases = fold_cases(index, fold)
        assert tested not in {entry.person for entry in (*cases.train, *cases.validate)}


def test_a_person_in_two_splits_stops_the_run(hearts) -> None:
    index = Index.read(hearts.index)
    first = next(entry for entry in index.entries if entry.dataset == "full" and entry.fold == 0)
    index.entries.append(replace(first, id="full/again", checksum="", fold=1))
    with pytest.raises(InputError, match=r"p\d of full is in several splits") as caught:
        fold_cases(index, 0)
    assert "heartseg index split" in caught.value.remedy


@pytest.mark.parametrize(("change", "words"), [
    ({"fold": 7}, "no fold 7"), ({"fold": "al"}, "'al' is no list of folds"), ({"store": "/nowhere"}, "no store"),
    ({"index": "/nowhere.jsonl"}, "no index at"), ({"temprature": 1}, "unknown entry 'temprature'"),
    ({"structure_share": 2.0}, "'structure_share' 2.0"), ({"fold": "all"}, "asks for several"),
    ({"structures": ["LV"]}, "network has 4 classes"), ({"store": ""}, "names no store")])
def test_a_wrong_index_table_is_refused_in_words(hearts, change, words) -> None:
    with pytest.raises((UsageError, InputError), match=words):
        TrainingData.from_table(table(hearts, **change), 16, 4).sampler_factory()


def test_a_store_of_another_spacing_or_of_other_labels_is_refused(hearts, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"prepared at 6 mm, and the job works at 1\.5 mm"):
        TrainingData.from_table({"index": table(hearts)["index"]}, 16, 4).sampler_factory()
    index = Index.read(hearts.index)
    index.entries = [replace(one, present=("LV",), absent=("MYO",)) for one in index.entries]
    index.write(tmp_path / "other.jsonl")
    with pytest.raises(UsageError, match="with other labels than the index"):
        TrainingData.from_table(table(hearts, index=str(tmp_path / "other.jsonl")), 16, 4).sampler_factory()


def test_a_case_that_was_not_prepared_is_named(hearts, tmp_path: Path) -> None:
    index = Index.read(hearts.index)
    index.entries.append(replace(index.entries[0], id="full/new", subject="new", checksum="", fold=1))
    index.write(tmp_path / "more.jsonl")
    with pytest.raises(UsageError, match=r"1 of 7 cases are not in the store .* \(the first is full/new\)"):
        TrainingData.from_table(table(hearts, index=str(tmp_path / "more.jsonl")), 16, 4).sampler_factory()


def test_an_index_without_folds_is_refused(hearts, tmp_path: Path) -> None:
    index = Index.read(hearts.index)
    index.entries = [replace(one, fold=None, split="") for one in index.entries]
    index.write(tmp_path / "plain.jsonl")
    with pytest.raises(UsageError, match="has not been split into folds"):
        TrainingData.from_table(table(hearts, index=str(tmp_path / "plain.jsonl")), 16, 4).sampler_factory()


def test_the_fingerprint_follows_the_cases_and_how_they_are_drawn(hearts) -> None:
    prints = [TrainingData.from_table(table(hearts, fold=fold, temperature=temperature), 16, 4).fingerprint()
              for fold, temperature in ((0, 1.0), (0, 1.0), (0, 3.0), (1, 1.0))]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


class Generated:
    """Stands for the sampler of generated hearts."""

    def __call__(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.full((16, 16, 16), 6, dtype=torch.uint8)
        labels[:8] = 3
        return torch.full((1, 16, 16, 16), float(rng.random())), labels


def test_generated_hearts_are_mixed_in_by_share(hearts) -> None:
    mixed = MixedSampler(a_sampler(hearts, "cavities"), Generated(), 0.3, CHANNELS)
    drawn = [mixed(np.random.default_rng((0, index))) for index in range(200)]
    generated = [one for one in drawn if bool((one[0] == one[0].max()).all())]
    assert 40 < len(generated) < 80
    assert all(one[2].all() for one in generated)  # the generator labels everything
    assert sorted(generated[0][1].unique().tolist()) == [0, 3]  # the aorta has no channel here
    assert not any(one[2][2] for one in drawn if bool((one[0] != one[0].max()).any()))


@pytest.mark.parametrize(("values", "words"), [
    ({"generated_share": 0.2}, "names no scenes"), ({"generated_share": 1.0, "scenes": "a", "count": 1}, "below 1"),
    ({"scenes": "a", "count": 1, "binary": True}, "locator"), ({"scenes": "a", "count": 1, "girds": 1}, "girds")])
def test_a_mix_that_cannot_be_is_refused(hearts, values, words) -> None:
    with pytest.raises(UsageError, match=words):
        TrainingData.from_table({**table(hearts), **values}, 16, 4)


def test_a_mistyped_table_or_share_is_named_with_the_nearest(hearts) -> None:
    for values, near in (({"indx": {}}, "index"), ({"scenes": "a", "generated_shar": 0.1}, "generated_share")):
        with pytest.raises(UsageError, match=f"Did you mean '{near}'"):
            TrainingData.from_table(values, 16, 4)


def test_the_share_of_generated_hearts_is_the_one_of_the_template(hearts) -> None:
    from HeartSegTrainingLib.jobs.job_template import job_template
    from HeartSegTrainingLib.jobs.kinds import KINDS

    share = TrainingData.from_table({**table(hearts), "scenes": "a", "count": 1}, 16, 4).generated_share
    assert f"#generated_share = {share}\n" in job_template(KINDS["finetune"])


def test_a_job_of_generated_hearts_alone_has_no_real_cases() -> None:
    data = TrainingData.from_table({"scenes": "a", "count": 1, "spacing": 1.0}, 16, 8)
    assert (data.spacing_mm, data.real, data.cases.train) == (1.0, None, [])
    assert label_values({"scenes": "a", "count": 1, "binary": True}, 2) == (0, 1)
    with pytest.raises(UsageError, match="no real cases"):
        TrainingData.from_table({"scenes": "a", "count": 1, "generated_share": 0.5}, 16, 8)


def test_the_card_has_the_label_values_of_the_structures(hearts) -> None:
    assert label_values(table(hearts, structures=["RV", "AO"]), 3) == (0, 3, 6)
