from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import Tensor

from doubles import HU, LABELS, ByIntensity, card, dice, fine_model, level, locator_model, phantom
from HeartSeg3DLib.errors import CancelledError, InputError, ModelError, UsageError
from HeartSeg3DLib.models import LoadedModel
from HeartSeg3DLib.segmentation import Segmenter
from test_frame import rotation

CPU = torch.device("cpu")
CODES = [
    "".join(letters[sign] for letters, sign in zip(order, signs, strict=True))
    for order in permutations(("LR", "PA", "SI"))
    for signs in product((0, 1), repeat=3)
]


def small_segmenter(**changes: object) -> Segmenter:
    return Segmenter(fine_model(2.5, 32, **changes), locator_model(5.0, 20), CPU)  # type: ignore[arg-type]


def small_phantom(direction: np.ndarray | None = None) -> tuple[sitk.Image, np.ndarray]:
    return phantom((38, 34, 30), (2.6, 2.4, 3.1), direction)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Dice of everything labeled."""
    return dice((one > 0).astype(np.uint8), (other > 0).astype(np.uint8), 1)


def assert_on_grid_of(labels: sitk.Image, image: sitk.Image) -> None:
    assert labels.GetPixelID() == sitk.sitkUInt8
    assert labels.GetSize() == image.GetSize()
    assert labels.GetSpacing() == image.GetSpacing()
    assert labels.GetOrigin() == image.GetOrigin()
    assert labels.GetDirection() == image.GetDirection()


def test_all_48_storage_orders_show_the_network_the_same_and_give_the_same_labels() -> None:
    image, _ = small_phantom()
    fine, locator = fine_model(2.5, 32), locator_model(5.0, 20)
    segmenter = Segmenter(fine, locator, CPU)
    expected = segmenter.segment(image).labels
    seen = [fine.network.seen.pop(), locator.network.seen.pop()]  # type: ignore[union-attr, operator]
    assert sitk.GetArrayViewFromImage(expected).max() == 3
    assert len(set(CODES)) == 48
    for code in CODES:
        stored = sitk.DICOMOrient(image, code)
        labels = segmenter.segment(stored).labels
        assert_on_grid_of(labels, stored)
        again = [fine.network.seen.pop(), locator.network.seen.pop()]  # type: ignore[union-attr, operator]
        assert all(torch.equal(a, b) for a, b in zip(seen, again, strict=True)), code
        back = sitk.GetArrayFromImage(sitk.DICOMOrient(labels, "LPS"))
        assert np.array_equal(back, sitk.GetArrayViewFromImage(expected)), code


@pytest.mark.parametrize("direction", [
    np.eye(3), rotation(0.3, -0.2, 0.5), rotation(-0.9, 0.4, 1.2) @ np.diag([1.0, -1.0, 1.0]),
])
def test_labels_lie_on_the_heart_in_any_frame(direction: np.ndarray) -> None:
    image, truth = phantom((62, 60, 58), (1.7, 1.7, 1.7), direction)
    result = Segmenter(fine_model(1.0, 96), locator_model(), CPU).segment(image, "ct")
    assert_on_grid_of(result.labels, image)
    labels = sitk.GetArrayFromImage(result.labels)
    assert overlap(labels, truth) > 0.965
    assert dice(labels, truth, 2) > 0.95
    lower, upper = result.box_mm
    assert all(low < value < high for low, value, high in zip(lower, (6.0, 2.0, 0.0), upper, strict=True))


def test_thick_slices_are_segmented(a_segmenter: Segmenter) -> None:
    image, truth = phantom((60, 56, 11), (1.6, 1.6, 9.0))
    labels = sitk.GetArrayFromImage(a_segmenter.segment(image).labels)
    assert overlap(labels, truth) > 0.9


@pytest.mark.parametrize(("size", "center", "said"), [
    ((48, 44, 14), (0.0, 0.0, 0.0), "lower and upper"),
    ((24, 44, 40), (20.0, 0.0, 0.0), "right"),
    ((22, 20, 24), (6.0, 2.0, 0.0), "border"),
])
def test_a_scan_that_cuts_the_heart_works_and_says_what_is_cut(
    a_segmenter: Segmenter, size: tuple[int, int, int], center: tuple[float, float, float], said: str
) -> None:
    image, truth = phantom(size, (1.8, 1.8, 1.8), center=center)
    result = a_segmenter.segment(image, "ct")
    labels = sitk.GetArrayFromImage(result.labels)
    assert overlap(labels, truth) > 0.93
    cut = [text for text in result.warnings if "cut by" in text]
    assert any("myocardium" in text and said in text for text in cut)


def test_a_whole_heart_in_view_raises_no_warning(a_segmenter: Segmenter) -> None:
    result = a_segmenter.segment(phantom()[0])
    assert result.warnings == []
    assert result.modality == "ct"
    assert result.evidence["agreement"] > 0.9
    assert set(result.seconds) >= {"prepare", "locate", "network", "clean_up", "export"}


def test_a_structure_outside_the_field_of_view_stays_empty(a_segmenter: Segmenter) -> None:
    image, truth = phantom((30, 44, 40), (1.8, 1.8, 1.8), center=(20.0, 0.0, 0.0))
    assert 3 not in truth
    labels = sitk.GetArrayFromImage(a_segmenter.segment(image).labels)
    assert 1.8**3 * (labels == 3).sum() < 1500.0, "only the shell of the myocardium has the ventricle's intensity"


def test_an_image_without_a_heart_is_refused_with_a_remedy(a_segmenter: Segmenter) -> None:
    image = sitk.GetImageFromArray(
        np.random.default_rng(0).normal(-200.0, 12.0, (40, 40, 40)).astype(np.int16))
    image.SetSpacing((2.0, 2.0, 2.0))
    with pytest.raises(InputError, match="No heart found in this image") as error:
        a_segmenter.segment(image, "ct")
    assert error.value.exit_code == 3
    assert error.value.remedy


def test_a_finding_that_the_segmenter_does_not_confirm_is_refused() -> None:
    blind = fine_model(network=ByIntensity([level(HU[0]), 50.0, 60.0, 70.0]))
    with pytest.raises(InputError, match="No heart found"):
        Segmenter(blind, locator_model(), CPU).segment(phantom()[0])


def test_thresholds_of_the_locator_card_decide() -> None:
    image, _ = phantom()
    Segmenter(fine_model(), locator_model(decision={"min_volume_ml": 50.0}), CPU).segment(image)
    with pytest.raises(InputError, match="No heart found"):
        Segmenter(fine_model(), locator_model(decision={"min_volume_ml": 500.0}), CPU).segment(image)


def test_a_constant_image_and_unknown_choices_are_refused(a_segmenter: Segmenter) -> None:
    with pytest.raises(InputError, match="same value"):
        a_segmenter.segment(sitk.Image([20, 20, 20], sitk.sitkInt16) + 3)
    with pytest.raises(UsageError, match="quality"):
        a_segmenter.segment(phantom()[0], quality="superb")


def test_a_model_for_ct_refuses_mr_and_too_large_labels_are_refused() -> None:
    model = fine_model()
    only_ct = LoadedModel(model.card.with_values(modalities=("ct",), intensity={"ct": model.card.intensity["ct"]}),
                          model.network)
    with pytest.raises(ModelError, match="not made for MR"):
        Segmenter(only_ct, locator_model(), CPU).segment(phantom()[0], "mr")
    large = LoadedModel(model.card.with_values(labels=(0, 1, 2, 300)), model.network)
    with pytest.raises(ModelError, match="above 255"):
        Segmenter(large, locator_model(), CPU)


def test_ct_stored_without_its_intercept_gives_the_same_labels(a_segmenter: Segmenter) -> None:
    image, _ = phantom()
    array = sitk.GetArrayFromImage(image)
    array[array < -140] = -140
    array[:, :8] = -1000
    array[:, 8:14] = 40
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.7, 1.9, 2.1))
    stored = sitk.GetImageFromArray((np.maximum(array, -1024) + 1024).astype(np.uint16))
    stored.CopyInformation(image)
    one, other = a_segmenter.segment(image), a_segmenter.segment(stored)
    assert other.modality == "ct"
    assert any("1024" in text for text in other.warnings)
    different = sitk.GetArrayViewFromImage(one.labels) != sitk.GetArrayViewFromImage(other.labels)
    assert different.mean() < 1e-4


@pytest.mark.parametrize("quality", ["fast", "best"])
def test_every_quality_finds_the_heart(a_segmenter: Segmenter, quality: str) -> None:
    image, truth = phantom()
    result = a_segmenter.segment(image, quality=quality)
    labels = sitk.GetArrayFromImage(result.labels)
    assert overlap(labels, truth) > 0.93
    assert result.spacing_mm == pytest.approx(3.0 if quality == "fast" else 2.0)


def test_a_heart_larger_than_the_window_is_tiled_without_seams() -> None:
    image, _ = phantom()
    tiled = Segmenter(fine_model(2.0, 32), locator_model(), CPU).segment(image)
    whole = Segmenter(fine_model(2.5, 64), locator_model(), CPU).segment(image)
    assert tiled.spacing_mm == pytest.approx(2.5)
    one, other = (sitk.GetArrayFromImage(result.labels) for result in (tiled, whole))
    assert overlap(one, other) > 0.98


@pytest.mark.parametrize("names", [LABELS, (0, 6, 7, 3)], ids=["chambers", "vessels"])
def test_a_window_that_cuts_a_structure_is_moved(names: tuple[int, ...]) -> None:
    only_right = ByIntensity([level(HU[2]), level(HU[3] + 200.0)])
    image, truth = phantom((70, 50, 50), (2.0, 2.0, 2.0))
    thresholds = {"min_volume_ml": 5.0, "min_mean_probability": 0.5, "min_peak_probability": 0.5, "min_agreement": 0.0}
    locator = LoadedModel(locator_model(decision=thresholds).card, only_right)  # type: ignore[arg-type]
    fine = fine_model(2.0, 40)
    renamed = LoadedModel(card("segmenter", names, 2.0, 40), fine.network)
    result = Segmenter(renamed, locator, CPU).segment(image)
    assert result.box_mm[1][0] < 10.0, "the locator saw no more than the right ventricle"
    named = dict(zip(names, LABELS, strict=True))
    labels = np.vectorize(named.get)(sitk.GetArrayFromImage(result.labels))
    assert dice(labels, truth, 2) > 0.85
    assert overlap(labels, truth) > 0.92


@pytest.mark.parametrize("quality", ["standard", "best"])
def test_progress_rises_to_one_and_names_its_stages(a_segmenter: Segmenter, quality: str) -> None:
    said: list[tuple[float, str]] = []
    a_segmenter.segment(phantom()[0], quality=quality,
                        progress=lambda done, stage: said.append((done, stage)))
    fractions = [done for done, _ in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len({stage for _, stage in said}) >= 5


@pytest.mark.parametrize("calls", [0, 2, 5])
def test_cancelling_stops_at_the_next_step(a_segmenter: Segmenter, calls: int) -> None:
    polled = iter([False] * calls + [True] * 1000)
    with pytest.raises(CancelledError) as error:
        a_segmenter.segment(phantom()[0], cancelled=lambda: next(polled))
    assert error.value.exit_code == 130
    assert next(polled, None) is True


def test_cancelling_stops_within_the_finer_look(a_segmenter: Segmenter) -> None:
    stages: list[str] = []
    with pytest.raises(CancelledError):
        a_segmenter.segment(phantom()[0], quality="best", progress=lambda done, stage: stages.append(stage),
                            cancelled=lambda: "Segmenting on finer voxels" in stages)
    assert "Cleaning up" not in stages


def test_a_heart_that_needs_tiles_gets_a_finer_look_of_all_of_it() -> None:
    image, truth = phantom((70, 50, 50), (2.0, 2.0, 2.0))
    found = Segmenter(fine_model(2.5, 16), locator_model(), CPU).segment(image, quality="best")
    assert overlap(sitk.GetArrayFromImage(found.labels), truth) > 0.9


def test_lack_of_memory_is_survived_and_said() -> None:
    class Hungry(ByIntensity):
        def forward(self, x: Tensor) -> Tensor:
            if x.numel() > 36**3:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
            return super().forward(x)

    image, truth = phantom()
    model = fine_model(network=Hungry([level(HU[label]) for label in LABELS]))
    result = Segmenter(model, locator_model(), CPU).segment(image)
    assert any("smaller windows" in text for text in result.warnings)
    labels = sitk.GetArrayFromImage(result.labels)
    assert overlap(labels, truth) > 0.95


def test_one_segmenter_serves_several_images(a_segmenter: Segmenter) -> None:
    first, second = phantom()[0], phantom((40, 44, 40), (2.5, 2.1, 2.4))[0]
    alone = a_segmenter.segment(first).labels
    a_segmenter.segment(second)
    again = a_segmenter.segment(first).labels
    assert np.array_equal(sitk.GetArrayViewFromImage(alone), sitk.GetArrayViewFromImage(again))


def test_the_input_is_not_changed(a_segmenter: Segmenter) -> None:
    image, _ = phantom()
    before = sitk.GetArrayFromImage(image)
    a_segmenter.segment(image)
    assert np.array_equal(before, sitk.GetArrayViewFromImage(image))


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float32, np.float64])
def test_every_voxel_type_is_read(a_segmenter: Segmenter, kind: type) -> None:
    image, truth = phantom()
    array = np.clip((sitk.GetArrayFromImage(image).astype(float) + 260.0) / 4.0, 0, 255).astype(kind)
    other = sitk.GetImageFromArray(array)
    other.CopyInformation(image)
    labels = sitk.GetArrayFromImage(a_segmenter.segment(other, "mr").labels)
    assert overlap(labels, truth) > 0.6
