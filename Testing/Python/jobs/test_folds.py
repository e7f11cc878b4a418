"""A job of several folds is one job for whoever looks at it, stops it or goes on with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from HeartSeg3DLib.errors import CancelledError, UsageError
from HeartSegTrainingLib.jobs import run_job
from HeartSegTrainingLib.jobs.cluster import was_asked_to_stop
from HeartSegTrainingLib.jobs.fold_folders import fold_folders, note_folds
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.jobs.kinds import KINDS, OneRun, kind_named
from HeartSegTrainingLib.jobs.launch_note import ExitNote, LaunchNote
from HeartSegTrainingLib.jobs.launching import note_to_resume
from HeartSegTrainingLib.jobs.listing import find_jobs, folds_of, named_job, summary
from HeartSegTrainingLib.jobs.stopping import ask_to_stop
from made_jobs import CONFIG, made_job


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Three folds: one finished, one stopped in the middle, one that has not begun."""
    folder = tmp_path / "heart"
    folder.mkdir()
    LaunchNote("finetune", str(tmp_path / "job.toml"), str(tmp_path), mode="detached").save(folder)
    ExitNote(130, "2026-01-01T00:00:00").save(folder)
    made_job(folder / "fold_0", "finished", launched=False, progress=1.0)
    made_job(folder / "fold_1", "stopped", launched=False, reason="asked by the STOP file")
    note_folds(folder, [folder / f"fold_{number}" for number in range(3)])
    return folder


def test_a_job_of_several_folds_is_where_its_folds_are(job: Path) -> None:
    found = summary(job)
    assert (found.state, found.kind, found.progress, found.loss) == ("stopped", "finetune", 0.5, 1.25)
    assert found.reason == "fold_1: asked by the STOP file 1 of 3 folds are finished."
    assert [(fold.name, fold.state) for fold in folds_of(job)] == [
        ("fold_0", "finished"), ("fold_1", "stopped"), ("fold_2", "new")]
    with JobFolder(job / "fold_1").held():
        JobFolder(job / "fold_1").write_state({"status": "running", "kind": "finetune", "progress": 0.5})
        assert (summary(job).state, summary(job).reason) == ("running", "")
    assert named_job(job).folder == job
    assert {one.name for one in find_jobs([job.parent], known=False)} == {"heart", "fold_0", "fold_1"}


def test_it_is_finished_when_all_are_and_a_process_that_died_between_two_is_told(job: Path) -> None:
    made_job(job / "fold_2", "finished", launched=False)
    (job / "fold_1" / "state.json").write_text(json.dumps({"status": "finished"}))
    assert summary(job).state == "finished"
    (job / "fold_2" / "state.json").unlink()
    assert summary(job).state == "stopped"
    assert "ended between two folds. 2 of 3" in summary(job).reason
    ExitNote(-9, "2026-01-01T00:00:00").save(job)
    assert summary(job).state == "failed"
    assert "memory ran out" in summary(job).reason


def test_folds_are_known_where_nobody_noted_them(job: Path) -> None:
    (job / "folds.json").unlink()
    (job / "launch.json").unlink()
    assert [fold.name for fold in fold_folders(job)] == ["fold_0", "fold_1"]
    assert named_job(job).state == "stopped"
    LaunchNote("finetune", str(job / "fold_0" / "job.json"), str(job)).save(job / "fold_0")  # one resumed alone
    with pytest.raises(UsageError, match="not a job folder"):
        note_to_resume(job)
    LaunchNote("finetune", "/lab/job.toml", "/lab").save(job / "fold_1")
    assert note_to_resume(job).config_file == "/lab/job.toml"


def test_to_stop_it_is_to_stop_the_fold_that_runs_and_to_begin_no_other(job: Path) -> None:
    with pytest.raises(UsageError, match=r"not running \(stopped\)"):
        ask_to_stop(job)
    with JobFolder(job / "fold_1").held():
        ask_to_stop(job)
    assert [(job / name / "STOP").exists() for name in (".", "fold_0", "fold_1")] == [True, False, True]
    (job / "fold_1" / "STOP").unlink()
    assert was_asked_to_stop(job)


class _Config:
    """What a fold is asked, as far as `run_job` looks at it."""

    def __init__(self, **changes: object) -> None:
        self._asked = {**CONFIG, **changes}

    def to_dict(self) -> dict[str, object]:
        """As job.json says it."""
        return self._asked


@pytest.fixture
def begun(job: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the folds that `run_job` trains, in their order; nothing is trained."""
    names: list[str] = []
    runs = [OneRun(_Config(), job / f"fold_{number}") for number in range(3)]
    kind = kind_named("finetune")
    monkeypatch.setattr(type(kind), "read_config", lambda self, file: None)
    monkeypatch.setitem(KINDS, "finetune", type(kind)(
        kind.name, kind.does, kind.config_class, kind.make_task, lambda config, folder: runs, kind.data_tables))
    monkeypatch.setattr(run_job, "_run", lambda kind, run, resume, begun: names.append(run.folder.name) or Path())
    (job / "fold_0" / "checkpoints" / "step_5.safetensors").touch()
    state = job / "fold_0" / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "checkpoint": "step_5.safetensors"}))
    return names


def test_resumed_it_goes_on_with_the_folds_that_are_not_finished(job: Path, begun: list[str]) -> None:
    run_job.run_job("finetune", "job.toml", job, resume=True)
    assert begun == ["fold_1", "fold_2"]


def test_a_finished_fold_goes_on_where_more_is_asked_of_it(job: Path, begun: list[str]) -> None:
    asked = {"kind": "finetune", "config": {**CONFIG, "steps": 1}}
    (job / "fold_0" / "job.json").write_text(json.dumps(asked))
    run_job.run_job("finetune", "job.toml", job, resume=True)
    assert begun == ["fold_0", "fold_1", "fold_2"]


def test_a_stop_between_two_folds_counts_and_that_of_an_earlier_session_does_not(
        job: Path, begun: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (job / "STOP").touch()
    run_job.run_job("finetune", "job.toml", job, resume=True)
    assert begun == ["fold_1", "fold_2"]

    def stopped_meanwhile(kind: object, run: OneRun, resume: bool, _: object) -> Path:
        begun.append(run.folder.name)
        (job / "STOP").touch()
        return Path()

    monkeypatch.setattr(run_job, "_run", stopped_meanwhile)
    begun.clear()
    with pytest.raises(CancelledError, match="before fold_2"):
        run_job.run_job("finetune", "job.toml", job, resume=True)
    assert begun == ["fold_1"]
