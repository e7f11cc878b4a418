"""Results carry how far they can be trusted, and the map of confidence is written where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import SimpleITK as sitk

from HeartSeg3DLib import api
from HeartSeg3DLib.api.outputs import PlannedOutput, plan_confidence
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.imaging import read_scan
from HeartSeg3DLib.models import ModelCard
from HeartSeg3DLib.models.card import CARD_FILE
from HeartSeg3DLib.trust import TRUST_FILE, not_judged_because
from random_models import ct_like, same_grid, write_cine, write_ct
from random_trust import write_trust


@pytest.fixture
def package(user_data: Path) -> Path:
    return user_data / "models" / "random-segmenter"


@pytest.fixture
def judged(package: Path) -> api.SegmentationModels:
    write_trust(package)
    return api.SegmentationModels(device="cpu")


def test_every_structure_is_judged_and_the_image_is_unusual(judged: api.SegmentationModels) -> None:
    heart = api.segment(ct_like(), models=judged)
    assert heart.trust is not None
    assert heart.seen is None
    found = [mark for mark in heart.trust.marks if mark.risk is not None]
    assert found
    assert all(mark.risk == pytest.approx(0.5) and mark.level == "amber" for mark in found)
    assert heart.trust.is_unusual
    assert "The image is unlike those that the model knows: look at every structure." in heart.warnings
    assert heart.trust.confidence is None
    assert heart.seconds["trust"] >= 0


def test_fast_results_are_not_judged(judged: api.SegmentationModels) -> None:
    fast, best = (api.segment(ct_like(), models=judged, quality=quality) for quality in ("fast", "best"))
    assert fast.trust is not None
    assert best.trust is not None
    assert fast.trust.level == "grey"
    assert "A fast result is not judged" in fast.trust.sentence
    assert all(mark.risk is None for mark in fast.trust.marks)
    assert any(mark.risk is not None for mark in best.trust.marks)


def test_of_a_fast_result_there_is_no_map(judged: api.SegmentationModels) -> None:
    with pytest.raises(UsageError, match="not measured at quality 'fast'"):
        api.segment(ct_like(), models=judged, quality="fast", confidence=True)


def test_a_model_without_a_trust_file_is_said_to_be_not_judged(user_data: Path) -> None:
    heart = api.segment(ct_like(), device="cpu")
    assert heart.trust is not None
    assert heart.trust.level == "grey"
    assert "not measured" in heart.trust.sentence
    assert {mark.level for mark in heart.trust.marks} <= {"grey", "amber"}


def test_a_trust_file_of_other_weights_is_refused_aloud(package: Path) -> None:
    write_trust(package, ("b" * 64,))
    heart = api.segment(ct_like(), device="cpu")
    assert heart.trust is not None
    assert heart.trust.level == "grey"
    assert "was made for other weights, so its results are not judged" in heart.trust.sentence
    (said,) = (text for text in heart.warnings if "trust file" in text)
    assert said.startswith("The model's trust file (trust.json) was made for other weights. Results are not judged. ")
    assert "heartseg train calibrate MODEL --force" in said


@pytest.mark.parametrize("quality", ["fast", "standard"])
def test_of_a_model_whose_trust_file_is_damaged_nobody_says_that_it_was_not_measured(package: Path,
                                                                                     quality: str) -> None:
    (package / TRUST_FILE).write_text('{"format": 3, "temperature": "warm"}', encoding="utf-8")
    heart = api.segment(ct_like(), device="cpu", quality=quality)
    assert heart.trust is not None
    assert (heart.trust.level, heart.trust.sentence) == ("grey", not_judged_because("is damaged"))
    assert "not measured" not in " ".join([heart.trust.sentence, *heart.warnings])
    with pytest.raises(ModelError, match=r"no map .* is damaged: its entry 'weights' is missing"):
        api.segment(ct_like(), device="cpu", confidence=True)


def test_a_trust_file_that_was_lost_is_missed_where_the_card_tells_of_it(package: Path) -> None:
    card = ModelCard.read(package).with_values(figures={"bad_structures_flagged": 0.9})
    (package / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    heart = api.segment(ct_like(), device="cpu")
    assert heart.trust is not None
    assert heart.trust.sentence == not_judged_because("is missing")


def test_the_map_is_written_on_the_scans_grid(tmp_path: Path, judged: api.SegmentationModels) -> None:
    done = api.segment_to_file(write_ct(tmp_path / "scan.nrrd"), tmp_path / "heart.nrrd", judged,
                               confidence=tmp_path / "sure.nrrd", report=tmp_path / "pages")
    assert done.confidence == tmp_path / "sure.nrrd"
    sure = sitk.ReadImage(str(done.confidence))
    assert same_grid(sure, ct_like())
    assert sure.GetPixelID() == sitk.sitkUInt8
    percent = sitk.GetArrayViewFromImage(sure)
    assert 1 <= percent[percent > 0].min() <= percent.max() <= 100
    assert done.doubts
    assert all("possibly wrong (50 % risk)" in one.text or "not found" in one.text for one in done.doubts)
    told = json.loads(json.dumps(done.to_dict()))
    assert told["confidence"].endswith("sure.nrrd")
    assert told["trust"][0]["structures"][0]["id"] == "LV"
    assert told["verdict"] == {"level": "amber", "sentence": told["trust"][0]["sentence"]}
    assert told["doubts"][0]["level"] == "amber"
    page = (tmp_path / "pages" / "heart.html").read_text("utf-8")
    assert "possibly wrong" in page
    assert f"<b>Amber</b>. {done.trust[0]['sentence']}" in page
    assert page.index('class="light"') < page.index("<td class=\"words\">")


def test_a_cine_gives_a_map_over_time(tmp_path: Path, judged: api.SegmentationModels) -> None:
    scan = write_cine(tmp_path / "cine.nii.gz")
    with pytest.raises(UsageError, match="confidence of 3 frames"):
        api.segment_to_file(scan, tmp_path / "heart.nii.gz", judged, confidence=tmp_path / "sure.mha")
    done = api.segment_to_file(scan, tmp_path / "heart.nii.gz", judged, confidence=tmp_path / "sure.nii.gz")
    assert len(read_scan(tmp_path / "sure.nii.gz").frames) == 3
    assert len(done.trust) == 3
    assert done.verdict.level == "amber"
    assert all("3 phases" in one.text for one in done.doubts)


def test_a_map_of_a_model_that_has_none_is_refused_before_the_work(tmp_path: Path, user_data: Path) -> None:
    models = api.SegmentationModels(device="cpu")
    with pytest.raises(ModelError, match="never measured"):
        api.segment_to_file(write_ct(tmp_path / "scan.nrrd"), tmp_path / "heart.nrrd", models,
                            confidence=tmp_path / "sure.nrrd")
    assert not (tmp_path / "heart.nrrd").exists()


def test_files_are_not_replaced_unasked(tmp_path: Path, judged: api.SegmentationModels) -> None:
    scan, sure = write_ct(tmp_path / "scan.nrrd"), tmp_path / "sure.nrrd"
    sure.write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        api.segment_to_file(scan, tmp_path / "heart.nrrd", judged, confidence=sure)
    with pytest.raises(UsageError, match="cannot be one file"):
        api.segment_to_file(scan, tmp_path / "heart.nrrd", judged, confidence=tmp_path / "heart.nrrd")
    assert sure.read_text() == "mine"
    api.segment_to_file(scan, tmp_path / "heart.nrrd", judged, confidence=sure, force=True)
    assert sitk.ReadImage(str(sure)).GetSize() == ct_like().GetSize()


def test_maps_of_several_scans_need_a_folder(tmp_path: Path) -> None:
    plan = [PlannedOutput(tmp_path / f"{name}.nrrd", tmp_path / "out" / f"{name}.nii.gz") for name in ("one", "two")]
    with pytest.raises(UsageError, match="Give a folder"):
        plan_confidence(plan, tmp_path / "sure.nrrd", force=False)
    maps = plan_confidence(plan, tmp_path / "maps", force=False)
    assert sorted(path.name for path in maps.values()) == ["one_confidence.nii.gz", "two_confidence.nii.gz"]
    assert plan_confidence(plan, None, force=False) == {}
    with pytest.raises(UsageError, match="no ending"):
        plan_confidence(plan[:1], tmp_path / "sure", force=False)
    with pytest.raises(UsageError, match="one of the scans"):
        plan_confidence(plan[:1], tmp_path / "one.nrrd", force=False)


def test_a_trust_file_travels_with_its_package(tmp_path: Path, package: Path) -> None:
    from HeartSeg3DLib.models.package import copy_package

    write_trust(package)
    copy_package(package, tmp_path)
    assert (tmp_path / TRUST_FILE).read_bytes() == (package / TRUST_FILE).read_bytes()
