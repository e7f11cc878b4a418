"""Dice and HD95 against values known from geometry and from other implementations."""

import numpy as np
import pytest
from scipy import ndimage

from HeartSegTrainingLib.evaluation import dice, hd95

SPACING = (3.0, 1.0, 1.0)
SHAPE = (40, 48, 48)


def ball(center, radius):
    grid = np.indices(SHAPE).astype(float)
    return sum((axis - c) ** 2 for axis, c in zip(grid, center, strict=True)) <= radius**2


REFERENCE = ball((20, 24, 24), 10)
EMPTY = np.zeros(SHAPE, dtype=bool)


def cut():
    mask = REFERENCE.copy()
    mask[:, :, 30:] = False
    return mask


def with_speck():
    mask = REFERENCE.copy()
    mask[2:4, 2:4, 2:4] = True
    return mask


# Measured with MONAI 1.6.1 (max of directed) and MedPy 0.5.2 (pooled) on the same masks and spacing.
PUBLISHED = [
    ("shifted", ball((20, 27, 24), 10), 3.00, 3.00),
    ("too small", ball((20, 24, 24), 6), 9.70, 9.49),
    ("cut", cut(), 4.00, 3.61),
    ("far speck", with_speck(), 0.00, 0.00),
]


@pytest.mark.parametrize(("name", "mask", "directed", "pooled"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_hd95_agrees_with_the_implementation_it_is_named_after(name, mask, directed, pooled):
    assert hd95(mask, REFERENCE, SPACING) == pytest.approx(directed, abs=0.006)
    assert hd95(mask, REFERENCE, SPACING, "pooled") == pytest.approx(pooled, abs=0.006)


def surface_points(mask, spacing):
    """Centers of the voxels with a face neighbor outside the mask, in mm, found one voxel at a time."""
    padded = np.pad(mask, 1)
    steps = [*np.eye(3, dtype=int), *-np.eye(3, dtype=int)]
    inside = np.argwhere(mask)
    return np.array([v for v in inside if not all(padded[tuple(v + 1 + step)] for step in steps)]) * spacing


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.7, 1.3)])
def test_hd95_agrees_with_comparing_every_pair_of_surface_points(spacing):
    rng = np.random.default_rng(4)
    masks = [ndimage.gaussian_filter(rng.normal(size=(12, 15, 14)), 2.0) > 0.02 for _ in range(2)]
    one, other = (surface_points(mask, spacing) for mask in masks)
    distances = np.linalg.norm(one[:, None] - other[None], axis=-1)
    there, back = distances.min(axis=1), distances.min(axis=0)
    directed = max(np.percentile(there, 95), np.percentile(back, 95))
    assert directed > 1.0
    assert hd95(*masks, spacing) == pytest.approx(directed)
    assert hd95(*masks, spacing, "pooled") == pytest.approx(np.percentile([*there, *back], 95))


def test_dice_of_known_overlaps():
    one, other = np.zeros((2, 4, 4, 4), dtype=bool)
    one[:2], other[1:3] = True, True
    assert dice(one, other) == pytest.approx(0.5)
    assert dice(one, one) == 1.0
    assert dice(one, ~one) == 0.0


def test_both_empty_is_not_applicable():
    assert dice(EMPTY, EMPTY) is None
    assert hd95(EMPTY, EMPTY, SPACING) is None


@pytest.mark.parametrize("definition", ["max-of-directed", "pooled"])
def test_one_empty_costs_the_image_diagonal(definition):
    diagonal = np.sqrt((40 * 3.0) ** 2 + 48**2 + 48**2)
    for pair in ((EMPTY, REFERENCE), (REFERENCE, EMPTY)):
        assert dice(*pair) == 0.0
        assert hd95(*pair, SPACING, definition) == pytest.approx(diagonal)


def test_hd95_is_symmetric_and_scales_with_the_spacing():
    mask = ball((20, 24, 24), 6)
    forward = hd95(mask, REFERENCE, SPACING)
    assert hd95(REFERENCE, mask, SPACING) == forward
    assert hd95(mask, REFERENCE, tuple(2 * s for s in SPACING)) == pytest.approx(2 * forward)


def test_a_mask_at_the_image_border_has_its_surface_there():
    one, other = np.zeros((2, 12, 20, 20), dtype=bool)
    one[:8, 5:15, 5:15], other[:10, 5:15, 5:15] = True, True
    assert hd95(one, other, (1.0, 1.0, 1.0)) == pytest.approx(2.0)


def test_wrong_calls_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        hd95(EMPTY, EMPTY[1:], SPACING)
    with pytest.raises(ValueError, match="definition"):
        hd95(EMPTY, EMPTY, SPACING, "average")
