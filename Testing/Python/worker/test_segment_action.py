"""Segmenting in the private folder gives what the api gives, frame by frame, and ends in one error where it cannot."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib import api
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.meshing.display_surface import display_surfaces
from HeartSeg3DLib.worker import segment_action
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSeg3DLib.worker.segment_action import segment
from random_models import NEVER_A_HEART, ct_like, write_package
from random_trust import write_trust
from scan_in_folder import Recorder, labels_of, private_folder, put_scan

pytestmark = pytest.mark.usefixtures("user_data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder."""
    return private_folder(tmp_path)


@pytest.fixture
def recorder() -> Recorder:
    """Keeps events."""
    return Recorder()


def test_labels_are_those_of_the_api_in_their_box(folder: Path, recorder: Recorder) -> None:
    put_scan(folder)
    segment(recorder.job(folder=str(folder), device="cpu", surfaces=False), LoadedModels())
    (frame,), (result,) = recorder.events("frame"), recorder.events("result")
    expected = sitk.GetArrayFromImage(api.segment(ct_like(), device="cpu").labels)
    np.testing.assert_array_equal(labels_of(folder, frame, ct_like().GetSize()), expected)
    voxel_ml = np.prod(ct_like().GetSpacing()) / 1000
    assert frame["volumes_ml"]["LV"] == pytest.approx(np.count_nonzero(expected == 1) * voxel_ml)
    assert list(frame["volumes_ml"]) == ["LV", "MYO", "RV", "LA", "RA", "AO", "PA"]
    assert frame["surfaces"] is None
    assert (result["job"], result["model"], result["device"], result["modality"]) == (5, "random-segmenter 1.2.3",
                                                                                    "cpu", "ct")
    assert {"start", "read", "segment", "write"} <= result["seconds"].keys()


def test_surfaces_lie_around_the_labels(folder: Path, recorder: Recorder) -> None:
    put_scan(folder)
    segment(recorder.job(folder=str(folder), device="cpu", surfaces=True), LoadedModels())
    (frame,) = recorder.events("frame")
    labels = labels_of(folder, frame, ct_like().GetSize())
    with np.load(folder / frame["surfaces"], allow_pickle=False) as arrays:
        assert {int(name.split("_")[1]) for name in arrays.files} == set(np.unique(labels[labels > 0]).tolist())
        value = next(int(name.split("_")[1]) for name in arrays.files)
        points, triangles = arrays[f"points_{value}"], arrays[f"triangles_{value}"]
        assert arrays[f"normals_{value}"].shape == points.shape
    assert triangles.max() == len(points) - 1
    places = np.argwhere(labels == value)[:, ::-1].astype(float)
    world = np.array([ct_like().TransformContinuousIndexToPhysicalPoint(place.tolist()) for place in places])
    margin = max(ct_like().GetSpacing())
    assert (points.min(0) >= world.min(0) - margin).all()
    assert (points.max(0) <= world.max(0) + margin).all()


def test_a_label_map_without_labels_has_an_empty_box_and_no_surfaces() -> None:
    empty = sitk.Image([4, 5, 6], sitk.sitkUInt8)
    box, voxels = segment_action.crop(sitk.GetArrayViewFromImage(empty))
    assert box == {"start": [0, 0, 0], "size": [0, 0, 0]}
    assert display_surfaces(segment_action.box_image(empty, box, voxels)) == {}


def test_frames_come_one_by_one_and_progress_never_falls(folder: Path, recorder: Recorder) -> None:
    put_scan(folder, [ct_like() + 5 * number for number in range(3)])
    segment(recorder.job(folder=str(folder), device="cpu", surfaces=False), LoadedModels())
    frames = recorder.events("frame")
    assert [frame["index"] for frame in frames] == [0, 1, 2]
    assert len({frame["labels"] for frame in frames}) == 3
    progress = recorder.events("progress")
    fractions = [event["fraction"] for event in progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert any(event["stage"].startswith("Frame 2 of 3: ") for event in progress)


def test_no_file_is_left_but_scan_and_results(folder: Path, recorder: Recorder) -> None:
    put_scan(folder)
    segment(recorder.job(folder=str(folder), device="cpu", surfaces=True), LoadedModels())
    assert sorted(path.name for path in folder.iterdir()) == ["frame_000.raw", "labels_000.raw", "scan.json",
                                                              "surface_000.npz"]


def test_marks_are_those_of_the_judged_model(folder: Path, recorder: Recorder, user_data: Path) -> None:
    write_trust(user_data / "models" / "random-segmenter")
    put_scan(folder)
    segment(recorder.job(folder=str(folder), device="cpu", surfaces=False), LoadedModels())
    (frame,) = recorder.events("frame")
    judged = [mark for mark in frame["marks"] if mark["risk"] is not None]
    assert judged
    assert all(mark["level"] == "amber" and "possibly wrong" in mark["sentence"] for mark in judged)
    assert frame["trust"]["level"] == "amber"
    assert "possibly wrong" in frame["trust"]["sentence"]


def test_marks_say_what_a_person_should_look_at(folder: Path, recorder: Recorder) -> None:
    put_scan(folder)
    segment(recorder.job(folder=str(folder), device="cpu", surfaces=False), LoadedModels())
    (frame,) = recorder.events("frame")
    assert [mark["id"] for mark in frame["marks"]] == ["LV", "MYO", "RV", "LA", "RA", "AO", "PA"]
    assert {mark["level"] for mark in frame["marks"]} <= {"grey", "amber"}


def test_a_broken_frame_is_named(folder: Path, recorder: Recorder) -> None:
    blank = ct_like() * 0
    put_scan(folder, [ct_like(), blank])
    with pytest.raises(InputError, match="Frame 1 of 0 to 1: Every voxel"):
        segment(recorder.job(folder=str(folder), device="cpu"), LoadedModels())
    assert [frame["index"] for frame in recorder.events("frame")] == [0]


def test_a_scan_without_a_heart_is_said(folder: Path, recorder: Recorder, user_data: Path) -> None:
    shutil.rmtree(user_data / "models" / "random-locator")
    write_package(user_data / "models", "locator", NEVER_A_HEART)
    put_scan(folder)
    with pytest.raises(InputError, match="No heart"):
        segment(recorder.job(folder=str(folder), device="cpu"), LoadedModels())


def test_a_full_disk_is_said(folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    put_scan(folder)
    monkeypatch.setattr(segment_action.Path, "write_bytes", full)
    job = recorder.job(folder=str(folder), device="cpu")
    with pytest.raises(Exception, match="written") as failure:
        segment(job, LoadedModels())
    job.error(failure.value)
    (error,) = recorder.events("error")
    assert (error["code"], error["message"]) == ("disk", "The disk is full.")


def test_models_stay_loaded_until_another_choice() -> None:
    loaded = LoadedModels()
    first = loaded.get(None, "cpu")
    first.segmenter()
    assert loaded.get("random-segmenter", "cpu") is first
    assert loaded.get(None, "auto") is not first


def test_models_that_were_replaced_on_the_disk_are_loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = LoadedModels()
    first = loaded.get(None, "cpu")
    monkeypatch.setattr(api.SegmentationModels, "checksums", property(lambda self: ("another",)))
    assert loaded.get(None, "cpu") is not first


def test_models_that_left_the_graphics_card_are_loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = LoadedModels()
    first = loaded.get(None, "cpu")
    places = iter(["cuda:0", "cuda:0", "cpu"])
    monkeypatch.setattr(type(first.segmenter()), "device", property(lambda self: next(places)))
    assert loaded.get(None, "cpu") is first
    assert loaded.get(None, "cpu") is first
    assert loaded.get(None, "cpu") is not first
