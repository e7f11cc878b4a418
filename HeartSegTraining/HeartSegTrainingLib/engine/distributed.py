"""The processes of one run: joined by torchrun, SLURM or alone, with the few collective operations that a run needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from HeartSeg3DLib.errors import UsageError

from .first_failure import FirstFailure
from .memory_ladder import is_out_of_memory

_failure: FirstFailure | None = None
"""That of the processes which are joined."""

_WAIT = timedelta(minutes=30)
"""Longest wait of one process for another: the first checks a large index while the others wait."""


@dataclass(frozen=True)
class Processes:
    """This process among those of the run.

    Attributes:
        rank: Its number, 0 to world - 1.
        world: How many there are.
        local_rank: Its number on this machine: the GPU that it uses.
        failure: Where the processes tell each other why one of them failed, None for one alone.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    failure: FirstFailure | None = None

    @property
    def is_first(self) -> bool:
        """Whether this one writes the job folder."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum over all processes, in place.

        Raises:
            PeerError: Another process failed; so do the other operations over all processes.
        """
        if self.world > 1:
            with self._together():
                dist.all_reduce(tensor)
        return tensor

    def copy_from_first(self, tensor: Tensor) -> None:
        """Give the tensor the first process's values, in place."""
        if self.world > 1:
            with self._together():
                dist.broadcast(tensor, src=0)

    def broadcast(self, value: Any) -> Any:
        """The first process's value."""
        if self.world == 1:
            return value
        box = [value]
        with self._together():
            dist.broadcast_object_list(box, device=_collective_device())
        return box[0]

    def wait_for_all(self) -> None:
        """Return when every process has come here."""
        if self.world > 1:
            self.sum(torch.zeros(1, device=_collective_device()))

    def tell_failure(self, error: BaseException) -> None:
        """Tell the others why this process is about to leave them."""
        if self.failure is not None:
            self.failure.tell(error)

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Where an operation fails because another process does, that one's reason is what counts."""
        try:
            yield
        except RuntimeError as error:
            if self.failure is None or is_out_of_memory(error):
                raise
            raise self.failure.heard() from error

    def share(self, parts: int) -> list[int]:
        """Numbers of this process's parts among those of a step.

        Raises:
            UsageError: They cannot be shared equally.
        """
        if parts % self.world:
            raise UsageError(f"A batch of {parts} parts cannot be shared by {self.world} processes equally.",
                             "Choose batch and part so that batch / part is a multiple of the number of processes.")
        each = parts // self.world
        return list(range(self.rank * each, (self.rank + 1) * each))


def restarted() -> bool:
    """Whether torchrun started this process again after one of the run had died: then the run goes on."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def current() -> Processes:
    """The processes that were joined, or this one alone."""
    if not (dist.is_available() and dist.is_initialized()):
        return Processes()
    return Processes(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")), _failure)


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the other processes that torchrun or SLURM started, if it did.

    After a restart by torchrun the store still holds the addresses of processes that are gone; each attempt therefore
    writes under a prefix of its own.

    Args:
        device: The config's device; decides between nccl and gloo.

    Raises:
        UsageError: Several processes are to share one card.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1 or dist.is_initialized():
        yield current()
        return
    rank = int(os.environ["RANK"])
    uses_gpu = device != "cpu" and torch.cuda.is_available()
    if uses_gpu:
        if ":" in device:
            raise UsageError(f"{world} processes cannot share the device {device}.", 'Set device = "cuda" or "auto".')
        # A cluster may show each process its own card alone.
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    global _failure
    store = _store(rank, world)
    _failure = FirstFailure(store, rank)
    dist.init_process_group("nccl" if uses_gpu else "gloo", store=store, rank=rank, world_size=world, timeout=_WAIT)
    try:
        yield current()
    finally:
        _failure = None
        dist.destroy_process_group()


def _store(rank: int, world: int) -> dist.Store:
    agent_has_one = os.environ.get("TORCHELASTIC_USE_AGENT_STORE", "") == "True"
    store = dist.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), world_size=world,
                          is_master=rank == 0 and not agent_has_one, timeout=_WAIT)
    return dist.PrefixStore(f"attempt{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _collective_device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else torch.device("cpu")
