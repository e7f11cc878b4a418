"""Samples in a fixed order, made by worker processes: sample i is a pure function of (seed, i)."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from HeartSeg3DLib.errors import HeartSegError, UsageError
from HeartSegTrainingLib.finetuning.losses import IGNORE

Sample = tuple[Tensor, ...]
"""Image (1, D, H, W) float, labels (D, H, W) uint8; with partial labels also (C,) bool, the labelled classes."""

Sampler = Callable[[np.random.Generator], Sample]
"""Draws one sample; every random choice must come from the generator that it is given."""


@dataclass
class SampleDataset(Dataset[Sample]):
    """Endless sequence of samples.

    Attributes:
        make_sampler: Called once in each process that makes samples; picklable where processes are spawned.
        seed: Seed of the run.
        classes: Number of classes, to refuse label values that the network has no channel for.
        window: Side of the window that each sample must have.
    """

    make_sampler: Callable[[], Sampler]
    seed: int
    classes: int
    window: int
    _sampler: Sampler | None = None

    def __getitem__(self, index: int) -> Sample:
        """Sample `index`, the same in every process and after every restart."""
        if self._sampler is None:
            self._sampler = self.make_sampler()
        sample = self._sampler(np.random.default_rng((self.seed, index)))
        self._check(sample, index)
        return sample

    def _check(self, sample: Sample, index: int) -> None:
        image, labels = sample[:2]
        if tuple(image.shape[1:]) != (self.window,) * 3 or tuple(labels.shape) != (self.window,) * 3:
            shapes = f"{tuple(image.shape)} with labels {tuple(labels.shape)}"
            raise UsageError(f"Sample {index} has the shape {shapes}.",
                             f"Give the sampler the run's window, {self.window} voxels.")
        highest = int(torch.where(labels == IGNORE, 0, labels).max())
        if highest >= self.classes:
            raise UsageError(f"Sample {index} has label {highest}; the network has {self.classes} classes.",
                             "Map the labels to the network's channels, or set classes in [network].")


@dataclass(frozen=True)
class BatchIndices:
    """Sample indices of each batch from a step on, without end."""

    first_step: int
    batch: int

    def __iter__(self) -> Iterator[list[int]]:
        step = self.first_step
        while True:
            yield list(range(step * self.batch, (step + 1) * self.batch))
            step += 1


def sample_batches(dataset: SampleDataset, *, first_step: int, batch: int, workers: int, prefetch: int,
                   pin_memory: bool = False) -> Generator[list[Tensor]]:
    """Iterate over batches in order, starting with that of `first_step`; closing it ends the workers.

    Args:
        dataset: Where samples come from.
        first_step: Steps already trained on.
        batch: Samples a batch.
        workers: Processes; 0 makes samples in this one.
        prefetch: Batches that each worker keeps ready.
        pin_memory: Copy batches to page-locked memory for a fast transfer to a GPU.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn") if workers else None
    loader = DataLoader(dataset, batch_sampler=BatchIndices(first_step, batch),
                        num_workers=workers, prefetch_factor=prefetch if workers else None,
                        multiprocessing_context=context, pin_memory=pin_memory, worker_init_fn=_calm_worker,
                        generator=torch.Generator())  # the loader must not draw from the run's own generator
    batches = iter(loader)
    try:
        yield from batches
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
