"""Marks have the color of their risk, and say why."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.segmentation.frame import view_in_model_frame
from HeartSeg3DLib.segmentation.resample import Grid
from HeartSeg3DLib.segmentation.seen import FeatureSummary, Seen
from HeartSeg3DLib.segmentation.window import Prediction
from HeartSeg3DLib.trust import NOT_JUDGED, judge, not_judged_because
from HeartSeg3DLib.trust.confidence import confidence_map
from HeartSeg3DLib.trust.evidence import structure_evidence
from HeartSeg3DLib.trust.risk import FEATURES, features_of
from trust_fitted import a_risk, a_trust
from trust_hearts import heart_voxels, image_of

LABELS = tuple(range(8))


def seen_of(image: sitk.Image, sure: dict[int, float], features: np.ndarray | None = None) -> Seen:
    """A network that names every voxel's label with a probability, and gives the rest to the background."""
    labels = torch.from_numpy(sitk.GetArrayFromImage(image).astype(np.int64))
    share = torch.full((8, *labels.shape), 1e-6)
    for value in LABELS:
        mask = labels == value
        share[value][mask] = sure.get(value, 0.97)
        share[0 if value else 1][mask] = 1 - sure.get(value, 0.97)
    log_probabilities = (share / share.sum(0)).log() * 2.0  # undone by the temperature of 2
    spacing = image.GetSpacing()[0]
    prediction = Prediction(log_probabilities, Grid((0.0, 0.0, 0.0), spacing, tuple(labels.shape)),
                            torch.ones(labels.shape, dtype=torch.bool), spacing)
    return Seen(prediction, labels, view_in_model_frame(image), LABELS,
                np.zeros(8, np.float32) if features is None else features)


def test_a_sure_heart_is_green_and_a_doubtful_structure_is_not() -> None:
    image = image_of(heart_voxels())
    verdict = judge(image, seen_of(image, {5: 0.4, 7: 0.2}), a_trust())
    marks = {mark.id: mark for mark in verdict.marks}
    assert [mark.level for mark in verdict.marks] == ["green", "green", "green", "green", "amber", "green", "red"]
    assert verdict.level == "red"
    assert verdict.sentence == ("1 structure is probably wrong: Pulmonary artery; "
                                "1 is possibly wrong: Right atrium cavity.")
    assert marks["LV"].sentence.startswith("Left ventricle cavity: nothing noticed (")
    assert "possibly wrong" in marks["RA"].sentence
    assert "expects an overlap of only 0." in marks["RA"].sentence
    assert marks["PA"].expected_dice == pytest.approx(2 * 0.2 / 1.2, abs=0.02)


def test_amber_with_a_risk_above_one_half_is_probably_wrong() -> None:
    image = image_of(heart_voxels())
    verdict = judge(image, seen_of(image, {5: 0.3}), a_trust())
    mark = {mark.id: mark for mark in verdict.marks}["RA"]
    assert mark.level == verdict.level == "amber"
    assert mark.risk == pytest.approx(0.57, abs=0.02)
    assert re.search(r"probably wrong \(5\d % risk\)", mark.sentence)
    assert verdict.sentence == "1 structure is probably wrong: Right atrium cavity."


def test_red_with_a_risk_below_one_half_is_possibly_wrong() -> None:
    image = image_of(heart_voxels())
    strict = replace(a_trust(), risk=a_risk(amber=0.2, red=0.3))
    verdict = judge(image, seen_of(image, {5: 0.4}), strict)
    assert verdict.level == "red"
    assert verdict.sentence == "1 structure is possibly wrong: Right atrium cavity."
    assert "possibly wrong (3" in {mark.id: mark for mark in verdict.marks}["RA"].sentence


def test_an_unusual_image_is_said_so() -> None:
    image = image_of(heart_voxels())
    verdict = judge(image, seen_of(image, {}, np.full(8, 9.0, np.float32)), a_trust())
    assert verdict.is_unusual
    assert verdict.level == "amber"
    assert verdict.sentence == "The image is unlike those that the model knows."
    assert verdict.unusual_percentile == pytest.approx(95.0)


def test_a_green_result_names_what_was_not_found() -> None:
    voxels = heart_voxels()
    voxels[np.isin(voxels, (4, 6, 7))] = 0
    image = image_of(voxels)
    verdict = judge(image, seen_of(image, {}), a_trust())
    assert "Not found: " in verdict.sentence
    assert "Pulmonary artery" in verdict.sentence.partition("Not found: ")[2]


def test_being_unusual_is_a_reason_only_where_the_risk_depends_on_it() -> None:
    image, far = image_of(heart_voxels()), np.full(8, 9.0, np.float32)
    weights = [*a_risk().weights]
    for weight, expected in ((0.5, True), (0.0, False)):
        weights[FEATURES.index("unusual")] = weight
        trust = replace(a_trust(), risk=replace(a_risk(), weights=tuple(weights)))
        mark = {mark.id: mark for mark in judge(image, seen_of(image, {7: 0.2}, far), trust).marks}["PA"]
        assert ("unlike those" in mark.sentence) is expected


def test_without_a_trust_file_nobody_judges_and_what_can_be_seen_is_said() -> None:
    voxels = heart_voxels()[:, :, 30:]
    image = image_of(voxels)
    verdict = judge(image, seen_of(image, {}), None)
    levels = {mark.id: mark.level for mark in verdict.marks}
    assert levels == {"LV": "grey", "MYO": "grey", "RV": "amber", "LA": "grey", "RA": "amber", "AO": "grey",
                      "PA": "amber"}
    assert verdict.level == "grey"
    assert "not measured" in verdict.sentence
    assert all(mark.risk is None for mark in verdict.marks)


def test_where_blood_looks_like_muscle_cavity_and_wall_are_to_be_looked_at() -> None:
    image = image_of(heart_voxels())
    marks = {mark.id: mark for mark in judge(image, seen_of(image, {}), a_trust(), blood_unseen=True).marks}
    assert {id for id, mark in marks.items() if mark.level == "amber"} == {"LV", "MYO"}
    assert "cannot be seen" in marks["LV"].sentence


def test_a_speck_is_no_structure_that_could_be_wrong() -> None:
    voxels = heart_voxels()
    voxels[voxels == 7] = 0
    voxels[60, 25, 35] = 7
    image = image_of(voxels)
    verdict = judge(image, seen_of(image, {7: 0.1}), a_trust())
    (mark,) = (mark for mark in verdict.marks if mark.id == "PA")
    assert (mark.level, mark.risk) == ("amber", None)
    assert "hardly anything" in mark.sentence
    assert verdict.level == "amber"


def test_a_result_that_is_only_cut_says_no_more_than_that() -> None:
    image = image_of(heart_voxels()[:, :, 30:])
    verdict = judge(image, seen_of(image, {}), a_trust())
    assert verdict.sentence == ("Nothing speaks against the parts in view; the border of the scan cuts: "
                                "Right ventricle cavity, Right atrium cavity, Pulmonary artery.")


def test_what_is_to_be_looked_at_is_named_as_everywhere_else() -> None:
    image = image_of(heart_voxels())
    verdict = judge(image, seen_of(image, {}), a_trust(), blood_unseen=True)
    assert verdict.sentence == ("Nothing speaks against the structures in view; look at what is marked: "
                                "Left ventricle cavity, Left ventricle myocardium.")


def test_what_is_to_be_looked_at_is_named_after_what_may_be_wrong_and_a_cut_alone_is_not() -> None:
    image = image_of(heart_voxels()[:, :, 30:])
    verdict = judge(image, seen_of(image, {2: 0.2}), a_trust(), blood_unseen=True)
    assert verdict.sentence == ("1 structure is probably wrong: Left ventricle myocardium; "
                                "look at what is marked: Left ventricle cavity.")
    unusual = judge(image, seen_of(image, {}, np.full(8, 9.0, np.float32)), a_trust(), blood_unseen=True)
    assert unusual.sentence == ("The image is unlike those that the model knows. Look at what is marked: "
                                "Left ventricle cavity, Left ventricle myocardium.")


def test_a_fast_result_is_not_judged() -> None:
    image = image_of(heart_voxels())
    verdict = judge(image, seen_of(image, {5: 0.4}), a_trust(), quality="fast")
    assert (verdict.level, {mark.level for mark in verdict.marks}) == ("grey", {"grey"})
    assert "fast" in verdict.sentence
    assert "standard" in verdict.sentence
    assert judge(image, seen_of(image, {5: 0.4}), a_trust(), quality="best").level == "amber"


def test_standard_quality_is_not_recommended_where_it_would_not_be_judged_either() -> None:
    image = image_of(heart_voxels())
    assert judge(image, seen_of(image, {}), None, quality="fast").sentence == NOT_JUDGED
    damaged = not_judged_because("is damaged")
    assert judge(image, seen_of(image, {}), None, quality="fast", why_not=damaged).sentence == damaged


def test_a_cut_alone_is_amber_and_known_as_such() -> None:
    image = image_of(heart_voxels()[:, :, 30:])
    marks = {mark.id: mark for mark in judge(image, seen_of(image, {}), a_trust()).marks}
    assert (marks["RV"].level, marks["RV"].only_cut) == ("amber", True)
    assert "cut by the right border" in marks["RV"].sentence
    unsure = {mark.id: mark for mark in judge(image, seen_of(image, {3: 0.2}), a_trust()).marks}
    assert (unsure["RV"].level, unsure["RV"].only_cut) == ("red", False)


def test_a_structure_is_missed_where_all_that_it_touches_is_in_view() -> None:
    voxels = heart_voxels()
    voxels[voxels == 5] = 0
    image = image_of(voxels)
    mark = {mark.id: mark for mark in judge(image, seen_of(image, {}), a_trust()).marks}["RA"]
    assert (mark.level, mark.risk) == ("amber", None)
    assert "not found in this scan, although" in mark.sentence
    cut = image_of(voxels[:, :, 30:])
    assert {mark.id: mark.level for mark in judge(cut, seen_of(cut, {}), a_trust()).marks}["RA"] == "grey"


def test_an_empty_label_map_is_not_judged() -> None:
    image = image_of(np.zeros((20, 20, 20), np.uint8))
    verdict = judge(image, seen_of(image, {}), a_trust())
    assert verdict.level == "grey"
    assert {mark.level for mark in verdict.marks} == {"grey"}
    assert verdict.sentence == "Nothing was found that could be judged."


def test_features_of_another_network_are_refused() -> None:
    image = image_of(heart_voxels())
    with pytest.raises(ModelError, match="another network"):
        judge(image, seen_of(image, {}, np.zeros(9, np.float32)), a_trust())


def test_expected_dice_is_that_of_the_formula() -> None:
    share = torch.tensor([[0.1, 0.6, 0.8], [0.9, 0.4, 0.2]]).reshape(2, 1, 1, 3)
    winner = share.argmax(0)
    evidence = structure_evidence(share.log(), winner, torch.ones_like(winner, dtype=torch.bool), (0, 1), 1.0)
    assert set(evidence) == {"LV"}
    assert evidence["LV"].cells == 1
    assert evidence["LV"].expected_dice == pytest.approx(2 * 0.9 / (1 + 1.5))
    outside = structure_evidence(share.log(), winner, winner > 0, (0, 1), 1.0)
    assert outside["LV"].expected_dice == pytest.approx(2 * 0.9 / (1 + 0.9))


def test_features_name_the_doubtful_neighbor() -> None:
    from HeartSeg3DLib.trust.evidence import Evidence
    from HeartSeg3DLib.trust.geometry import Geometry

    sure, unsure = Evidence(10, 10.0, 0.9, 0.9, 0.1, 0.0), Evidence(10, 10.0, 0.5, 0.5, 0.1, 1.0)
    geometry = Geometry({"LV": 1.0, "LA": 1.0}, {}, {}, {}, {"LA": ["upper"]}, None)
    nothing = Evidence(0, 1.0, 0.0, 0.0, 1.0, 1.0)
    features = features_of({"LV": sure, "LA": unsure, "PA": nothing}, 1.0, geometry, [])
    assert set(features) == {"LV", "LA"}
    assert features["LV"][FEATURES.index("lowest_neighbor")] == pytest.approx(0.0)  # the atrium's one half
    assert features["LA"][FEATURES.index("cut")] == 1.0


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "SRA"])
def test_the_map_lies_on_the_images_grid_and_holds_the_calibrated_probability(orientation: str) -> None:
    image = sitk.DICOMOrient(image_of(heart_voxels()), orientation)
    straight = sitk.DICOMOrient(image, "LPS")
    seen = seen_of(straight, {3: 0.6})
    seen = Seen(seen.prediction, seen.winner, view_in_model_frame(image), LABELS, seen.features)
    made = confidence_map(image, seen, 2.0)
    assert made.GetPixelID() == sitk.sitkUInt8
    assert (made.GetSize(), made.GetDirection(), made.GetOrigin()) == (
        image.GetSize(), image.GetDirection(), image.GetOrigin())
    labels, percent = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(made)
    assert np.median(percent[labels == 3]) == 60
    assert np.median(percent[labels == 1]) == 97
    assert percent.min() >= 1


def test_where_the_network_did_not_look_the_map_is_zero() -> None:
    image = image_of(heart_voxels())
    seen = seen_of(image, {})
    said = seen.prediction
    small = Prediction(said.log_probabilities[:, 10:60], Grid((20.0, 0.0, 0.0), 2.0, (50, 90, 90)),
                       said.inside[10:60], 2.0)
    shown = Seen(small, seen.winner, seen.volume, LABELS, None)
    percent = sitk.GetArrayFromImage(confidence_map(image, shown, 2.0))
    assert not percent[:10].any()
    assert not percent[60:].any()
    assert percent[10:60].all()


def test_an_oblique_image_has_the_same_map_at_the_same_place() -> None:
    image = image_of(heart_voxels())
    seen = seen_of(image, {3: 0.6})
    turned = sitk.Image(image)
    cos, sin = np.cos(0.2), np.sin(0.2)
    turned.SetDirection((cos, -sin, 0, sin, cos, 0, 0, 0, 1))
    oblique = Seen(seen.prediction, seen.winner, view_in_model_frame(turned), LABELS, None)
    straight, made = (confidence_map(one, what, 2.0) for one, what in ((image, seen), (turned, oblique)))
    same = sitk.Resample(made, straight, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    first, second = sitk.GetArrayFromImage(straight), sitk.GetArrayFromImage(same)
    inner = heart_voxels() == 3
    inner[:, :25] = inner[:, 45:] = False
    assert np.median(np.abs(first[inner].astype(int) - second[inner])) == 0


def test_features_are_averaged_over_windows_and_members() -> None:
    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = torch.nn.Identity()

    network = Network()
    summary = FeatureSummary(network)
    assert summary.vector() is None
    for value in (1.0, 3.0):
        maps = [torch.zeros(1, 1, 4, 4, 4), torch.full((1, 2, 2, 2, 2), value)]
        network.encoder(maps)
    np.testing.assert_allclose(summary.vector(), [2, 2, 0, 0])
    summary.start()
    assert summary.vector() is None
    assert FeatureSummary(torch.nn.Identity()).vector() is None
