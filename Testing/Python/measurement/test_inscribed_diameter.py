"""The inscribed diameter against spheres and cylinders whose diameter is known."""

import numpy as np
import pytest

from HeartSeg3DLib.measurement import inscribed_sphere_diameter

# Spacing [z, y, x] in mm and by how much a 25 mm wide vessel may come out too wide, in mm.
SPACINGS = [
    ((1.0, 1.0, 1.0), 0.2),
    ((0.6, 0.4, 0.4), 0.1),
    ((1.5, 1.5, 1.5), 0.5),
    ((3.0, 1.0, 1.0), 0.5),
    ((10.0, 1.25, 1.25), 2.3),
]


def sampled(radius, spacing, rng, axis=None, extent=38.0):
    """A sphere, or a cylinder along `axis`, sampled at voxel centers with its middle between them."""
    shape = [int(np.ceil(extent / step)) for step in spacing]
    middle = [step * (size / 2 + rng.uniform(-0.5, 0.5)) for size, step in zip(shape, spacing, strict=True)]
    offset = np.stack(
        np.meshgrid(
            *(np.arange(n) * s - m for n, s, m in zip(shape, spacing, middle, strict=True)), indexing="ij"
        ),
        axis=-1,
    )
    distance = (offset**2).sum(-1)
    if axis is not None:
        distance -= (offset @ (np.asarray(axis) / np.linalg.norm(axis))) ** 2
    return distance <= radius**2


@pytest.mark.parametrize(("spacing", "at_most"), SPACINGS)
@pytest.mark.parametrize("axis", [None, (1, 0, 0), (0, 0, 1), (1.0, 0.4, -0.7)])
def test_a_sampled_sphere_or_vessel_has_its_own_diameter(spacing, at_most, axis):
    rng = np.random.default_rng(7)
    masks = [sampled(12.5, spacing, rng, axis) for _ in range(2)]
    errors = [inscribed_sphere_diameter(mask, spacing) - 25.0 for mask in masks]
    # A sphere on thick slices may be sampled by less than its own volume, which bounds the result.
    assert min(errors) > (-0.05 if spacing[0] < 10 else -0.5)
    assert max(errors) < at_most


@pytest.mark.parametrize("axis", [None, (1, 0, 0), (1.0, 0.4, -0.7)])
def test_a_narrow_vessel_is_right_to_a_voxel(axis):
    rng = np.random.default_rng(5)
    mask = sampled(4.0, (1.0, 1.0, 1.0), rng, axis)
    assert inscribed_sphere_diameter(mask, (1.0, 1.0, 1.0)) == pytest.approx(8.0, abs=0.5)


def test_the_widest_part_decides():
    rng = np.random.default_rng(1)
    narrow = sampled(5.0, (1.0, 1.0, 1.0), rng, axis=(1, 0, 0))
    wide = sampled(11.0, (1.0, 1.0, 1.0), rng)
    assert inscribed_sphere_diameter(narrow | wide, (1.0, 1.0, 1.0)) == pytest.approx(22.0, abs=0.3)


def test_the_image_border_ends_a_vessel():
    slab = np.ones((4, 60, 60), dtype=bool)
    assert inscribed_sphere_diameter(slab, (5.0, 1.0, 1.0)) == pytest.approx(20.0, abs=0.1)


def test_a_single_voxel_and_nothing():
    one = np.zeros((5, 5, 5), dtype=bool)
    assert inscribed_sphere_diameter(one, (1.0, 1.0, 1.0)) == 0.0
    one[2, 2, 2] = True
    assert inscribed_sphere_diameter(one, (1.0, 1.0, 1.0)) == pytest.approx((6 / np.pi) ** (1 / 3))


def test_a_thinned_search_finds_the_same_diameter():
    spacing = (0.3, 0.2, 0.2)
    mask = sampled(9.0, spacing, np.random.default_rng(3), axis=(1.0, 0.4, -0.7), extent=26.0)
    assert mask.size > 1_000_000
    assert inscribed_sphere_diameter(mask, spacing) == pytest.approx(18.0, abs=0.1)
