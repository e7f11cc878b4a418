"""Islands and holes go to their surroundings, every voxel is reported, and large pieces are asked about."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.meshing.cleaning import Pieces, clean_labels


@pytest.fixture
def voxels() -> np.ndarray:
    array = np.zeros((30, 30, 30), np.uint8)
    array[5:25, 5:25, 5:15] = 1
    array[5:25, 5:25, 15:25] = 2
    return array


def cleaned(array: np.ndarray, pieces: Pieces = Pieces.ASK):
    result = clean_labels(sitk.GetImageFromArray(array), pieces)
    return sitk.GetArrayFromImage(result.labels), result


def test_a_clean_map_stays_as_it_is(voxels: np.ndarray) -> None:
    after, result = cleaned(voxels)
    np.testing.assert_array_equal(after, voxels)
    assert (result.islands, result.holes, result.sentences) == ({}, 0, ())


def test_islands_and_holes_go_to_what_is_around_them(voxels: np.ndarray) -> None:
    expected = voxels.copy()
    voxels[10, 10, 10] = 0  # hole in 1
    voxels[12, 12, 20] = 1  # island of 1 in 2
    voxels[2, 2, 2] = 2  # island of 2 outside
    after, result = cleaned(voxels)
    np.testing.assert_array_equal(after, expected)
    assert result.islands == {1: 1, 2: 1}
    assert result.holes == 1
    assert "Left ventricle cavity: 1 voxel in islands went to its surroundings." in result.sentences
    assert "1 voxel in enclosed holes went to the structures around it." in result.sentences
    assert result.pieces == {1: 1, 2: 1}
    assert len(result.sentences) == 3


def test_a_large_second_piece_stops_with_a_question(voxels: np.ndarray) -> None:
    voxels[1:4, 5:25, 5:15][1] = 1
    voxels[3:5, 5:25, 5:15] = 0
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((100.0, -50.0, 7.0))
    with pytest.raises(InputError) as caught:
        clean_labels(image)
    large, small = (100 + 9.5, -50 + 2 * 14.5, 7 + 3 * 14.5), (100 + 9.5, -50 + 2 * 14.5, 7 + 3 * 2)
    assert "Left ventricle cavity consists of 2 pieces (95.2 %, 24 mL around " in caught.value.message
    assert "; 4.8 %, 1.2 mL around " in caught.value.message
    for middle in (large, small):
        assert f"around ({', '.join(f'{place:.0f}' for place in middle)})" in caught.value.message
    assert "mm, LPS" in caught.value.message
    assert "--keep-all" in caught.value.remedy
    assert "--keep-largest" in caught.value.remedy


def test_of_two_equal_pieces_one_is_the_largest(voxels: np.ndarray) -> None:
    voxels[:] = 0
    voxels[5:10, 5:10, 5:10] = voxels[20:25, 20:25, 20:25] = 1
    after, result = cleaned(voxels, Pieces.KEEP_LARGEST)
    assert np.count_nonzero(after) == 125
    assert (result.pieces, result.islands) == ({1: 1}, {1: 125})


def test_the_answer_is_followed(voxels: np.ndarray) -> None:
    voxels[2, 5:25, 5:15] = 1
    after, result = cleaned(voxels, Pieces.KEEP_ALL)
    np.testing.assert_array_equal(after, voxels)
    assert result.pieces[1] == 2
    assert "2 pieces" in result.sentences[0]
    after, result = cleaned(voxels, Pieces.KEEP_LARGEST)
    assert not after[2].any()
    assert result.islands == {1: 200}
