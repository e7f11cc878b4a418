"""Class probabilities come back from their file as they went in, and what is no such file is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import ClassProbabilities, holds_probabilities, read_probabilities, write_probabilities
from HeartSeg3DLib.imaging.nrrd_writer import write_nrrd
from HeartSeg3DLib.imaging.probabilities import class_probabilities_on

KEY = "HeartSeg class probabilities of labels"


def grid(size: tuple[int, int, int] = (7, 6, 5)) -> sitk.Image:
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing((1.5, 1.4, 1.6))
    image.SetOrigin((-3.0, 12.5, 40.0))
    image.SetDirection(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.3, -0.2, 0.5).GetMatrix())
    return image


@pytest.fixture
def probabilities() -> ClassProbabilities:
    parts = np.random.default_rng(2).dirichlet(np.full(4, 0.4), (5, 6, 7))
    return class_probabilities_on(grid(), (1, 2, 7), np.rint(255 * parts[..., 1:]).astype(np.uint8))


def write_raw(path: Path, shares: np.ndarray, values: str) -> Path:
    write_nrrd(path, grid(shares.shape[2::-1]), [shares], shares.dtype, pairs={KEY: values}, list_size=shares.shape[3],
               list_label="label")
    return path


def test_the_most_probable_label_wins_and_the_background_wins_ties() -> None:
    shares = np.zeros((4, 4, 4, 2), np.uint8)
    shares[0, 0, 0], shares[0, 0, 1], shares[0, 0, 2] = (100, 101), (127, 0), (128, 0)
    found = class_probabilities_on(sitk.Image(4, 4, 4, sitk.sitkUInt8), (3, 9), shares)
    voxels = sitk.GetArrayFromImage(found.labels)
    assert voxels[0, 0, :4].tolist() == [9, 0, 3, 0]


@pytest.mark.parametrize("name", ["p.nrrd", "p.seq.nrrd"])
def test_everything_comes_back(tmp_path: Path, probabilities: ClassProbabilities, name: str) -> None:
    path = tmp_path / name
    write_probabilities(path, probabilities)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert holds_probabilities(path)
    back = read_probabilities(path)
    assert back.values == probabilities.values
    np.testing.assert_array_equal(back.shares, probabilities.shares)
    np.testing.assert_array_equal(*(sitk.GetArrayViewFromImage(one.labels) for one in (back, probabilities)))
    for of in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(back.labels, of)(), getattr(probabilities.labels, of)(), rtol=1e-12)


def test_one_structure_alone_comes_back(tmp_path: Path) -> None:
    shares = np.full((5, 6, 7, 1), 200, np.uint8)
    write_probabilities(tmp_path / "p.nrrd", class_probabilities_on(grid(), (4,), shares))
    np.testing.assert_array_equal(read_probabilities(tmp_path / "p.nrrd").shares, shares)


def test_what_the_file_system_refuses_is_told(tmp_path: Path, probabilities: ClassProbabilities) -> None:
    with pytest.raises(UsageError, match="could not be written"):
        write_probabilities(tmp_path / "missing" / "p.nrrd", probabilities)


def test_scans_label_maps_and_missing_files_hold_none(tmp_path: Path) -> None:
    for name in ("scan.nrrd", "labels.nii.gz"):
        sitk.WriteImage(grid(), str(tmp_path / name))
        assert not holds_probabilities(tmp_path / name)
        with pytest.raises(InputError, match="holds no class probabilities"):
            read_probabilities(tmp_path / name)
    assert not holds_probabilities(tmp_path / "missing.nrrd")


@pytest.mark.parametrize("values", ["", "a b c", "3 2 1", "1 1 2", "0 1 2", "1 2 256", "1 2.5 3"])
def test_labels_that_are_none_are_refused(tmp_path: Path, values: str) -> None:
    path = write_raw(tmp_path / "p.nrrd", np.zeros((5, 6, 7, 3), np.uint8), values)
    with pytest.raises(InputError, match="no ascending label values") as caught:
        read_probabilities(path)
    assert "--probabilities" in caught.value.remedy


def test_another_number_of_channels_is_refused(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "p.nrrd", np.zeros((5, 6, 7, 3), np.uint8), "1 2")
    with pytest.raises(InputError, match="names 2 labels, and each voxel has 3 numbers"):
        read_probabilities(path)


def test_another_type_of_number_is_refused(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "p.nrrd", np.zeros((5, 6, 7, 2), np.float32), "1 2")
    with pytest.raises(InputError, match="32-bit float, not 8-bit unsigned"):
        read_probabilities(path)


def test_probabilities_above_one_are_refused(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "p.nrrd", np.full((5, 6, 7, 2), 140, np.uint8), "1 2")
    with pytest.raises(InputError, match=r"add up to 1\.10"):
        read_probabilities(path)


def test_a_file_cut_short_is_refused(tmp_path: Path, probabilities: ClassProbabilities) -> None:
    path = tmp_path / "p.nrrd"
    write_probabilities(path, probabilities)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError) as caught:
        read_probabilities(path)
    assert caught.value.remedy


def test_finer_voxels_keep_the_borders_of_the_image_and_the_mean(probabilities: ClassProbabilities) -> None:
    finer = probabilities.resampled(0.5)
    old, new = probabilities.labels, finer.labels
    assert max(new.GetSpacing()) < 0.6
    for end in (0, 1):
        corners = [image.TransformContinuousIndexToPhysicalPoint([end * n - 0.5 for n in image.GetSize()])
                   for image in (old, new)]
        np.testing.assert_allclose(*corners, atol=1e-9)
    assert finer.shares.mean() == pytest.approx(probabilities.shares.mean(), rel=0.1)
    assert finer.shares.shape == (*new.GetSize()[::-1], 3)
