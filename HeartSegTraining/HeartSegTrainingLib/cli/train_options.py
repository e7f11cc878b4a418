"""Options of `heartseg train ssl|ressl|finetune`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

JobArgument = Annotated[Path, typer.Argument(metavar="JOB.toml", show_default=False, help="What to do.")]
JobFolderOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="JOBDIR", show_default=False,
                 help="Job folder; without it NAME-job beside NAME.toml."),
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Check everything, compute a few steps and throw them away, and estimate time, "
                                   "memory and disk space."),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint of the folder.")]
DetachOption = Annotated[
    bool, typer.Option("--detach", help="Start it in a process of its own and return; see `heartseg jobs`.")
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", min=1, metavar="N",
                      help="With --detach: processes on this machine, one a graphics card.")
]
SlurmOption = Annotated[bool, typer.Option("--slurm", help="Hand it to SLURM; needs pip install '.[cluster]'.")]
PartitionOption = Annotated[str | None, typer.Option("--partition", metavar="P", help="With --slurm: its partition.")]
NodesOption = Annotated[int, typer.Option("--nodes", min=1, metavar="N", help="With --slurm: machines.")]
GpusOption = Annotated[
    int, typer.Option("--gpus-per-node", min=0, metavar="G", help="With --slurm: graphics cards of each machine.")
]
TasksOption = Annotated[
    int, typer.Option("--tasks-per-node", min=0, metavar="T",
                      help="With --slurm: processes on each machine; 0 for one a graphics card.")
]
CoresOption = Annotated[
    int, typer.Option("--cpus-per-task", min=1, metavar="C", help="With --slurm: cores of each process.")
]
TimeoutOption = Annotated[
    int, typer.Option("--timeout-min", min=1, metavar="M",
                      help="With --slurm: minutes until it saves and queues again.")
]
SlurmExtraOption = Annotated[
    list[str] | None,
    typer.Option("--slurm-option", metavar="NAME=VALUE", help="With --slurm: any other option of sbatch."),
]


@dataclass(frozen=True)
class TrainRequest:
    """What a person asked for beside the job file."""

    job_file: Path
    folder: Path
    resume: bool = False
    processes: int = 1
    partition: str | None = None
    nodes: int = 1
    gpus_per_node: int = 0
    tasks_per_node: int = 0
    cpus_per_task: int = 1
    timeout_min: int = 60
    extra: tuple[str, ...] = field(default=())


def job_folder_of(job_file: Path, asked: Path | None) -> Path:
    """The job folder that was named, else NAME-job beside NAME.toml."""
    return job_file.with_name(f"{job_file.stem}-job") if asked is None else asked
