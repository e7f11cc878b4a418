from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk

from doubles import phantom
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.segmentation.frame import view_in_model_frame


def rotation(x: float, y: float, z: float) -> np.ndarray:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(x, y, z)
    return np.array(turn.GetMatrix()).reshape(3, 3)


def all_axis_orders() -> list[np.ndarray]:
    found = []
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        direction = np.zeros((3, 3))
        direction[list(order), [0, 1, 2]] = signs
        found.append(direction)
    return found


DIRECTIONS = [*all_axis_orders(), rotation(0.3, -0.2, 0.5), rotation(-1.2, 0.7, 2.0) @ np.diag([1.0, 1.0, -1.0])]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_positions_agree_with_itk(direction: np.ndarray) -> None:
    image, _ = phantom((7, 5, 6), (1.1, 2.3, 0.7), direction, (10.0, -20.0, 30.0))
    volume = view_in_model_frame(image)
    marks = np.zeros(image.GetSize()[::-1])
    for index in ((0, 0, 0), (6, 1, 2), (3, 4, 5)):
        marks[:] = 0
        marks[index[::-1]] = 1
        seen = np.argwhere(volume.orient(marks))[0]
        position = volume.rotation @ (volume.spacing * seen)
        assert volume.to_world(position) == pytest.approx(image.TransformIndexToPhysicalPoint(index), abs=1e-9)
        assert volume.array[tuple(seen)] == image[index]


def test_no_voxel_is_copied() -> None:
    image, _ = phantom(direction=all_axis_orders()[29])
    volume = view_in_model_frame(image)
    assert volume.array.base is not None
    assert not volume.array.flags.owndata
    stored = np.zeros(image.GetSize()[::-1], np.uint8)
    volume.orient(stored)[2, 3, 4] = 9
    assert stored.sum() == 9


def test_axis_aligned_and_nearly_aligned_images_need_no_rotation() -> None:
    for direction in all_axis_orders():
        assert view_in_model_frame(phantom((4, 5, 6), direction=direction)[0]).aligned
    assert view_in_model_frame(phantom((4, 5, 6), direction=rotation(0.0, 0.0, 0.004))[0]).aligned
    assert not view_in_model_frame(phantom((4, 5, 6), direction=rotation(0.0, 0.0, 0.05))[0]).aligned


@pytest.mark.parametrize("direction", DIRECTIONS[-2:])
def test_the_extent_holds_every_corner(direction: np.ndarray) -> None:
    image, _ = phantom((7, 5, 6), (1.1, 2.3, 0.7), direction)
    volume = view_in_model_frame(image)
    lower, upper = volume.extent()
    corners = np.array([volume.rotation @ (volume.spacing * (np.array(c) * (np.array(volume.shape)) - 0.5))
                        for c in product((0, 1), repeat=3)])
    assert corners.min(0) == pytest.approx(lower)
    assert corners.max(0) == pytest.approx(upper)


def test_index_range_covers_a_box_and_stops_at_the_border() -> None:
    volume = view_in_model_frame(phantom((20, 20, 20), (2.0, 2.0, 2.0))[0])
    first, last = volume.index_range(np.array([4.0, -50.0, 5.0]), np.array([8.0, 3.0, 500.0]))
    assert first.tolist() == [2, 0, 3]
    assert last.tolist() == [5, 2, 20]


@pytest.mark.parametrize("image", [
    sitk.Image([8, 8], sitk.sitkInt16),
    sitk.Image([8, 8, 8], sitk.sitkVectorFloat32, 3),
    sitk.Image([4, 4, 4, 4], sitk.sitkInt16),
    sitk.Image([4, 4, 4], sitk.sitkComplexFloat32),
])
def test_anything_but_a_scalar_volume_is_refused(image: sitk.Image) -> None:
    with pytest.raises(InputError) as error:
        view_in_model_frame(image)
    assert error.value.remedy


def test_a_spacing_in_the_wrong_unit_is_refused() -> None:
    image = sitk.Image([40, 40, 40], sitk.sitkInt16)
    image.SetSpacing((1.0, 1.0, 2.0))
    view_in_model_frame(image)
    image.SetSpacing((1000.0, 1000.0, 2000.0))
    with pytest.raises(InputError, match="80 m long, so its voxel spacing cannot be right"):
        view_in_model_frame(image)
