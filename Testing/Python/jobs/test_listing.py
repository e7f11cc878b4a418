from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from HeartSeg3DLib.errors import DiskError, InputError, UsageError
from HeartSegTrainingLib.jobs import job_folder
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.jobs.launch_note import ExitNote, LaunchNote
from HeartSegTrainingLib.jobs.listing import find_jobs, named_job, summary
from HeartSegTrainingLib.jobs.registry import forget, known_jobs, registry_file, remember
from HeartSegTrainingLib.jobs.text_curve import text_curve
from made_jobs import made_job


def test_a_job_says_how_it_is_doing(tmp_path: Path) -> None:
    found = summary(made_job(tmp_path / "heart", "stopped", reason="asked by the STOP file"))
    assert (found.name, found.kind, found.state, found.step, found.steps) == ("heart", "finetune", "stopped", 5, 10)
    assert (found.progress, found.loss, found.mean_dice) == (0.5, 1.25, pytest.approx(0.6))
    assert found.reason == "asked by the STOP file"
    assert found.eta_seconds is None
    assert json.loads(json.dumps(found.to_dict()))["state"] == "stopped"


def test_a_job_runs_only_while_a_process_holds_its_folder(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", "running")
    with JobFolder(job).held():
        assert (summary(job).state, summary(job).eta_seconds, summary(job).reason) == ("running", 2.0, "")
    assert summary(job).state == "silent"
    assert "gone without a word" in summary(job).reason


def test_a_job_that_holds_its_folder_and_has_said_nothing_begins(tmp_path: Path) -> None:
    for status in (None, "stopped"):
        job = made_job(tmp_path / str(status), status)
        with JobFolder(job).held():
            assert summary(job).state == "starting"


def test_a_job_that_waits_for_its_cluster_is_queued_until_it_speaks(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", "stopped", age_s=100.0)
    LaunchNote("finetune", str(job / "job.toml"), str(job), mode="slurm", cluster_job="7").save(job)
    assert summary(job).state == "queued"
    JobFolder(job).write_state({**JobFolder(job).read_state(), "status": "stopped"})
    assert summary(job).state == "stopped"


@pytest.mark.parametrize(("code", "said"), [
    (-9, "memory ran out"), (137, "memory ran out"), (-11, "crashed (SIGSEGV)"), (-15, "ended by SIGTERM")])
def test_how_a_process_died_is_said_in_words(tmp_path: Path, code: int, said: str) -> None:
    job = made_job(tmp_path / "job", "running")
    ExitNote(code, "2026-01-01T00:00:00").save(job)
    found = summary(job)
    assert found.state == "silent"
    assert said in found.reason


def test_what_a_job_printed_before_it_died_is_its_reason(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", None)
    (job / "output.txt").write_text("Loading\nError: The job file has an unknown entry 'stepz'.\nDid you mean steps?\n")
    ExitNote(2, "2026-01-01T00:00:00").save(job)
    assert summary(job).state == "failed"
    assert summary(job).reason == "The job file has an unknown entry 'stepz'."


def test_a_full_disk_and_a_killed_worker_are_said_in_plain_words(tmp_path: Path) -> None:
    job = made_job(tmp_path / "a", "failed", reason="OSError: [Errno 28] No space left on device")
    assert summary(job).reason.startswith("The disk is full; make room, then resume.")
    reason = "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed."
    job = made_job(tmp_path / "b", "failed", reason=reason)
    assert "lower workers" in summary(job).reason


def test_jobs_are_found_below_folders_running_ones_first(tmp_path: Path) -> None:
    made_job(tmp_path / "a" / "done", "finished")
    made_job(tmp_path / "a" / "b" / "busy", "running")
    made_job(tmp_path / "a" / "done" / "checkpoints" / "inside", "finished")
    made_job(tmp_path / ".hidden" / "job", "finished")
    with JobFolder(tmp_path / "a" / "b" / "busy").held():
        assert [job.name for job in find_jobs([tmp_path])] == ["busy", "done"]
    with pytest.raises(InputError, match="no folder"):
        find_jobs([tmp_path / "none"])


def test_runs_of_several_folds_are_found_below_the_job(tmp_path: Path) -> None:
    outer = tmp_path / "folds"
    made_job(outer / "fold_0", "finished")
    made_job(outer / "fold_1", "stopped")
    LaunchNote("finetune", str(outer / "job.toml"), str(outer)).save(outer)
    assert {job.name for job in find_jobs([tmp_path], known=False)} == {"folds", "fold_0", "fold_1"}


def test_known_jobs_are_listed_wherever_they_lie_and_shown_as_gone(tmp_path: Path) -> None:
    job = made_job(tmp_path / "here", "finished")
    remember(job, "finetune")
    remember(tmp_path / "elsewhere", "ssl")
    remember(job, "finetune")
    assert [entry.folder for entry in known_jobs()] == [str(job), str(tmp_path / "elsewhere")]
    assert {found.name: found.state for found in find_jobs()} == {"here": "finished", "elsewhere": "gone"}
    shutil.rmtree(job)
    gone = named_job("here")
    assert (gone.state, gone.kind) == ("gone", "finetune")
    assert "removed, renamed" in gone.reason
    assert forget(tmp_path / "elsewhere")
    assert not forget(tmp_path / "elsewhere")
    assert [found.name for found in find_jobs()] == ["here"]


def test_a_name_must_be_one_jobs(tmp_path: Path) -> None:
    for place in "ab":
        remember(made_job(tmp_path / place / "heart", "finished"), "finetune")
    with pytest.raises(UsageError, match=r"Several jobs.*a/heart"):
        named_job("heart")
    with pytest.raises(UsageError, match="not a job folder"):
        named_job("lung")
    assert named_job(tmp_path / "a" / "heart").folder == tmp_path / "a" / "heart"


def test_a_damaged_list_of_jobs_is_refused_and_kept(tmp_path: Path) -> None:
    registry_file().parent.mkdir(parents=True)
    registry_file().write_text("{")
    with pytest.raises(InputError, match="Remove it"):
        find_jobs()
    with pytest.raises(InputError, match="cannot be read"):
        remember(tmp_path, "ssl")
    assert registry_file().read_text() == "{"


def test_looking_changes_nothing(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", "finished")
    (tmp_path / "other").mkdir()
    before = sorted(path for path in tmp_path.rglob("*") if path.name != "LOCK")
    find_jobs([tmp_path])
    assert sorted(path for path in tmp_path.rglob("*") if path.name != "LOCK") == before
    assert job.is_dir()


def test_a_clock_that_was_set_back_neither_hides_nor_blocks_a_job(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", "running", age_s=-86_400)
    found = summary(job)
    assert (found.state, found.quiet_seconds) == ("silent", 0.0)
    with JobFolder(job).held():
        assert summary(job).state == "running"


def test_a_detached_job_started_before_the_clock_was_set_back_does_not_begin_for_ever(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", "running", age_s=-86_400)
    LaunchNote("finetune", "job.toml", str(tmp_path), mode="detached").save(job)
    then = time.time() + 86_400
    os.utime(job / "launch.json", (then, then))
    assert (summary(job).state, summary(job).is_active) == ("silent", False)


def test_a_word_from_the_future_from_another_machine_is_explained(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", "running", host="elsewhere", age_s=-86_400)
    with pytest.raises(UsageError, match=r"dated in the future.*clock.*delete state.json"), JobFolder(job).held():
        pass
    (job / "state.json").unlink()
    with JobFolder(job).held():
        pass


def test_looking_at_jobs_needs_no_torch() -> None:
    program = ("import sys; from HeartSegTrainingLib.jobs import launching, listing, stopping; "
               "assert not {'torch', 'typer', 'SimpleITK'} & set(sys.modules)")
    libraries = [str(Path(module.__file__).parents[2]) for module in (job_folder, sys.modules["HeartSeg3DLib.errors"])]
    libraries[1] = str(Path(sys.modules["HeartSeg3DLib.errors"].__file__).parents[1])
    subprocess.run([sys.executable, "-c", program], check=True,
                   env={**os.environ, "PYTHONPATH": os.pathsep.join(libraries)})


def test_no_room_for_the_list_of_jobs_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job_folder.os, "fsync", full)
    with pytest.raises(DiskError, match="No space left on device"):
        remember(tmp_path, "ssl")
    assert not registry_file().exists()


def test_a_curve_in_letters_leaves_out_what_is_no_number() -> None:
    assert text_curve([(0, float("nan"))]) == []
    lines = text_curve([(0, 1.0), (5, float("nan")), (10, 0.0)], width=11, height=2)
    assert lines == ["1.000 |*", "0.000 |          *", "      0 to 10"]
