"""The report measures what lies in the private folder and never replaces a file unasked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.worker.leftovers import remove_partial_outputs
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSeg3DLib.worker.report_action import report
from random_models import ct_like
from scan_in_folder import Recorder, private_folder, put_scan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder with a scan of two frames and a left ventricle that contracts."""
    folder = private_folder(tmp_path)
    put_scan(folder, [ct_like(), ct_like() + 5])
    put_labels(folder, [(8, 6, 4), (4, 6, 4)])
    return folder


def put_labels(folder: Path, sizes: list[tuple[int, int, int]], **changes: Any) -> None:
    """Puts a box of left ventricle with a slice of myocardium for every size (x, y, z)."""
    frames = []
    for number, size in enumerate(sizes):
        voxels = np.ones(size[::-1], np.uint8)
        voxels[0] = 2
        voxels.tofile(folder / f"labels_{number:03d}.raw")
        frames.append({"file": f"labels_{number:03d}.raw", "start": [5, 6, 7], "size": size, **changes})
    (folder / "labels.json").write_text(json.dumps({"frames": frames}))


def test_edited_labels_are_measured_and_shown(folder: Path, tmp_path: Path) -> None:
    recorder, output = Recorder(), tmp_path / "Bericht ä.html"
    job = recorder.job(folder=str(folder), output=str(output), title="Series 3/4", model="tiny",
                       facts={"Device": "cpu"}, function={"heart_rate": 60, "end_diastole": 0},
                       warnings=["Look twice."])
    report(job, LoadedModels())
    page = output.read_text(encoding="utf-8")
    voxel_ml = np.prod(ct_like().GetSpacing()) / 1000
    for said in ("Series 3_4", "tiny", "Look twice.", "50", f"{8 * 6 * 3 * voxel_ml:.1f}"):
        assert said in page
    assert recorder.events("result") == [{"event": "result", "job": 5, "output": str(output)}]
    with pytest.raises(UsageError, match="exists already"):
        report(job, LoadedModels())


def test_what_was_judged_is_told_of_the_two_frames_that_are_shown(folder: Path, tmp_path: Path) -> None:
    put_scan(folder, [ct_like(), ct_like() + 5, ct_like() + 9])
    put_labels(folder, [(4, 6, 4), (8, 6, 4), (6, 6, 4)])
    marks = [[{"id": "LV", "level": "red", "sentence": f"Left ventricle cavity: probably wrong in frame {frame}.",
               "risk": 0.9}] for frame in range(3)]
    output = tmp_path / "report.html"
    trust = [{"level": "red", "sentence": f"Frame {frame} is wrong."} for frame in range(3)]
    job = Recorder().job(folder=str(folder), output=str(output), marks=marks, trust=trust,
                         function={})
    report(job, LoadedModels())
    page = output.read_text(encoding="utf-8")
    for phase, frame in (("ED", 1), ("ES", 0)):
        before = rf'<span class="phase">{phase}</span><span class="lamp"[^>]*></span>'
        assert re.search(rf"{before}<b>Red</b>\. Probably wrong in frame {frame}\.", page)
        assert re.search(rf"{before}<b>Red</b>\. Frame {frame} is wrong\.", page)
    assert "Left ventricle myocardium" in page
    assert "robably wrong in frame 2" not in page
    assert "Frame 2 is wrong" not in page


def test_without_a_left_ventricle_the_rest_is_reported(folder: Path, tmp_path: Path) -> None:
    put_labels(folder, [(3, 3, 1), (3, 3, 1)])  # one slice: myocardium alone
    recorder, output = Recorder(), tmp_path / "report.html"
    report(recorder.job(folder=str(folder), output=str(output)), LoadedModels())
    assert "left ventric" in output.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("changes", [{"start": [18, 6, 7]}, {"start": [-1, 6, 7]}, {"size": [8, 6, 5]},
                                     {"size": 3}, {"file": "labels_009.raw"}])
def test_labels_that_do_not_fit_are_refused(folder: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    put_labels(folder, [(8, 6, 4), (8, 6, 4)], **changes)
    with pytest.raises(InputError, match="not handed over completely"):
        report(Recorder().job(folder=str(folder), output=str(tmp_path / "report.html")), LoadedModels())


def test_a_label_map_for_every_frame_is_needed(folder: Path, tmp_path: Path) -> None:
    put_labels(folder, [(8, 6, 4)])
    with pytest.raises(InputError, match="not handed over completely"):
        report(Recorder().job(folder=str(folder), output=str(tmp_path / "report.html")), LoadedModels())


def test_a_half_written_report_is_removed_with_its_label_map(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    for name in (".heart-0123abcd.partial.nii.gz", "reports/.heart-0123abcd.partial.html", "reports/heart.html"):
        (tmp_path / name).touch()
    remove_partial_outputs({"output": str(tmp_path / "heart.nii.gz"), "report": str(tmp_path / "reports")})
    assert [path.name for path in tmp_path.rglob("*heart*")] == ["heart.html"]
