"""What the cluster's recipe and script name exists; what a task tells torch follows from SLURM's variables."""

from __future__ import annotations

import re
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
import typer

from HeartSeg3DLib.errors import CancelledError, UsageError
from HeartSegTrainingLib.cli import full_app
from HeartSegTrainingLib.jobs import cluster
from HeartSegTrainingLib.jobs.cluster import ClusterJob, ClusterRequest, submit, submit_again, task_environment
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.jobs.launch_note import LaunchNote
from HeartSegTrainingLib.jobs.launching import resume_detached


@pytest.fixture
def folder(repository: Path) -> Path:
    """The cluster's files."""
    return repository / "HeartSegTraining" / "Resources" / "Cluster"


def test_the_container_copies_files_that_exist_and_installs_extras_that_exist(folder: Path, repository: Path) -> None:
    text = (folder / "heartseg.def").read_text("utf-8")
    copies = re.findall(r"^    (\S+) /opt/heartseg/(\S+)$", text, re.MULTILINE)
    assert {"pyproject.toml", "setup.py", "HeartSegTraining", "Resources"} <= {source for source, _ in copies}
    assert all((repository / source).exists() and source == target for source, target in copies)
    (extra,) = re.findall(r'"/opt/heartseg\[(\w+)\]"', text)
    assert re.search(rf"^{extra} = ", (repository / "pyproject.toml").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", ["heartseg.def", "train.sbatch"])
def test_the_commands_of_the_cluster_exist(folder: Path, name: str) -> None:
    app = typer.main.get_command(full_app())
    words = re.findall(r"(?:heartseg(?:\.sif)?|HeartSegTrainingLib\.cli) (train) ([\w-]+|\"\$KIND\")",
                       (folder / name).read_text("utf-8"))
    assert words
    for command, action in words:
        assert action == '"$KIND"' or action in app.commands[command].commands, action


def test_the_batch_script_is_sound_and_names_a_module_that_runs(folder: Path, repository: Path) -> None:
    script = folder / "train.sbatch"
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text("utf-8")
    assert (repository / "HeartSegTraining" / "HeartSegTrainingLib" / "cli" / "__main__.py").is_file()
    assert '-m HeartSegTrainingLib.cli train "$KIND" "$JOB" -o "$JOBDIR" --resume' in text
    assert re.search(r"^#SBATCH --signal=B:USR1@\d+$", text, re.MULTILINE)
    assert "--requeue" in text


def test_tasks_find_each_other() -> None:
    first = task_environment(0, 0, 4, "node1", "123", {})
    assert first | {"RANK": "3", "LOCAL_RANK": "1"} == task_environment(3, 1, 4, "node1", "123", {})
    assert (first["MASTER_ADDR"], first["WORLD_SIZE"]) == ("node1", "4")
    assert 20_000 <= int(first["MASTER_PORT"]) < 40_000
    again = task_environment(0, 0, 4, "node1", "123", {"SLURM_RESTART_COUNT": "1"})
    other = task_environment(0, 0, 4, "node1", "124", {})
    assert len({turn["MASTER_PORT"] for turn in (first, again, other)}) == 3


def test_a_request_becomes_options_of_slurm() -> None:
    asked = ClusterRequest("gpu", nodes=2, gpus_per_node=8, extra=("account=lab", "--qos=low")).to_submitit()
    assert (asked["nodes"], asked["gpus_per_node"], asked["tasks_per_node"]) == (2, 8, 8)
    assert asked["slurm_partition"] == "gpu"
    assert asked["slurm_additional_parameters"] == {"requeue": True, "account": "lab", "qos": "low"}
    assert "gpus_per_node" not in ClusterRequest().to_submitit()
    assert ClusterRequest().to_submitit()["tasks_per_node"] == 1
    with pytest.raises(UsageError, match="NAME=VALUE"):
        ClusterRequest(extra=("account",)).to_submitit()


def test_without_slurm_the_job_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setattr(cluster.shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="no SLURM on this machine"):
        submit("ssl", tmp_path / "job.toml", tmp_path / "job", ClusterRequest())
    assert list(tmp_path.iterdir()) == []


def test_what_the_cluster_queues_again_is_the_same_job() -> None:
    pytest.importorskip("submitit")
    job = ClusterJob("ssl", "/a/job.toml", "/a/job", "/a")
    assert job.checkpoint().function == job


def a_cluster_job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterJob:
    """A job whose run ends by a signal, as SLURM's tasks see it."""
    submitit = pytest.importorskip("submitit")

    class Environment:
        global_rank, local_rank, num_tasks, hostnames, raw_job_id = 0, 0, 1, ("here",), "7"

    def run_job(*arguments: object, **options: object) -> Path:
        raise CancelledError("The run stopped at step 3 (asked by SIGTERM); its checkpoint is written.", "Go on.")

    monkeypatch.setattr(submitit, "JobEnvironment", Environment)
    monkeypatch.setattr(cluster, "run_job", run_job)
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "")  # the job sets them; so they are put back afterwards
    monkeypatch.chdir(folder)
    (folder / "fold_0").mkdir()
    (folder / "fold_0" / "job.json").write_text("{}")
    return ClusterJob("finetune", str(folder / "job.toml"), str(folder), str(folder))


def test_a_job_that_a_signal_ended_is_not_reported_as_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    job = a_cluster_job(tmp_path, monkeypatch)
    fold = JobFolder(tmp_path / "fold_0")
    fold.write_state({"status": "stopped", "reason": "asked by SIGTERM", "step": 3})
    with pytest.raises(CancelledError, match="SLURM ended it, and it was not queued again") as caught:
        job()
    assert f"heartseg jobs resume {tmp_path}" in caught.value.remedy
    assert fold.read_state()["reason"].startswith("asked by SIGTERM: SLURM ended the job after it had saved.")
    assert fold.read_state()["reason"].endswith(f"go on with: heartseg jobs resume {tmp_path}")
    assert fold.read_state()["step"] == 3


def test_a_job_that_a_person_stopped_ends_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    job = a_cluster_job(tmp_path, monkeypatch)
    JobFolder(tmp_path / "fold_0").stop_file.touch()
    JobFolder(tmp_path / "fold_0").write_state({"status": "stopped", "reason": "asked by the STOP file"})
    assert "stopped at step 3" in job()
    assert JobFolder(tmp_path / "fold_0").read_state()["reason"] == "asked by the STOP file"


def test_a_job_of_slurms_is_queued_again_as_it_was_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = ClusterRequest("gpu", nodes=2, gpus_per_node=8, extra=("account=lab",))
    given: list[tuple[object, ...]] = []
    monkeypatch.setattr(cluster, "submit", lambda *values, resume: given.append((*values, resume)) or "12")
    monkeypatch.chdir(tmp_path)
    note = LaunchNote("ssl", str(tmp_path / "job.toml"), str(tmp_path), mode="slurm", cluster_request=asdict(asked))
    note.save(tmp_path)
    assert submit_again(tmp_path) == "12"
    assert given == [("ssl", str(tmp_path / "job.toml"), tmp_path, asked, True)]
    with pytest.raises(UsageError, match="was handed to SLURM"):
        resume_detached(tmp_path)
    LaunchNote("ssl", "job.toml", str(tmp_path), mode="slurm").save(tmp_path)  # of an earlier version
    with pytest.raises(UsageError, match="does not say what its job asked of SLURM"):
        submit_again(tmp_path)
