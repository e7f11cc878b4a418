from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from doubles import HU, locator_model, phantom
from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.segmentation.frame import view_in_model_frame
from HeartSeg3DLib.segmentation.locate import Decision, Evidence, is_heart, judge, locate, with_labels
from HeartSeg3DLib.segmentation.resample import Grid
from HeartSeg3DLib.segmentation.runner import Runner
from HeartSeg3DLib.segmentation.window import Prediction, ReadyModel

GRID = Grid((0.0, 0.0, 0.0), 5.0, (20, 20, 20))


def prediction(*blobs: tuple[tuple[slice, slice, slice], float]) -> Prediction:
    heart = torch.full(GRID.shape, 1e-6)
    for where, probability in blobs:
        heart[where] = probability
    log = torch.stack([1.0 - heart, heart]).log()
    return Prediction(log, GRID, torch.ones(GRID.shape, dtype=torch.bool), 2.5)


HEART = (slice(5, 12), slice(6, 13), slice(4, 12))
CORNER = (slice(0, 3), slice(16, 20), slice(16, 20))


def test_the_component_with_the_largest_mass_wins() -> None:
    found = judge(prediction((HEART, 0.9), (CORNER, 1.0)), Decision(margin_mm=4.0))
    assert found.box is not None
    assert found.box.lower == pytest.approx([18.5, 23.5, 13.5], abs=0.1)
    assert found.box.upper == pytest.approx([61.5, 66.5, 61.5], abs=0.1)
    assert found.center == pytest.approx([40.0, 45.0, 37.5], abs=1e-3)
    assert found.evidence.volume_ml == pytest.approx(7 * 7 * 8 * 0.125)
    assert found.evidence.mean_probability == pytest.approx(0.9, abs=1e-5)


def test_a_heart_split_by_a_thin_artifact_stays_one() -> None:
    found = judge(prediction((HEART, 0.9), ((slice(8, 9), slice(None), slice(None)), 0.001)), Decision(margin_mm=0.0))
    assert found.box is not None
    assert found.box.size == pytest.approx([35.0, 35.0, 40.0], abs=0.1)


def test_the_box_moves_with_the_probability_and_not_in_whole_cells() -> None:
    rim = (slice(5, 12), slice(6, 13), slice(12, 13))
    ends = []
    for probability in (0.48, 0.49, 0.51, 0.52):
        found = judge(prediction((HEART, 0.9), (rim, probability)), Decision(margin_mm=0.0))
        assert found.box is not None
        ends.append(found.box.upper[2])
    assert ends == sorted(ends)
    assert ends[-1] - ends[0] < 0.1


def test_what_lies_outside_the_field_of_view_is_no_heart() -> None:
    seen = prediction((HEART, 1.0))
    seen.inside[HEART] = False
    assert judge(seen, Decision()).box is None


@pytest.mark.parametrize(("evidence", "expected"), [
    (Evidence(100.0, 0.9, 0.99), True),
    (Evidence(5.0, 0.9, 0.99), False),
    (Evidence(100.0, 0.55, 0.99), False),
    (Evidence(100.0, 0.9, 0.7), False),
    (Evidence(100.0, 0.9, 0.99, 300.0, 0.9), True),
    (Evidence(100.0, 0.9, 0.99, 2.0, 0.9), False),
    (Evidence(100.0, 0.9, 0.99, 300.0, 0.1), False),
])
def test_every_threshold_can_refuse(evidence: Evidence, expected: bool) -> None:
    assert is_heart(evidence, Decision()) is expected


def test_thresholds_come_from_the_card() -> None:
    decision = Decision.from_card({"decision": {"min_volume_ml": 55, "margin_mm": 12}, "papillary": "cavity"})
    assert decision == Decision(min_volume_ml=55.0, margin_mm=12.0)
    with pytest.raises(ModelError, match="min_size"):
        Decision.from_card({"decision": {"min_size": 3}})


def test_labels_far_from_the_finding_do_not_support_it() -> None:
    found = judge(prediction((HEART, 0.9)), Decision())
    fine = Grid((0.0, 0.0, 0.0), 2.5, (40, 40, 40))
    inside, away = torch.zeros(fine.shape, dtype=torch.bool), torch.zeros(fine.shape, dtype=torch.bool)
    inside[12:20, 14:22, 10:20] = True
    away[34:40, 34:40, 34:40] = True
    good = with_labels(found, inside, fine)
    assert good.agreement == 1.0
    assert good.labeled_ml == pytest.approx(640 * 2.5**3 / 1000)
    assert with_labels(found, away, fine).agreement == 0.0
    assert with_labels(found, torch.zeros_like(inside), fine).labeled_ml == 0.0


@torch.inference_mode()
def test_further_looks_lead_to_the_same_box_however_much_air_is_stored_around_the_heart() -> None:
    image, _ = phantom()
    more = sitk.ConstantPad(image, (1, 3, 0), (0, 0, 2), HU[0])
    loaded = locator_model()
    model = ReadyModel(Runner(loaded.network, torch.device("cpu")), loaded.card, loaded.card.intensity["ct"], 0.0)

    def borders(scan: sitk.Image, looks: int) -> np.ndarray:
        volume = view_in_model_frame(scan)
        found = locate(model, volume, Decision(), lambda done: None, looks)
        assert found.box is not None
        return np.stack([found.box.lower, found.box.upper]) + volume.origin

    apart = [np.abs(borders(image, looks) - borders(more, looks)).max() for looks in (1, 3)]
    assert apart[0] > 1.0
    assert apart[1] < 0.2


def test_without_a_finding_there_is_no_further_look() -> None:
    image, _ = phantom((30, 30, 30), (2.0, 2.0, 2.0), center=(200.0, 0.0, 0.0))
    loaded = locator_model()
    model = ReadyModel(Runner(loaded.network, torch.device("cpu")), loaded.card, loaded.card.intensity["ct"], 0.0)
    with torch.inference_mode():
        found = locate(model, view_in_model_frame(image), Decision(), lambda done: None)
    assert found.box is None
    assert found.center is None
    assert len(loaded.network.seen) == 1  # type: ignore[union-attr, arg-type]
