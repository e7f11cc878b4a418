"""A short real training on a device: does it compute, how fast, with how much memory."""

from __future__ import annotations

import math
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.utils.data import TensorDataset

from HeartSeg3DLib.errors import DeviceError, HeartSegError
from HeartSeg3DLib.networks import build_network
from HeartSegTrainingLib.engine.distributed import Processes
from HeartSegTrainingLib.engine.memory_ladder import is_out_of_memory
from HeartSegTrainingLib.engine.precision import training_device
from HeartSegTrainingLib.engine.task import Task
from HeartSegTrainingLib.engine.training_step import training_step
from HeartSegTrainingLib.finetuning.task import SegmentationModule

from .peak_memory import PeakMemory

_LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class PrecisionCheck:
    """What a few steps in one precision gave.

    Attributes:
        precision: bf16 or fp32.
        step_seconds: Median time of a step.
        samples_per_second: Samples that it learns from in a second.
        peak_bytes: Memory at the peak, None where the system does not say.
        first_loss: Loss of the first step.
        last_loss: Loss of the last step, on the same samples.
    """

    precision: str
    step_seconds: float
    samples_per_second: float
    peak_bytes: int | None
    first_loss: float
    last_loss: float


@dataclass(frozen=True)
class DeviceCheck:
    """What a device can do.

    Attributes:
        device: Its id.
        name: Its name.
        torch: Version of PyTorch.
        runs: One for each precision.
    """

    device: str
    name: str
    torch: str
    runs: list[PrecisionCheck]

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)


def check_device(device: str = "auto", *, network: str = "nano", window: int = 64, batch: int = 2, steps: int = 5,
                 tell: Callable[[str], None] = lambda text: None) -> DeviceCheck:
    """Train a network for some steps on the same samples of noise, with the engine's own step.

    Args:
        device: auto, cpu, cuda or cuda:N.
        network: Name in the registry.
        window: Side of the window in voxels.
        batch: Samples of a step.
        steps: Steps that are timed, after one that is not.
        tell: Called with what is being done.

    Raises:
        DeviceError: The device is missing, fails, has too little memory, or computes nonsense.
        ModelError: There is no such network.
    """

    chosen = training_device(device)
    runs = []
    for precision in ("bf16", "fp32"):
        tell(f"{1 + steps} steps in {precision}")
        try:
            runs.append(_train(chosen, precision, network, window, batch, steps))
        except HeartSegError:
            raise
        except (RuntimeError, MemoryError) as error:
            raise _explained(error, chosen, precision) from error
    return DeviceCheck(str(chosen), _name(chosen), torch.__version__, runs)


def _train(device: torch.device, precision: str, network: str, window: int, batch: int, steps: int) -> PrecisionCheck:

    task = _NoiseTask(device, network, window, batch)
    optimizer = torch.optim.AdamW(task.parameter_groups(), lr=_LEARNING_RATE)
    memory, times, losses = PeakMemory(device), [], []
    for step in range(1 + steps):
        begin = time.perf_counter()
        result = training_step(task, optimizer, [task.samples], Processes(), step=step, seed=0, numbers=[0],
                               precision=precision, clip=1.0)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - begin)
        losses.append(result.figures[0]["loss"])
        if not result.taken or not math.isfinite(losses[-1]):
            raise DeviceError(f"In {precision} the device {device} computes numbers that are not finite.",
                              "Update its driver and PyTorch, or train on another device.")
    if losses[-1] >= losses[0]:
        raise DeviceError(f"In {precision} the device {device} computes, and does not learn: the loss went from "
                          f"{losses[0]:.3f} to {losses[-1]:.3f}.", "Update its driver and PyTorch, or train on another "
                          "device.")
    seconds = statistics.median(times[1:])
    return PrecisionCheck(precision, seconds, batch / seconds, memory.peak(), losses[0], losses[-1])


class _NoiseTask(Task):
    """Learns a few samples by heart."""

    def __init__(self, device: torch.device, network: str, window: int, batch: int) -> None:
        torch.manual_seed(0)
        built = build_network(network)
        random = torch.Generator().manual_seed(0)
        labels = torch.zeros((batch, window, window, window), dtype=torch.uint8)
        labels[:, window // 4: window // 2, window // 4:] = 1
        images = labels[:, None].float() + 0.1 * torch.randn((batch, 1, window, window, window), generator=random)
        self.module = SegmentationModule(built.to(device)).train()
        self.samples = (images.to(device), labels.to(device))

    def dataset(self) -> TensorDataset:
        """The samples."""
        return TensorDataset(*self.samples)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All weights."""
        return [{"params": list(self.module.parameters()), "weight_decay": 0.0}]


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()


def _explained(error: BaseException, device: torch.device, precision: str) -> DeviceError:

    if is_out_of_memory(error):
        return DeviceError(f"The device {device} has too little memory for this check.",
                           "Try a smaller --window or --batch, or close other programs.")
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return DeviceError(f"The device {device} does not train in {precision}: {said}",
                       "Update its driver and PyTorch, or train on another device.")
