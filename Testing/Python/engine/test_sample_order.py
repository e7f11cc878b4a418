import functools
import itertools
import pickle

import numpy as np
import pytest
import torch

from ball_problem import WINDOW, draw_bright_ball, make_ball_sampler
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.engine.loader import PartIndices, sample_parts
from HeartSegTrainingLib.finetuning.losses import IGNORE
from HeartSegTrainingLib.finetuning.samples import SampleDataset


def first_parts(count: int, *, workers: int, first_step: int = 0) -> list[list[torch.Tensor]]:
    dataset = SampleDataset(make_ball_sampler, seed=7, classes=3, window=WINDOW)
    batches = sample_parts(dataset, PartIndices(first_step, 2, 2), workers=workers, prefetch=2)
    drawn = [next(batches) for _ in range(count)]
    batches.close()
    return drawn


def constant_sample(value: int, side: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros((1, side, side, side)), torch.full((side, side, side), value, dtype=torch.uint8)


@pytest.mark.parametrize("workers", [1, 2])
def test_samples_do_not_depend_on_the_number_of_workers(workers):
    for here, there in zip(first_parts(4, workers=0), first_parts(4, workers=workers), strict=True):
        assert torch.equal(here[0], there[0])
        assert torch.equal(here[1], there[1])


def test_a_later_start_goes_on_where_the_order_stood():
    assert torch.equal(first_parts(5, workers=0)[3][0], first_parts(1, workers=0, first_step=3)[0][0])


def test_processes_share_the_parts_of_a_step_in_the_order_of_one_process():
    alone = PartIndices(3, 8, 2, (0, 1, 2, 3))
    shared = [PartIndices(3, 8, 2, (0, 1)), PartIndices(3, 8, 2, (2, 3))]
    first = list(itertools.islice(alone, 8))
    both = [list(itertools.islice(each, 4)) for each in shared]
    assert first[0] == [24, 25]
    assert first == both[0][:2] + both[1][:2] + both[0][2:] + both[1][2:]


def test_sample_is_drawn_from_seed_and_index():
    image, _ = draw_bright_ball(np.random.default_rng((7, 3)))
    assert torch.equal(first_parts(2, workers=0)[1][0][1], image)


def test_making_samples_leaves_the_runs_random_numbers_alone():
    before = torch.get_rng_state()
    first_parts(1, workers=1)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_label_without_channel_is_refused_in_one_sentence(workers):
    dataset = SampleDataset(lambda: functools.partial(constant_sample, 5, 4), seed=0, classes=3, window=4)
    batches = sample_parts(dataset, PartIndices(0, 1, 1), workers=workers, prefetch=1)
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
