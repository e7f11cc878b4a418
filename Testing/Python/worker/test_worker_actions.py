"""Devices are tried, files are segmented, and every failure becomes an event without a patient's name."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import DependencyError, DeviceError, ModelError, UsageError
from HeartSeg3DLib.trust import TRUST_FILE
from HeartSeg3DLib.worker import dependencies, devices_action
from HeartSeg3DLib.worker.devices_action import devices
from HeartSeg3DLib.worker.events import EventPipe, ParentGoneError
from HeartSeg3DLib.worker.failures import error_event
from HeartSeg3DLib.worker.file_action import segment_file
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSeg3DLib.worker.models_action import verify_model
from random_models import write_ct
from scan_in_folder import Recorder


@pytest.fixture
def recorder() -> Recorder:
    """Keeps events."""
    return Recorder()


def test_the_cpu_is_always_there_and_the_automatic_choice_comes_first(recorder: Recorder) -> None:
    devices(recorder.job(), LoadedModels())
    (result,) = recorder.events("result")
    assert [device["id"] for device in result["devices"]][:2] == ["auto", "cpu"]
    assert all(device.keys() == {"id", "name", "free_gb", "total_gb"} for device in result["devices"])
    assert result["torch"]


def test_a_graphics_card_that_fails_is_left_out_and_named(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    from HeartSeg3DLib import segmentation

    def choose(name: str) -> None:
        if name == "cuda:0":
            raise DeviceError("The device cuda:0 is there but fails: no kernel image.", "Use the CPU.")

    present = [{"id": id, "name": name, "free_gb": None, "total_gb": 8.0}
               for id, name in (("cpu", "CPU"), ("cuda:0", "Old card"), ("cuda:1", "New card"))]
    monkeypatch.setattr(devices_action, "_present", lambda: present)
    monkeypatch.setattr(segmentation, "choose_device", choose, raising=False)
    devices(recorder.job(), LoadedModels())
    (result,), (warning,) = recorder.events("result"), recorder.events("warning")
    assert [device["id"] for device in result["devices"]] == ["auto", "cpu", "cuda:1"]
    assert result["devices"][0]["name"] == "Automatic (New card)"
    assert warning["message"] == "Old card cannot be used: The device cuda:0 is there but fails: no kernel image."


@pytest.mark.usefixtures("user_data")
def test_a_file_is_segmented_and_never_overwritten_unasked(tmp_path: Path, recorder: Recorder) -> None:
    request = {"input": str(write_ct(tmp_path / "scan.nii.gz")), "output": str(tmp_path / "heart.nii.gz"),
               "device": "cpu"}
    segment_file(recorder.job(**request), LoadedModels())
    (result,) = recorder.events("result")
    assert result["output"] == request["output"]
    assert len(result["volumes_ml"]["LV"]) == 1
    first = (tmp_path / "heart.nii.gz").stat().st_mtime_ns
    with pytest.raises(UsageError, match="exists already"):
        segment_file(recorder.job(**request), LoadedModels())
    assert (tmp_path / "heart.nii.gz").stat().st_mtime_ns == first
    segment_file(recorder.job(**request, force=True), LoadedModels())
    assert (tmp_path / "heart.nii.gz").stat().st_mtime_ns > first


@pytest.mark.usefixtures("user_data")
def test_a_beating_heart_goes_where_it_fits(tmp_path: Path, recorder: Recorder) -> None:
    frame = sitk.ReadImage(str(write_ct(tmp_path / "scan.nii.gz")))
    sitk.WriteImage(sitk.JoinSeries([frame, frame]), str(tmp_path / "cine.nii.gz"))
    segment_file(recorder.job(input=str(tmp_path / "cine.nii.gz"), output=str(tmp_path / "heart.seg.nrrd"),
                              sequence_output=str(tmp_path / "heart.nii.gz"), device="cpu"), LoadedModels())
    (result,) = recorder.events("result")
    assert result["output"] == str(tmp_path / "heart.nii.gz")
    assert not (tmp_path / "heart.seg.nrrd").exists()
    assert sitk.ReadImage(result["output"]).GetDimension() == 4


def test_what_a_broken_pytorch_says_names_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "_try_kernel", broken_kernel)
    with pytest.raises(DependencyError) as failure:
        dependencies.require_dependencies()
    assert failure.value.message == "PyTorch is installed but does not work (OSError)."
    event = error_event(1, failure.value)
    assert "Erika" not in json.dumps(event)
    assert "c10.dll" in event["detail"]


SAID = 'Error loading "C:\\Users\\Erika Muster\\torch\\lib\\c10.dll" or one of its dependencies.'


def broken_kernel() -> None:
    raise OSError(SAID)


@pytest.mark.parametrize(("said", "left"), [
    ("/home/Erika/lib/libc10.so.1: cannot open", "libc10.so.1: cannot open"),
    ("no space in /home/Erika", "no space in …"),
    ("bad 'C:\\Users\\Erika M\\x.dll'", "bad 'x.dll'"),
    ("~/Erika/a is gone", "… is gone"),
    ("undefined symbol: _ZN3c10", "undefined symbol: _ZN3c10"),
])
def test_messages_lose_their_folders(said: str, left: str) -> None:
    assert dependencies.without_paths(said) == left


FAILURES = [
    (ModelError("The model is altered.", "Import it again."), "model", "The model is altered."),
    (MemoryError(), "device", "There is not enough memory."),
    (OSError(errno.ENOSPC, "No space left", "/data/Doe_Jane"), "disk", "The disk is full."),
    (ModuleNotFoundError("No module named 'safetensors'", name="safetensors"), "dependencies",
     "The Python package safetensors is missing or broken."),
    (ValueError("cannot read /data/Doe_Jane"), "internal",
     "Something happened that HeartSeg did not expect (ValueError)."),
]


@pytest.mark.parametrize(("failure", "code", "message"), FAILURES)
def test_failures_are_sentences_and_do_not_name_the_patient(failure: Exception, code: str, message: str) -> None:
    patient = "Doe_Jane"
    with pytest.raises(RuntimeError) as wrapped:
        raise RuntimeError(f"while reading {patient}") from failure
    detail = error_event(3, wrapped.value)["detail"]
    assert "Doe" not in detail
    assert type(failure).__name__ in detail
    event = error_event(3, failure)
    assert (event["event"], event["job"], event["code"], event["message"]) == ("error", 3, code, message)
    assert event["remedy"]


def test_a_full_disk_behind_another_error_is_seen() -> None:
    with pytest.raises(UsageError) as wrapped:
        raise UsageError("heart.nii.gz could not be written.", "Check it.") from OSError(errno.ENOSPC, "No space left")
    assert error_event(1, wrapped.value)["code"] == "disk"


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EINVAL])
def test_a_closed_pipe_means_that_the_parent_is_gone(number: int) -> None:
    class Closed:
        def write(self, data: bytes) -> int:
            raise OSError(number, "closed")

    with pytest.raises(ParentGoneError):
        EventPipe(Closed()).send({"event": "ready"})  # type: ignore[arg-type]


def test_verifying_a_model_looks_at_its_trust_file(user_data: Path, recorder: Recorder) -> None:
    package = user_data / "models" / "random-segmenter"
    verify_model(recorder.job(model="random-segmenter"), LoadedModels())
    assert [result["id"] for result in recorder.events("result")] == ["random-segmenter"]
    (package / TRUST_FILE).write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="is damaged: its entry 'format' is missing"):
        verify_model(recorder.job(model="random-segmenter"), LoadedModels())
