from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from HeartSeg3DLib.errors import HeartSegError, UsageError
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.jobs.launch_note import SUPERVISOR_LOCK, ExitNote, LaunchNote
from HeartSegTrainingLib.jobs.launching import (
    check_free,
    job_command,
    note_to_resume,
    resume_detached,
    start_detached,
    wait_for_beginning,
)
from HeartSegTrainingLib.jobs.listing import find_jobs, summary
from HeartSegTrainingLib.jobs.stopping import ask_to_stop, wait_until_stopped
from HeartSegTrainingLib.jobs.supervised import supervise
from made_jobs import made_job, prepared_scene, real_job

PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One scene, which takes some seconds."""
    return prepared_scene(tmp_path_factory.mktemp("scenes"))


def test_a_detached_job_is_found_stopped_and_resumed_to_its_end(tmp_path: Path, scenes: Path) -> None:
    job_file = real_job(tmp_path, scenes, steps=100_000)
    job = start_detached("finetune", job_file, tmp_path / "job")
    assert summary(job.folder).state in ("starting", "running")
    assert wait_for_beginning(job, PATIENCE_S)
    assert [(found.name, found.is_active) for found in find_jobs()] == [("job", True)]
    with pytest.raises(UsageError, match="running in"):
        start_detached("finetune", job_file, tmp_path / "job", resume=True)
    if hasattr(os, "getsid"):
        assert os.getsid(job.pid) == job.pid != os.getsid(0)
    ask_to_stop(job.folder)
    stopped = wait_until_stopped(job.folder, seconds=PATIENCE_S)
    assert (stopped.state, stopped.reason) == ("stopped", "asked by the STOP file")
    assert ExitNote.of_job(job.folder).code == 130
    asked = json.loads((job.folder / "job.json").read_text())
    asked["config"]["steps"] = stopped.step + 2
    (job.folder / "job.json").write_text(json.dumps(asked))
    again = resume_detached(job.folder)
    assert again.process.wait(PATIENCE_S) == 0
    assert (summary(job.folder).state, summary(job.folder).step) == ("finished", stopped.step + 2)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_that_dies_at_once_says_why(tmp_path: Path, processes: int) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "output.txt").write_text("Error: of an earlier start.\n")
    job = start_detached("finetune", real_job(tmp_path, tmp_path, stepz=3), tmp_path / "job", processes=processes)
    with pytest.raises(HeartSegError, match=r"ended before it began.*unknown entry 'stepz'.*output\.txt"):
        wait_for_beginning(job, PATIENCE_S)
    found = summary(tmp_path / "job")
    assert (found.state, found.reason) == ("failed", "The job file has an unknown entry 'stepz'.")


def test_what_kills_a_job_is_noted_by_who_watches_it(tmp_path: Path) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert supervise(tmp_path, [sys.executable, "-c", program]) == -9
    assert ExitNote.of_job(tmp_path).code == -9


def test_a_job_whose_python_is_missing_is_explained(tmp_path: Path) -> None:
    with pytest.raises(HeartSegError, match="cannot be started"):
        start_detached("finetune", tmp_path / "job.toml", tmp_path / "job", python=str(tmp_path / "python"))


def test_a_folder_is_free_unless_someone_works_there_or_it_holds_a_run(tmp_path: Path) -> None:
    job = JobFolder(made_job(tmp_path / "job", None))
    check_free(job, resume=False)
    with FileLock(job.path / SUPERVISOR_LOCK), pytest.raises(UsageError, match="running in"):
        check_free(job, resume=True)
    (job.checkpoints / "step_0000001.safetensors").touch()
    check_free(job, resume=True)
    with pytest.raises(UsageError, match="already holds a run"):
        check_free(job, resume=False)


def test_a_job_is_resumed_as_it_was_asked_for(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", "stopped", launched=False)
    LaunchNote("finetune", "/elsewhere/job.toml", "/elsewhere", processes=2).save(job)
    note = note_to_resume(job)
    assert (note.config_file, note.working_folder, note.processes) == (str(job / "job.json"), "/elsewhere", 2)
    (job / "job.json").unlink()
    assert note_to_resume(job).config_file == "/elsewhere/job.toml"
    with pytest.raises(UsageError, match="not a job folder"):
        note_to_resume(tmp_path)


def test_several_processes_are_joined_by_torchrun(tmp_path: Path) -> None:
    one, two = (job_command("python", LaunchNote("ssl", "job.toml", "/", count), tmp_path, resume=True)
                for count in (1, 2))
    assert one[:3] == ["python", "-m", "HeartSegTrainingLib.jobs.run_job"]
    assert two[:6] == ["python", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    assert one[1:] == two[6:]
    assert one[-1] == "--resume"


def test_only_a_running_job_can_be_asked_to_stop(tmp_path: Path) -> None:
    job = made_job(tmp_path / "job", "finished")
    with pytest.raises(UsageError, match="not running"):
        ask_to_stop(job)
    with JobFolder(job).held():
        ask_to_stop(job)
        assert (job / "STOP").exists()
        with pytest.raises(HeartSegError, match="still in its step"):
            wait_until_stopped(job, seconds=0)
