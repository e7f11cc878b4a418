from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from torch import Tensor

from doubles import dice
from HeartSeg3DLib.segmentation import export
from HeartSeg3DLib.segmentation.export import export_labels
from HeartSeg3DLib.segmentation.frame import view_in_model_frame
from HeartSeg3DLib.segmentation.resample import Grid
from HeartSeg3DLib.segmentation.window import Prediction
from test_frame import rotation


def seen(values: Tensor, grid: Grid) -> Prediction:
    return Prediction(values, grid, torch.ones(grid.shape, dtype=torch.bool), grid.spacing)


def smooth(classes: int, *shape: int) -> Tensor:
    noise = torch.randn(1, classes, *shape, generator=torch.Generator().manual_seed(3))
    return torch.log_softmax(4.0 * F.avg_pool3d(noise, 3, 1, 1), 1)[0]


def run(image: sitk.Image, prediction: Prediction, values: tuple[int, ...]) -> np.ndarray:
    winner = prediction.log_probabilities.argmax(0)
    labels, _ = export_labels(image, view_in_model_frame(image), prediction, winner, values, lambda done: None)
    assert labels.GetPixelID() == sitk.sitkUInt8
    for of in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(labels, of)() == getattr(image, of)()
    return sitk.GetArrayFromImage(labels)


def test_labels_are_those_of_interpolating_all_classes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(export._SLAB_VOXELS, "cpu", 3000)
    values = smooth(5, 8, 9, 10)
    image = sitk.Image([30, 27, 24], sitk.sitkInt16)
    grid = Grid((1.0, 1.0, 1.0), 3.0, (8, 9, 10))
    expected = F.interpolate(values[None], scale_factor=3, mode="trilinear", align_corners=False)[0].argmax(0)
    labels = run(image, seen(values, grid), (0, 1, 2, 3, 4))
    # The rim of half a cell around the labeled cells at the window's border is all that may be left out.
    different = labels != expected.numpy()
    assert different.mean() < 1e-4


def test_label_values_follow_the_card_and_a_class_without_a_cell_is_left_out() -> None:
    values = smooth(4, 6, 6, 6)
    values[2] = -50.0
    image = sitk.Image([18, 18, 18], sitk.sitkInt16)
    labels = run(image, seen(values, Grid((1.0, 1.0, 1.0), 3.0, (6, 6, 6))), (0, 107, 5, 9))
    assert set(np.unique(labels)) == {0, 9, 107}


def test_nothing_found_gives_an_empty_label_map() -> None:
    values = torch.stack([torch.zeros(4, 4, 4), torch.full((4, 4, 4), -5.0)])
    assert run(sitk.Image([9, 9, 9], sitk.sitkInt16), seen(values, Grid((0.0, 0.0, 0.0), 2.0, (4, 4, 4))),
               (0, 1)).sum() == 0


@pytest.mark.parametrize("spacing", [(0.8, 0.9, 1.0), (0.8, 0.8, 6.0)])
@pytest.mark.parametrize("direction", [np.eye(3), rotation(0.5, -0.4, 0.3), rotation(0.2, 0.9, -2.0)])
def test_a_sphere_stays_a_sphere_on_any_grid(direction: np.ndarray, spacing: tuple[float, float, float]) -> None:
    size = np.array([round(60 / s) for s in spacing])
    image = sitk.Image(size.tolist(), sitk.sitkInt16)
    image.SetSpacing(spacing)
    image.SetDirection(direction.ravel().tolist())
    volume = view_in_model_frame(image)
    lower, upper = volume.extent()
    grid = Grid.centered(0.5 * (lower + upper), 3.0, (30, 30, 30))
    middle = 0.5 * (np.array(grid.lower) + grid.upper)
    z, y, x = np.meshgrid(*[s + 3.0 * np.arange(n) for s, n in zip(grid.start, grid.shape, strict=True)],
                          indexing="ij")
    radius = np.sqrt(((np.stack([z, y, x], -1) - middle) ** 2).sum(-1))
    inner = torch.from_numpy(20.0 - radius).float()
    labels = run(image, seen(torch.stack([-inner, inner]), grid), (0, 1))
    center = np.array(volume.to_world(middle))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), -1)
    world = index * np.array(spacing) @ direction.T
    truth = (((world - center) ** 2).sum(-1) < 20.0**2).transpose(2, 1, 0)
    assert dice(labels, truth.astype(np.uint8), 1) > 0.985


def test_labels_in_an_oblique_frame_end_where_the_window_ends() -> None:
    image = sitk.Image([60, 60, 60], sitk.sitkInt16)
    image.SetDirection(rotation(0.4, 0.3, 0.5).ravel().tolist())
    volume = view_in_model_frame(image)
    lower, upper = volume.extent()
    grid = Grid.centered(0.5 * (lower + upper), 3.0, (7, 8, 9))
    full = torch.stack([torch.full(grid.shape, -5.0), torch.zeros(grid.shape)])
    labels = volume.orient(run(image, seen(full, grid), (0, 1)))
    index = np.stack(np.meshgrid(*[np.arange(60)] * 3, indexing="ij"), -1)
    position = index @ volume.rotation.T
    expected = ((position >= grid.lower) & (position <= grid.upper)).all(-1)
    assert dice(labels, expected.astype(np.uint8), 1) > 0.99
