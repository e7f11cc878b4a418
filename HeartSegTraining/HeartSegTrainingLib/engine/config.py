"""What every training run is asked to do, read from a TOML file; each kind of training adds its own fields."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from HeartSeg3DLib.errors import UsageError

from .fields import check_entries, read_toml


@dataclass(frozen=True)
class RunConfig:
    """One training run.

    Attributes:
        network: Name in the network registry.
        network_overrides: Fields of the network's config to replace; in the [network] table beside the name.
        window: Side of the cubic training window in voxels.
        batch: Samples per step over all processes.
        part: Samples of one forward pass; 0 takes the whole batch at once. The batch is a multiple of it, and several
            processes share the parts, so that batch / part is a multiple of the number of processes.
        steps: Length of the run in optimiser steps; give this or minutes.
        minutes: Length of the run in minutes of accumulated training time.
        learning_rate: Peak AdamW learning rate.
        weight_decay: AdamW decay, not applied to norms, biases and gates.
        warmup: Warm-up steps.
        decay_fraction: Share of the run, at its end, with linearly falling learning rate.
        clip: Largest gradient norm.
        seed: Seeds the weights and, with the sample's index, each sample.
        workers: Processes that make samples, beside each training process; 0 makes them in the training process.
        prefetch: Parts that each worker keeps ready.
        threads: Threads of the training process, 0 leaves torch's choice.
        device: auto, cpu, cuda or cuda:N.
        precision: auto, bf16 or fp32.
        checkpoint_minutes: Time between checkpoints.
        log_every: Steps between lines of metrics.csv.
        tensorboard: Write the curves for TensorBoard, too (needs the package tensorboard).
        data: The [data] table, handed untouched to whoever makes the samples.
    """

    # Name of this kind of training in job.json and on the command line.
    kind: ClassVar[str] = "run"
    # Fields without which it is another run.
    identity: ClassVar[tuple[str, ...]] = ("network", "network_overrides", "window", "batch", "part", "seed")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"precision": ("auto", "bf16", "fp32")}
    positive: ClassVar[tuple[str, ...]] = (
        "window", "batch", "learning_rate", "clip", "checkpoint_minutes", "log_every", "prefetch")
    not_negative: ClassVar[tuple[str, ...]] = ("part", "warmup", "weight_decay", "workers", "threads", "seed")
    shares: ClassVar[tuple[str, ...]] = ("decay_fraction",)

    network: str
    network_overrides: dict[str, Any] = field(default_factory=dict)
    window: int = 96
    batch: int = 2
    part: int = 0
    steps: int | None = None
    minutes: float | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 100
    decay_fraction: float = 0.3
    clip: float = 1.0
    seed: int = 0
    workers: int = 1
    prefetch: int = 4
    threads: int = 0
    device: str = "auto"
    precision: str = "auto"
    checkpoint_minutes: float = 10.0
    log_every: int = 50
    tensorboard: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise UsageError("A training run needs its length either in steps or in minutes.",
                             "Give exactly one of steps and minutes.")
        length = self.steps if self.minutes is None else self.minutes
        if length is None or not 0 < length < math.inf:
            raise UsageError(f"A training run of length {length} is empty.", "Give a positive number.")
        for name in self.positive:
            if not 0 < getattr(self, name) < math.inf:  # nan is neither
                raise UsageError(f"'{name}' is {getattr(self, name)}.", "Give a positive number.")
        for name in self.not_negative:
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"'{name}' is {getattr(self, name)}.", "Give zero or a positive number.")
        for name in self.shares:
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"'{name}' is {getattr(self, name)}.", "Give a number from 0 to below 1.")
        for name, choices in self.choices.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"'{name}' is '{getattr(self, name)}'.", f"Use {' or '.join(filter(None, choices))}.")
        if self.part and self.batch % self.part:
            raise UsageError(f"A batch of {self.batch} does not consist of parts of {self.part}.",
                             "Make batch a multiple of part.")

    @property
    def parts(self) -> int:
        """Parts of the global batch."""
        return self.batch // self.part if self.part else 1

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read a run from a TOML file.

        Training fields stand at the top level, the network in `[network]` (name and overrides), the data
        in `[data]`.

        Raises:
            UsageError: The file is missing, not TOML, or has an unknown or wrong entry.
        """
        return cls.from_dict(read_toml(path))

    @classmethod
    def from_dict(cls, entries: dict[str, Any]) -> Self:
        """Build a run from the tables of a job file; the inverse of `to_dict`.

        Raises:
            UsageError: An entry is unknown or wrong, or there is no network.
        """
        values = dict(entries)
        network = values.pop("network", None)
        if not isinstance(network, dict) or "name" not in network:
            raise UsageError("The job file names no network.", 'Add a table [network] with name = "tiny".')
        overrides = {key: value for key, value in network.items() if key != "name"}
        check_entries(cls, values)
        return cls(network=network["name"], network_overrides=overrides, **values)

    def to_dict(self) -> dict[str, Any]:
        """The job file's tables as plain data."""
        values = dataclasses.asdict(self)
        values["network"] = {"name": values.pop("network"), **values.pop("network_overrides")}
        return values

    def differences(self, other: Self) -> list[str]:
        """Names of fields that another config changes."""
        return [entry.name for entry in dataclasses.fields(self)
                if getattr(self, entry.name) != getattr(other, entry.name)]

    def check_continues(self, earlier: Self) -> list[str]:
        """Names of the harmless changes since an earlier start of the same run.

        Raises:
            UsageError: The change makes it another run.
        """
        changes = self.differences(earlier)
        if refused := [name for name in changes if name in self.identity]:
            raise UsageError(f"The run in this folder was started with another {', '.join(refused)}.",
                             "Restore the job file, or start a new run in another folder.")
        return changes
