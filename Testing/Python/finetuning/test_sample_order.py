import functools
import pickle

import numpy as np
import pytest
import torch

from ball_problem import WINDOW, draw_bright_ball, make_ball_sampler
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.finetuning.loader import SampleDataset, sample_batches
from HeartSegTrainingLib.finetuning.losses import IGNORE


def first_batches(count: int, *, workers: int, first_step: int = 0) -> list[list[torch.Tensor]]:
    dataset = SampleDataset(make_ball_sampler, seed=7, classes=3, window=WINDOW)
    batches = sample_batches(dataset, first_step=first_step, batch=2, workers=workers, prefetch=2)
    drawn = [next(batches) for _ in range(count)]
    batches.close()
    return drawn


def constant_sample(value: int, side: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros((1, side, side, side)), torch.full((side, side, side), value, dtype=torch.uint8)


@pytest.mark.parametrize("workers", [1, 2])
def test_samples_do_not_depend_on_the_number_of_workers(workers):
    for here, there in zip(first_batches(4, workers=0), first_batches(4, workers=workers), strict=True):
        assert torch.equal(here[0], there[0])
        assert torch.equal(here[1], there[1])


def test_a_later_start_goes_on_where_the_order_stood():
    assert torch.equal(first_batches(5, workers=0)[3][0], first_batches(1, workers=0, first_step=3)[0][0])


def test_sample_is_drawn_from_seed_and_index():
    image, _ = draw_bright_ball(np.random.default_rng((7, 3)))
    assert torch.equal(first_batches(2, workers=0)[1][0][1], image)


def test_making_samples_leaves_the_runs_random_numbers_alone():
    before = torch.get_rng_state()
    first_batches(1, workers=1)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_label_without_channel_is_refused_in_one_sentence(workers):
    dataset = SampleDataset(lambda: functools.partial(constant_sample, 5, 4), seed=0, classes=3, window=4)
    batches = sample_batches(dataset, first_step=0, batch=1, workers=workers, prefetch=1)
    with pytest.raises(UsageError, match=r"^Sample 0 has label 5; the network has 3 classes\. Map") as caught:
        next(batches)
    assert "\n" not in str(caught.value)


def test_ignored_voxels_are_no_unknown_label():
    dataset = SampleDataset(lambda: functools.partial(constant_sample, IGNORE, 4), seed=0, classes=3, window=4)
    assert int(dataset[0][1].min()) == IGNORE


def test_a_window_of_another_size_is_refused():
    dataset = SampleDataset(lambda: functools.partial(constant_sample, 0, 6), seed=0, classes=3, window=4)
    with pytest.raises(UsageError, match="4 voxels"):
        dataset[0]


def test_the_dataset_travels_to_spawned_workers():
    dataset = SampleDataset(make_ball_sampler, seed=7, classes=3, window=WINDOW)
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[3][0], dataset[3][0])
