from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pytest

from command_line import assert_failed_in_words, call
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.jobs.launch_note import LaunchNote
from HeartSegTrainingLib.jobs.registry import remember

sys.path.append(str(Path(__file__).parents[1] / "jobs"))

from made_jobs import made_job


@pytest.fixture(autouse=True)
def own_list_of_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's data folder of the test's own."""
    monkeypatch.setenv("HEARTSEG_DATA", str(tmp_path / "user_data"))


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A stopped job with a curve."""
    folder = made_job(tmp_path / "heart", "stopped", reason="asked by the STOP file", checkpoint="step_5.safetensors")
    (folder / "metrics.csv").write_text("step,loss\n1,2.0\n5,1.0\n")
    return folder


def test_jobs_are_listed_with_their_figures(job: Path, tmp_path: Path) -> None:
    remember(tmp_path / "away", "ssl")
    result = call("jobs", "list", tmp_path)
    assert result.exit_code == 0, result.stderr
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.split()}
    assert rows["heart"][1:8] == ["finetune", "stopped", "5/10", "50%", "-", "1.250", "0.600"]
    assert rows["away"][1:3] == ["ssl", "gone"]
    listed = json.loads(call("jobs", "list", tmp_path, "--json").stdout)["jobs"]
    assert {found["name"]: found["state"] for found in listed} == {"heart": "stopped", "away": "gone"}


def test_without_jobs_it_says_how_to_begin() -> None:
    assert "heartseg train recipe demo" in call("jobs", "list").stdout


def test_a_job_is_shown_with_the_reason_and_its_curve(job: Path) -> None:
    said = call("jobs", "show", job).stdout
    for words in ("heart (finetune): stopped", "Why it does not run: asked by the STOP file", "network nano, 3 steps",
                  "Loss 1.250, Dice 0.600", "2.000 |*", f"Next: heartseg jobs resume {job}"):
        assert words in said
    shown = json.loads(call("jobs", "show", job, "--json").stdout)
    assert (shown["job"]["step"], shown["asked"]["steps"], len(shown["loss_curve"])) == (5, 3, 9)


def test_a_job_that_is_gone_is_shown_as_such(tmp_path: Path) -> None:
    remember(tmp_path / "away", "ssl")
    assert "not there any more" in call("jobs", "show", "away").stdout
    assert_failed_in_words(call("jobs", "resume", "away"), 2, "not there any more")
    assert call("jobs", "forget", tmp_path / "away").exit_code == 0
    assert_failed_in_words(call("jobs", "forget", tmp_path / "away"), 2, "not on your list")


def test_stopping_waits_until_the_job_has_saved(job: Path) -> None:
    folder = JobFolder(job)
    folder.write_state({**folder.read_state(), "status": "running"})
    holds = threading.Event()

    def work() -> None:
        with folder.held():
            holds.set()
            while not folder.stop_file.exists():
                time.sleep(0.05)
            folder.write_state({**folder.read_state(), "status": "stopped", "step": 7})

    worker = threading.Thread(target=work)
    worker.start()
    holds.wait()
    result = call("jobs", "stop", job)
    worker.join()
    assert result.exit_code == 0, result.stderr
    assert "stopped at step 7" in result.stdout


def test_what_cannot_be_stopped_or_resumed_is_explained(job: Path, tmp_path: Path) -> None:
    assert_failed_in_words(call("jobs", "stop", job), 2, "not running (stopped)")
    done = made_job(tmp_path / "done", "finished")
    assert_failed_in_words(call("jobs", "resume", done), 2, "is finished")
    with JobFolder(job).held():
        assert_failed_in_words(call("jobs", "resume", job), 2, "is running")
    assert_failed_in_words(call("jobs", "show", tmp_path), 2, "not a job folder")


def test_resuming_a_job_of_slurms_hands_it_to_slurm_again(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LaunchNote("finetune", str(job / "job.toml"), str(job), mode="slurm").save(job)
    monkeypatch.setattr("HeartSegTrainingLib.jobs.cluster.submit_again", lambda folder: "31")
    monkeypatch.setattr("HeartSegTrainingLib.jobs.run_job.run_job", lambda *values, **options: pytest.fail("trains"))
    result = call("jobs", "resume", job)
    assert result.exit_code == 0, result.stderr
    assert "SLURM's job 31" in result.stdout
