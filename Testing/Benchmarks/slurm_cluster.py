"""A real SLURM of one machine, started in a temporary folder and stopped again; needs Debian's slurm-wlm and munge."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel", "sinfo")
_PATIENCE_S = 60.0

_CONFIG = """\
ClusterName=heartseg
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmdPort={next_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=60
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> list[str]:
    """Programs that SLURM needs and this machine does not have."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return [program for program in PROGRAMS if shutil.which(program, path=places) is None]


@contextmanager
def slurm(folder: Path, port: int = 27817) -> Iterator[dict[str, str]]:
    """Run SLURM while the block lasts; gives the environment in which its commands find it.

    Raises:
        TimeoutError: It does not get ready; the logs in the folder say why.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    config = folder / "slurm.conf"
    config.write_text(_CONFIG.format(folder=folder, host=platform.node(), port=port, next_port=port + 1))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    environment = {**os.environ, "SLURM_CONF": str(config), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    munged = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}",
              f"--log-file={folder}/munged.log", f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munged.seed"]
    with ExitStack() as stack:
        for name, command in (("munged", munged), ("slurmctld", ["slurmctld", "-D"]), ("slurmd", ["slurmd", "-D"])):
            stack.enter_context(_running(command, environment, folder / f"{name}.out"))
            time.sleep(1)
        _wait_until_idle(environment)
        yield environment


def ask(environment: dict[str, str], *command: str) -> str:
    """Output of one of SLURM's commands."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def state_of_job(environment: dict[str, str], number: str) -> str:
    """State of a job in capitals, empty once SLURM has forgotten it."""
    found = subprocess.run(["scontrol", "show", "job", number], env=environment, capture_output=True, text=True)
    words = dict(word.split("=", 1) for word in found.stdout.split() if "=" in word)
    return words.get("JobState", "")


@contextmanager
def _running(command: list[str], environment: dict[str, str], output: Path) -> Iterator[None]:
    with open(output, "wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_idle(environment: dict[str, str]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        said = subprocess.run(["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True)
        if said.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    raise TimeoutError(f"SLURM does not get ready: {said.stdout} {said.stderr}")
