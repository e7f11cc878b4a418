import numpy as np
import pytest
import torch
from torch.nn import functional as F

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.finetuning.losses import (
    IGNORE,
    LEVEL_WEIGHTS,
    deep_supervision_loss,
    soft_cross_entropy,
    soft_dice,
    soft_targets,
)
from HeartSegTrainingLib.finetuning.losses.soft_cross_entropy import merge_unlabelled

CLASSES = 4


@pytest.fixture
def labels() -> torch.Tensor:
    """Two random label maps of odd size with some ignored voxels and one ignored corner."""
    drawn = torch.randint(0, CLASSES, (2, 13, 8, 9), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    drawn[torch.rand(drawn.shape, generator=torch.Generator().manual_seed(1)) < 0.1] = IGNORE
    drawn[0, :4, :4, :4] = IGNORE
    return drawn


def hard_logits(labels: torch.Tensor, certainty: float = 30.0) -> torch.Tensor:
    return certainty * F.one_hot(labels.long(), CLASSES).movedim(-1, 1).float()


def counted_by_hand(labels: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Fractions and weights of each coarse voxel, one voxel at a time."""
    cells = [-(-side // stride) for side in labels.shape[1:]]
    fractions = np.zeros((labels.shape[0], CLASSES, *cells))
    weight = np.zeros((labels.shape[0], *cells))
    for item, *cell in np.ndindex(labels.shape[0], *cells):
        block = labels[(item, *(slice(index * stride, (index + 1) * stride) for index in cell))]
        known = block[block != IGNORE]
        weight[(item, *cell)] = known.size / block.size
        for value in range(CLASSES):
            fractions[(item, value, *cell)] = (known == value).mean() if known.size else 0.0
    return fractions, weight


def test_targets_equal_fractions_counted_voxel_by_voxel(labels):
    shapes = [[-(-side // stride) for side in labels.shape[1:]] for stride in (2, 8)]
    for target, stride in zip(soft_targets(labels, CLASSES, shapes), (2, 8), strict=True):
        fractions, weight = counted_by_hand(labels.numpy(), stride)
        np.testing.assert_allclose(target.fractions, fractions, atol=1e-6)
        np.testing.assert_allclose(target.weight, weight, atol=1e-6)


def test_logits_off_the_grid_are_refused(labels):
    with pytest.raises(UsageError, match="power-of-two"):
        soft_targets(labels, CLASSES, [(5, 3, 3)])


def test_on_hard_targets_the_losses_are_the_textbook_ones():
    generator = torch.Generator().manual_seed(2)
    truth = torch.randint(0, CLASSES, (2, 6, 6, 6), generator=generator, dtype=torch.uint8)
    logits = torch.randn((2, CLASSES, 6, 6, 6), generator=generator)
    target = soft_targets(truth, CLASSES, [(6, 6, 6)])[0]
    entropy = soft_cross_entropy(logits.log_softmax(1), target)
    torch.testing.assert_close(entropy, F.cross_entropy(logits, truth.long()))

    probabilities = logits.softmax(1)
    dice, present = soft_dice(probabilities, target)
    hard = hard_logits(truth, 1.0)
    common, sizes = ((probabilities * hard).sum((0, 2, 3, 4)), (probabilities + hard).sum((0, 2, 3, 4)))
    torch.testing.assert_close(dice, ((2 * common + 1) / (sizes + 1))[1:])
    assert present.all()


def test_the_best_prediction_is_the_fraction_itself(labels):
    target = soft_targets(labels, CLASSES, [(4, 2, 3)])[0]
    exact, _ = soft_dice(target.fractions, target)
    hard = F.one_hot(target.fractions.argmax(1), CLASSES).movedim(-1, 1).float()
    rounded, _ = soft_dice(hard, target)
    torch.testing.assert_close(exact, torch.ones(CLASSES - 1))
    assert (rounded < 0.9).all()


def test_ignored_voxels_change_neither_loss_nor_gradient():
    truth = torch.zeros((1, 8, 8, 8), dtype=torch.uint8)
    truth[:, 2:6, 2:6, 2:4] = 1
    truth[:, :, :, 4:] = IGNORE
    logits = torch.randn((1, CLASSES, 4, 4, 4), generator=torch.Generator().manual_seed(3), requires_grad=True)
    other = logits.detach().clone()
    other[..., 2:] += 5.0
    loss = deep_supervision_loss([logits], truth).total
    torch.testing.assert_close(loss, deep_supervision_loss([other], truth).total)
    loss.backward()
    assert not logits.grad[..., 2:].any()
    assert logits.grad[..., :2].any()


def test_classes_missing_from_the_batch_do_not_count_in_dice():
    truth = torch.zeros((1, 8, 8, 8), dtype=torch.uint8)
    truth[:, 2:6, 2:6, 2:6] = 2
    terms = deep_supervision_loss([hard_logits(truth)], truth)
    assert terms.present.tolist() == [False, True, False]
    assert float(terms.total) == pytest.approx(0.0, abs=1e-4)


def test_a_volume_of_ignored_voxels_gives_no_loss():
    truth = torch.full((1, 8, 8, 8), IGNORE, dtype=torch.uint8)
    logits = torch.randn((1, CLASSES, 4, 4, 4), requires_grad=True)
    loss = deep_supervision_loss([logits], truth).total
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def test_an_unlabelled_structure_may_be_called_background_or_itself():
    truth = torch.zeros((1, 8, 8, 8), dtype=torch.uint8)
    truth[:, :, :, :4] = 1
    claims_structure_3 = hard_logits(torch.where(truth == 0, 3, truth))
    labelled = torch.tensor([[True, True, True, False]])
    assert float(deep_supervision_loss([claims_structure_3], truth).total) > 5
    assert float(deep_supervision_loss([claims_structure_3], truth, labelled).total) == pytest.approx(0, abs=1e-4)
    as_background = deep_supervision_loss([hard_logits(truth)], truth, labelled)
    assert float(as_background.total) == pytest.approx(0, abs=1e-4)


def test_merging_nothing_leaves_the_probabilities():
    log_probabilities = torch.randn((2, CLASSES, 3, 3, 3)).log_softmax(1)
    merged = merge_unlabelled(log_probabilities, torch.ones((2, CLASSES), dtype=torch.bool))
    torch.testing.assert_close(merged, log_probabilities)


def test_levels_are_weighted_finest_first(labels):
    generator = torch.Generator().manual_seed(4)
    logits = [torch.randn((2, CLASSES, *(-(-side // stride) for side in labels.shape[1:])), generator=generator)
              for stride in (2, 4, 8)]
    apart = [deep_supervision_loss([level], labels).total for level in logits]
    together = deep_supervision_loss(logits, labels).total
    torch.testing.assert_close(together, sum(weight * loss for weight, loss in zip(LEVEL_WEIGHTS, apart, strict=True)))
