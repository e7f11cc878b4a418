"""Runs of training: a job folder in, checkpoints out, stopped and resumed at any time, on one process or many."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import torch

from HeartSeg3DLib.errors import DeviceError, HeartSegError
from HeartSegTrainingLib.jobs.job_folder import JobFolder

from .checkpoint import checkpoints
from .config import RunConfig
from .distributed import Processes, joined, restarted
from .heartbeat import Heartbeat
from .memory_ladder import is_out_of_memory
from .session import Session
from .task import Task


class Trainer:
    """One run of training.

    Args:
        config: What to do.
        make_task: Makes what is to be learned on a device, once the processes have joined and torch is seeded with
            the run's seed: network, data, losses. The first process does so before the others, so that files are
            prepared once.
        job_dir: Job folder of the run.

    Attributes:
        finished: Whether the run came to its end; the same on every process.
    """

    def __init__(self, config: RunConfig, make_task: Callable[[torch.device], Task], job_dir: str | Path) -> None:
        self.config, self.make_task = config, make_task
        self.job = JobFolder(job_dir)
        self.finished = False

    def run(self, *, resume: bool = False) -> Path:
        """Train to the end, or until asked to stop; returns the checkpoint written last.

        A process that torchrun started again resumes unasked.

        Raises:
            UsageError: The folder holds a run and `resume` is False, or holds another run.
            HeartSegError: The run failed; state.json says why.
        """
        resume = resume or restarted()
        with joined(self.config.device) as processes:
            if processes.is_first:
                with self.job.held(), Heartbeat(self.job.state_file):
                    return self._run(processes, resume)
            return self._run(processes, resume)

    def _run(self, processes: Processes, resume: bool) -> Path:
        while True:
            session = self._session(processes, resume)
            try:
                checkpoint = session.run(self.make_task, resume=resume)
                self.finished = session.finished
                return checkpoint
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if session.next_rung() is None:
                    raise DeviceError("There is not enough memory for this run, even one sample at a time.",
                                      "Choose a smaller window or network, or a machine with more memory.") from error
                if processes.world > 1:
                    raise DeviceError("There was not enough memory.", "Start the run again with --resume: it goes on "
                                      "with less, as its log says.") from error
            resume = True
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _session(self, processes: Processes, resume: bool) -> Session:
        """A new session; why there can be none is said in the job folder, too, unless that holds another run."""
        try:
            return Session(self.config, self.job, processes)
        except HeartSegError as error:
            processes.tell_failure(error)
            if processes.is_first and (resume or not checkpoints(self.job.checkpoints)):
                self.job.log(f"Failed before it began: {error}")
                state = self.job.read_state() or {}
                self.job.write_state({**state, "kind": self.config.kind, "status": "failed", "reason": str(error)})
            raise
