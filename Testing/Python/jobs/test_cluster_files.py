"""What the cluster's recipe and script name exists; what a task tells torch follows from SLURM's variables."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import typer

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.cli import full_app
from HeartSegTrainingLib.jobs import cluster
from HeartSegTrainingLib.jobs.cluster import ClusterJob, ClusterRequest, submit, task_environment


@pytest.fixture
def folder(repository: Path) -> Path:
    """The cluster's files."""
    return repository / "HeartSegTraining" / "Resources" / "Cluster"


def test_the_container_copies_files_that_exist_and_installs_extras_that_exist(folder: Path, repository: Path) -> None:
    text = (folder / "heartseg.def").read_text()
    copies = re.findall(r"^    (\S+) /opt/heartseg/(\S+)$", text, re.MULTILINE)
    assert {"pyproject.toml", "setup.py", "HeartSegTraining", "Resources"} <= {source for source, _ in copies}
    assert all((repository / source).exists() and source == target for source, target in copies)
    (extra,) = re.findall(r'"/opt/heartseg\[(\w+)\]"', text)
    assert re.search(rf"^{extra} = ", (repository / "pyproject.toml").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["heartseg.def", "train.sbatch"])
def test_the_commands_of_the_cluster_exist(folder: Path, name: str) -> None:
    app = typer.main.get_command(full_app())
    words = re.findall(r"(?:heartseg(?:\.sif)?|HeartSegTrainingLib\.cli) (train) ([\w-]+|\"\$KIND\")",
                       (folder / name).read_text())
    assert words
    for command, action in words:
        assert action == '"$KIND"' or action in app.commands[command].commands, action


def test_the_batch_script_is_sound_and_names_a_module_that_runs(folder: Path, repository: Path) -> None:
    script = folder / "train.sbatch"
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text()
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
