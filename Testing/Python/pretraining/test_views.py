"""Samples of self-supervision."""

import numpy as np
import pytest
import torch

from blob_problem import BlobSource, small_config
from HeartSeg3DLib.networks import build_network
from HeartSegTrainingLib.pretraining.embedding import hidden_tokens, masked_maps, pooled
from HeartSegTrainingLib.pretraining.masking import draw_mask
from HeartSegTrainingLib.pretraining.views import ViewDataset


@pytest.fixture
def an_encoder():
    torch.manual_seed(0)
    return build_network("nano", features=(8, 16), blocks=(1, 1), vil_pairs=(0, 0)).encoder.eval()


def test_sample_i_is_a_pure_function_of_seed_and_i():
    config = small_config(mode="dinov2")
    first, second = (ViewDataset(BlobSource(), config) for _ in range(2))
    first[0]
    for one, other in zip(first[7], second[7], strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(first[7][0], first[8][0])
    assert not torch.equal(first[7][0], ViewDataset(BlobSource(), small_config(mode="dinov2", seed=1))[7][0])


def test_shapes_of_both_modes():
    paper, dino = (ViewDataset(BlobSource(), small_config(mode=mode))[0] for mode in ("paper", "dinov2"))
    assert [tuple(one.shape) for one in paper] == [(2, 1, 16, 16, 16), (0, 1, 1, 1, 1), (2, 0)]
    assert [tuple(one.shape) for one in dino] == [(2, 1, 16, 16, 16), (2, 1, 8, 8, 8), (2, 64)]
    assert not torch.equal(paper[0][0], paper[0][1])
    assert paper[0].abs().max() <= 1


def test_masks_hide_the_share_that_was_drawn():
    masks = [draw_mask(np.random.default_rng(seed), 200, probability=0.5, ratio=(0.1, 0.4)) for seed in range(300)]
    shares = torch.stack(masks).float().mean(1)
    hidden = shares[shares > 0]
    assert 0.4 < len(hidden) / 300 < 0.6
    assert 0.1 <= float(hidden.min()) < 0.13
    assert 0.37 < float(hidden.max()) <= 0.4
    all_but_one = draw_mask(np.random.default_rng(0), 4, probability=1.0, ratio=(1.0, 1.0))
    assert int(all_but_one.sum()) == 3


def test_only_hidden_blocks_of_the_first_stage_are_replaced(an_encoder):
    images, masks = torch.randn(2, 1, 16, 16, 16), torch.zeros(2, 64, dtype=torch.bool)
    masks[1, 0] = masks[1, 63] = True
    token = torch.full((8,), 5.0)
    plain, masked = an_encoder(images)[0], masked_maps(an_encoder, images, masks, token)[0]
    assert torch.equal(plain[0], masked[0])
    assert (masked[1, :, :2, :2, :2] == 5).all()
    assert (masked[1, :, 6:, 6:, 6:] == 5).all()
    assert torch.equal(plain[1, :, 2:6], masked[1, :, 2:6])


def test_nothing_hidden_is_the_plain_encoder(an_encoder):
    images = torch.randn(2, 1, 16, 16, 16)
    masked = masked_maps(an_encoder, images, torch.zeros(2, 64, dtype=torch.bool), torch.zeros(8))
    for one, other in zip(an_encoder(images), masked, strict=True):
        assert torch.equal(one, other)


def test_hidden_tokens_are_those_of_the_mask_in_the_order_of_the_array():
    bottleneck = torch.arange(2 * 3 * 8.0).view(2, 3, 2, 2, 2)
    masks = torch.zeros(2, 8, dtype=torch.bool)
    masks[0, 5] = masks[1, 2] = True
    found = hidden_tokens(bottleneck, masks)
    assert torch.equal(found, torch.stack([bottleneck[0, :, 1, 0, 1], bottleneck[1, :, 0, 1, 0]]))


def test_pooling_takes_the_bottleneck_or_all_stages():
    maps = [torch.ones(2, 3, 4, 4, 4), torch.arange(8.0).view(1, 1, 2, 2, 2).expand(2, 5, 2, 2, 2)]
    assert torch.equal(pooled(maps, multi_scale=False), torch.full((2, 5), 3.5))
    assert pooled(maps, multi_scale=True).shape == (2, 8)
