"""Parts of samples in a fixed order, made by worker processes: sample i is a pure function of (seed, i)."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from HeartSeg3DLib.errors import HeartSegError

from .task import Part, Sample


@dataclass(frozen=True)
class PartIndices:
    """Sample indices of each part that one process computes, from a step on, without end.

    Attributes:
        first_step: Steps done before.
        batch: Samples of a step over all processes.
        part: Samples of a part.
        mine: Numbers of this process's parts in each step.
    """

    first_step: int
    batch: int
    part: int
    mine: Sequence[int] = (0,)

    def __iter__(self) -> Iterator[list[int]]:
        step = self.first_step
        while True:
            for number in self.mine:
                start = step * self.batch + number * self.part
                yield list(range(start, start + self.part))
            step += 1


def sample_parts(dataset: Dataset[Sample], indices: PartIndices, *, workers: int, prefetch: int,
                 pin_memory: bool = False) -> Generator[Part]:
    """Iterate over a process's parts in order; closing it ends the workers.

    Args:
        dataset: Where samples come from.
        indices: Which samples, in which order.
        workers: Processes; 0 makes samples in this one.
        prefetch: Parts that each worker keeps ready.
        pin_memory: Copy parts to page-locked memory for a fast transfer to a GPU.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn") if workers else None
    loader = DataLoader(dataset, batch_sampler=indices, num_workers=workers,
                        prefetch_factor=prefetch if workers else None, multiprocessing_context=context,
                        pin_memory=pin_memory, worker_init_fn=_calm_worker,
                        generator=torch.Generator())  # the loader must not draw from the run's own generator
    try:
        for part in loader:
            yield tuple(part)
    except HeartSegError as error:
        # A worker's error arrives with the traceback as its message; the last line is what it said.
        said = str(error).strip().splitlines()[-1]
        raise type(error)(said.partition("Error: ")[2] or said) from error


def _calm_worker(_: int) -> None:
    """One thread a worker, and an end without alarm when the whole process group is asked to stop.

    A worker that dies of a signal would make torch raise in the training process in the midst of a step.
    """
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    for name in ("SIGUSR1", "SIGUSR2"):  # a cluster's warning is for the training process
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
