"""What a run would take, from a few steps that are really computed and thrown away."""

from __future__ import annotations

import gc
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from HeartSeg3DLib.errors import DeviceError

from .peak_memory import PeakMemory

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from HeartSegTrainingLib.engine.config import RunConfig
    from HeartSegTrainingLib.engine.memory_ladder import MemoryRung
    from HeartSegTrainingLib.engine.run_state import RunState
    from HeartSegTrainingLib.engine.task import Part, Sample, Task

_STEPS = (3, 20)
"""Fewest and most steps that are timed, after one that is not: the first one also sets things up."""

_ENOUGH_S = 20.0
"""No further steps are timed after so long."""

_USABLE = 0.9
"""Share of the free memory that a run may take: what it needs varies from step to step."""

_SPARE_BYTES = 1e9
"""Room on the disk that is left to others."""


@dataclass(frozen=True)
class Measured:
    """What the steps took.

    Attributes:
        steps: How many were timed.
        seconds: Median time of forward pass, backward pass and optimiser for all parts of this process.
        draw_seconds: Median time to draw the samples of a step in one process.
        peak_bytes: Memory at the peak, None where the system does not say.
        free_bytes: Memory that was free before, None where the system does not say.
        checkpoint_bytes: Size of a checkpoint.
        parameters: Weights of all modules.
        trained: Weights that learn.
        sample: Shapes of a sample's tensors.
    """

    steps: int
    seconds: float
    draw_seconds: float
    peak_bytes: int | None
    free_bytes: int | None
    checkpoint_bytes: int
    parameters: int
    trained: int
    sample: tuple[tuple[int, ...], ...]

    @property
    def fits(self) -> bool:
        """Whether memory suffices, as far as that is known."""
        return self.peak_bytes is None or self.free_bytes is None or self.peak_bytes <= _USABLE * self.free_bytes


@dataclass(frozen=True)
class Estimate:
    """What a run would take.

    Attributes:
        kind: Kind of training.
        network: Its network.
        device: Where it computes.
        processes: Processes that share a step.
        parameters: Weights of all modules.
        trained_parameters: Weights that learn.
        sample: Shapes of a sample's tensors.
        batch: Samples of a step.
        measured_steps: Steps behind the figures.
        step_seconds: Time of a step, from data or from computing, whichever is longer.
        limited_by: "data" where drawing samples takes longer than computing, else "computing".
        steps: Steps of the run.
        total_seconds: Time to the run's end.
        memory_bytes: Memory at the peak of a step on one process, None where the system does not say.
        free_memory_bytes: Memory that was free, None where the system does not say.
        memory: How memory is saved, in words.
        checkpoint_bytes: Size of a checkpoint.
        disk_bytes: Room that checkpoints take at most.
        free_disk_bytes: Room on the disk.
        warnings: What does not fit, and what would.
    """

    kind: str
    network: str
    device: str
    processes: int
    parameters: int
    trained_parameters: int
    sample: tuple[tuple[int, ...], ...]
    batch: int
    measured_steps: int
    step_seconds: float
    limited_by: str
    steps: int
    total_seconds: float
    memory_bytes: int | None
    free_memory_bytes: int | None
    memory: str
    checkpoint_bytes: int
    disk_bytes: int
    free_disk_bytes: int
    warnings: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against the run."""
        return not self.warnings

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {**asdict(self), "fits": self.fits}


def estimate_run(config: RunConfig, make_task: Callable[[torch.device], Task], folder: Path, *, processes: int = 1,
                 tell: Callable[[str], None] = lambda text: None) -> Estimate:
    """Compute a few steps of a run in a throw-away copy, and estimate the whole; no job folder is made.

    Data that a run prepares before its first step (generated scenes) are prepared, and kept.

    Args:
        config: What the run is asked to do.
        make_task: What it learns.
        folder: Job folder that it would get; an earlier session's step down the memory ladder is taken into account.
        processes: Processes that would share its steps; they are not started, and the time for their gradients to
            travel is not in the estimate.
        tell: Called with what is being done.

    Raises:
        HeartSegError: Something in the job cannot work.
        DeviceError: Even the last rung of the memory ladder does not suffice.
    """
    from HeartSegTrainingLib.engine.distributed import Processes
    from HeartSegTrainingLib.engine.memory_ladder import MemoryRung
    from HeartSegTrainingLib.engine.precision import training_device

    device = training_device(config.device)
    asked = rung = MemoryRung.of_run(folder, config.part or config.batch)
    Processes(world=processes).share(config.batch // rung.part)
    tell("Preparing data and network")
    while True:
        tell(f"Measuring some steps ({rung.describe()})")
        measured = _measure(config, make_task, device, rung, processes)
        below = rung.next()
        if measured is not None and (measured.fits or below is None):
            return _whole_run(config, measured, device, rung, asked, processes, folder)
        if below is None:
            raise DeviceError("There is not enough memory for this run, whatever it gives up.",
                              "Choose a smaller window or network, or another device.")
        rung = below


def _measure(config: RunConfig, make_task: Callable[[torch.device], Task], device: torch.device, rung: MemoryRung,
             processes: int) -> Measured | None:
    """Figures of a few steps on one rung of the memory ladder, None if there was not enough memory."""
    from HeartSegTrainingLib.engine.memory_ladder import is_out_of_memory

    gc.collect()
    memory = PeakMemory(device)
    try:
        return _measured_steps(config, make_task, device, rung, processes, memory)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    return None


def _measured_steps(config: RunConfig, make_task: Callable[[torch.device], Task], device: torch.device,
                    rung: MemoryRung, processes: int, memory: PeakMemory) -> Measured:
    from HeartSegTrainingLib.engine.run_state import RunState

    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    task = make_task(device)
    if rung.recompute:
        task.use_less_memory()
    task.module.train()
    for module in task.frozen():
        module.eval()
    state = RunState.fresh(task, config)
    state.set_learning_rate(config.learning_rate / max(config.warmup, 1))
    drawing, computing = [], []
    dataset = task.dataset()
    begun = time.perf_counter()
    for step in range(1 + _STEPS[1]):
        begin = time.perf_counter()
        if step > _STEPS[0] and begin - begun > _ENOUGH_S:
            break
        parts = _draw(dataset, config.batch, rung.part, step, processes)
        drawn = time.perf_counter()
        _step(config, state, parts, device)
        drawing.append(drawn - begin)
        computing.append(time.perf_counter() - drawn)
    weights = list(task.module.parameters())
    return Measured(
        len(computing) - 1, statistics.median(computing[1:]), statistics.median(drawing[1:]), memory.peak(),
        memory.free,
        sum(tensor.numel() * tensor.element_size() for tensor in state.tensors().values()),
        sum(weight.numel() for weight in weights), sum(weight.numel() for weight in weights if weight.requires_grad),
        tuple(tuple(tensor.shape[1:]) for tensor in parts[0]))


def _draw(dataset: Dataset[Sample], batch: int, part: int, step: int, processes: int) -> list[Part]:
    """The first process's parts of a step."""
    from torch.utils.data import default_collate

    count = batch // part // processes
    starts = [step * batch + number * part for number in range(count)]
    return [tuple(default_collate([dataset[index] for index in range(start, start + part)])) for start in starts]


def _step(config: RunConfig, state: RunState, parts: list[Part], device: torch.device) -> None:
    from HeartSegTrainingLib.engine.distributed import Processes
    from HeartSegTrainingLib.engine.training_step import training_step

    task = state.task
    moved = [tuple(tensor.to(device) for tensor in part) for part in parts]
    result = training_step(task, state.optimizer, task.prepare(moved, state.step, 0.0), Processes(), step=state.step,
                           seed=config.seed, numbers=list(range(len(moved))), precision=config.precision,
                           clip=config.clip)
    state.step += 1
    task.after_step(state.step, 0.0, taken=result.taken)
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _whole_run(config: RunConfig, measured: Measured, device: torch.device, rung: MemoryRung, asked: MemoryRung,
               processes: int, folder: Path) -> Estimate:
    from HeartSegTrainingLib.engine.checkpoint import KEPT

    drawing = measured.draw_seconds / max(config.workers, 1)
    step_seconds = measured.seconds + drawing if config.workers == 0 else max(measured.seconds, drawing)
    steps = config.steps or max(int(60 * (config.minutes or 0.0) / step_seconds), 1)
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    disk = (KEPT + 1) * measured.checkpoint_bytes  # the new one is whole before the oldest goes
    free_disk = shutil.disk_usage(there).free
    return Estimate(
        config.kind, config.network, str(device), processes, measured.parameters, measured.trained, measured.sample,
        config.batch, measured.steps, step_seconds, "data" if drawing > measured.seconds else "computing", steps,
        steps * step_seconds if config.minutes is None else 60 * config.minutes, measured.peak_bytes,
        measured.free_bytes, rung.describe(), measured.checkpoint_bytes, disk, free_disk,
        _warnings(measured, rung, asked, disk, free_disk))


def _warnings(measured: Measured, rung: MemoryRung, asked: MemoryRung, disk: int, free_disk: int) -> list[str]:
    said = []
    if rung != asked and measured.fits:
        said.append(f"Memory does not suffice for {asked.describe()}. What fits: {rung.describe()}. The run steps down "
                    f"to that by itself; part = {rung.part} in the job file saves it the attempts.")
    if not measured.fits:
        said.append("Memory may not suffice, even with all that a run can give up: choose a smaller window or network.")
    if disk + _SPARE_BYTES > free_disk:
        said.append(f"Checkpoints take up to {disk / 1e9:.1f} GB, and the disk has {free_disk / 1e9:.1f} GB free: make "
                    "room, or choose a job folder on another disk.")
    return said
