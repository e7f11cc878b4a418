"""Jobs on a SLURM cluster: one process for each of its tasks, saved and queued again when their time is over."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeartSeg3DLib.errors import CancelledError, UsageError

from .fold_folders import fold_folders
from .job_folder import JobFolder
from .launch_note import LaunchNote
from .launching import check_free, job_environment, note_to_resume, remember_or_log
from .run_job import run_job

if TYPE_CHECKING:
    import submitit

_REQUEUES = 1000
"""A run may take as many turns as it needs; submitit's own limit is three."""

_PORTS = (20_000, 20_000)
"""First port and number of ports among which jobs of one machine choose."""


@dataclass(frozen=True)
class ClusterRequest:
    """What a job asks of SLURM.

    Attributes:
        partition: Its partition; SLURM's default if None.
        nodes: Machines.
        gpus_per_node: Graphics cards of each.
        tasks_per_node: Processes on each; 0 for one a graphics card, or one.
        cpus_per_task: Cores of each process.
        timeout_min: Minutes until it saves and queues again.
        extra: Other options of sbatch as NAME=VALUE.
        signal_delay_s: Seconds before the end of its time in which it has to save.
    """

    partition: str | None = None
    nodes: int = 1
    gpus_per_node: int = 0
    tasks_per_node: int = 0
    cpus_per_task: int = 1
    timeout_min: int = 60
    extra: tuple[str, ...] = ()
    signal_delay_s: int = 120

    def to_submitit(self) -> dict[str, Any]:
        """Parameters of submitit's executor.

        Raises:
            UsageError: An option is not NAME=VALUE.
        """
        values: dict[str, Any] = {
            "nodes": self.nodes, "tasks_per_node": self.tasks_per_node or max(self.gpus_per_node, 1),
            "cpus_per_task": self.cpus_per_task, "timeout_min": self.timeout_min,
            "slurm_signal_delay_s": self.signal_delay_s, "slurm_additional_parameters": {"requeue": True}}
        if self.gpus_per_node:
            values["gpus_per_node"] = self.gpus_per_node
        if self.partition is not None:
            values["slurm_partition"] = self.partition
        for option in self.extra:
            name, equals, value = option.partition("=")
            if not (name and equals):
                raise UsageError(f"'{option}' is no option of sbatch.", "Write it as NAME=VALUE, such as account=lab.")
            values["slurm_additional_parameters"][name.lstrip("-")] = value
        return values


@dataclass(frozen=True)
class ClusterJob:
    """What each task of the cluster does; submitit stores it and calls it there, as often as the job is queued.

    Attributes:
        kind: Kind of training.
        config_file: Job file, absolute.
        folder: Job folder, absolute.
        working_folder: Against which paths in the job file are taken.
    """

    kind: str
    config_file: str
    folder: str
    working_folder: str

    def __call__(self) -> str:
        """Train until the end, or until somebody asks to stop; returns what happened.

        Raises:
            CancelledError: A signal ended it that does not mean "queue again": SIGTERM alone, as `scancel` sends it,
                and a preemption that cancels. Queueing again would undo what a person wants, so SLURM lists the job
                as failed, not as done. Where SLURM itself queues it again, it goes on from the checkpoint.
            HeartSegError: It failed.
        """
        import submitit

        os.chdir(self.working_folder)
        environment = submitit.JobEnvironment()
        os.environ.update(task_environment(environment.global_rank, environment.local_rank, environment.num_tasks,
                                           environment.hostnames[0], environment.raw_job_id, os.environ))
        has_begun = any(Path(self.folder).glob("**/job.json"))  # of a job of several folds, below it
        try:
            return run_job(self.kind, self.config_file, self.folder, resume=has_begun).name
        except CancelledError as error:
            if was_asked_to_stop(Path(self.folder)):
                return error.message
            if environment.global_rank == 0:
                note_waiting(Path(self.folder))
            raise CancelledError(f"{error.message} SLURM ended it, and it was not queued again by this job.",
                                 f"Go on with: heartseg jobs resume {self.folder}") from error

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """What submitit puts into the queue again: the same, which goes on where the checkpoint is."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def note_waiting(folder: Path) -> None:
    """Say in the state of a job, or of the fold at which it was, that it waits, and for which command."""
    for job in map(JobFolder, fold_folders(folder) or [folder]):
        state = job.read_state() or {}
        if state.get("status") == "stopped":
            told = (f"{state.get('reason')}: SLURM ended the job after it had saved. Unless SLURM queues it again by "
                    f"itself, go on with: heartseg jobs resume {folder}")
            job.write_state({**state, "reason": told})


def was_asked_to_stop(folder: Path) -> bool:
    """Whether a person asked a job, or one of its folds, to stop by its STOP file."""
    return (folder / "STOP").exists() or any((file.parent / "STOP").exists() for file in folder.glob("**/job.json"))


def task_environment(rank: int, local_rank: int, world: int, first_host: str, cluster_job: str,
                     environment: Mapping[str, str]) -> dict[str, str]:
    """Variables by which torch.distributed finds the other tasks of a job.

    The port follows from the job's number and from how often it was queued, so that neither two jobs on one machine
    nor two turns of one job meet at it.

    Args:
        rank: Number of the task.
        local_rank: Its number on its machine.
        world: Tasks of the job.
        first_host: Machine of task 0.
        cluster_job: Number of the job.
        environment: SLURM's variables.
    """
    turn = int(environment.get("SLURM_RESTART_COUNT", "0"))
    digits = int("".join(filter(str.isdigit, cluster_job)) or "0")
    port = _PORTS[0] + (digits * 7 + turn) % _PORTS[1]
    return {"RANK": str(rank), "LOCAL_RANK": str(local_rank), "WORLD_SIZE": str(world), "MASTER_ADDR": first_host,
            "MASTER_PORT": str(port)}


def submit(kind: str, config_file: str | Path, job_dir: str | Path, request: ClusterRequest, *,
           resume: bool = False) -> str:
    """Hand a job to SLURM; returns its number there.

    What its tasks print, and the script that was submitted, lie in the job folder's `slurm`.

    Args:
        kind: ssl, ressl or finetune.
        config_file: Job file.
        job_dir: Job folder, on a disk that the cluster's machines share.
        request: What it asks of SLURM.
        resume: The folder may hold a run already.

    Raises:
        UsageError: submitit or SLURM is missing, SLURM refuses the request, or the folder is in use.
    """
    executor_class = _executor_class()
    job = JobFolder(Path(job_dir).absolute())
    check_free(job, resume=resume)
    parameters = request.to_submitit()
    note = LaunchNote(kind, str(Path(config_file).absolute()), str(Path.cwd()), mode="slurm",
                      cluster_request=asdict(request))
    path = job_environment()["PYTHONPATH"]
    executor = executor_class(folder=job.path / "slurm", cluster="slurm", slurm_max_num_timeout=_REQUEUES)
    executor.update_parameters(name=f"heartseg-{job.path.name}", slurm_setup=[
        f"export PYTHONPATH={shlex.quote(path)}", "export PYTHONUNBUFFERED=1"], **parameters)
    try:
        submitted = executor.submit(ClusterJob(kind, note.config_file, str(job.path), note.working_folder))
    except Exception as error:  # submitit has classes of its own for what sbatch says
        said = str(error).strip().splitlines()
        raise UsageError(f"SLURM does not take the job: {said[-1] if said else type(error).__name__}",
                         "Correct the options for SLURM; `sinfo` lists partitions.") from error
    replace(note, cluster_job=submitted.job_id).save(job.path)
    remember_or_log(job, kind)
    return str(submitted.job_id)


def submit_again(folder: Path) -> str:
    """Hand a job to SLURM once more, as it was asked for, from its newest checkpoint; returns its number there.

    Raises:
        UsageError: The folder holds no job of SLURM's, or see `submit`.
    """
    note = note_to_resume(folder)
    if note.mode != "slurm" or not note.cluster_request:
        raise UsageError(f"{folder} does not say what its job asked of SLURM.",
                         "Hand it over with: heartseg train KIND JOB.toml -o JOBDIR --slurm --resume")
    asked = {**note.cluster_request, "extra": tuple(note.cluster_request["extra"])}
    os.chdir(note.working_folder)
    return submit(note.kind, note.config_file, folder, ClusterRequest(**asked), resume=True)


def _executor_class() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise UsageError("The package submitit is not installed.", "Install it: pip install '.[cluster]'") from error
    if shutil.which("sbatch") is None:
        raise UsageError("There is no SLURM on this machine.",
                         "Log in to a machine of the cluster, or start the job with torchrun.")
    return submitit.AutoExecutor
