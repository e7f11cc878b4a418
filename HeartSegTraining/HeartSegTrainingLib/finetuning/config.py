"""What a training run is asked to do, read from a TOML file."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import UsageError

_CHOICES = {"freeze": ("none", "encoder"), "precision": ("auto", "bf16", "fp32")}
_POSITIVE = ("window", "batch", "learning_rate", "clip", "checkpoint_minutes", "log_every", "prefetch")
_NOT_NEGATIVE = ("warmup", "weight_decay", "workers", "threads", "seed")
_IDENTITY = ("network", "network_overrides", "window", "batch", "seed", "freeze")


@dataclass(frozen=True)
class FinetuneConfig:
    """One supervised training run.

    Attributes:
        network: Name in the network registry.
        network_overrides: Fields of the network's config to replace; in the [network] table beside the name.
        window: Side of the cubic training window in voxels.
        batch: Samples per step over all processes.
        steps: Length of the run in optimiser steps; give this or minutes.
        minutes: Length of the run in minutes of accumulated training time.
        learning_rate: Peak AdamW learning rate.
        weight_decay: AdamW decay, not applied to norms, biases and gates.
        warmup: Warm-up steps.
        decay_fraction: Share of the run, at its end, with linearly falling learning rate.
        clip: Largest gradient norm.
        ema: Averaging rate of the weights that are released.
        seed: Seeds the weights and, with the sample's index, each sample.
        workers: Processes that make samples; 0 makes them in the training process.
        prefetch: Batches that each worker keeps ready.
        threads: Threads of the training process, 0 leaves torch's choice.
        device: auto, cpu, cuda or cuda:N.
        precision: auto, bf16 or fp32.
        init_from: Weights to start from (checkpoint or model package), strictly loaded.
        freeze: none or encoder.
        checkpoint_minutes: Time between checkpoints.
        log_every: Steps between lines of metrics.csv.
        data: The [data] table, handed untouched to whoever makes the sampler.
    """

    network: str
    network_overrides: dict[str, Any] = field(default_factory=dict)
    window: int = 96
    batch: int = 2
    steps: int | None = None
    minutes: float | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 100
    decay_fraction: float = 0.3
    clip: float = 1.0
    ema: float = 0.995
    seed: int = 0
    workers: int = 1
    prefetch: int = 4
    threads: int = 0
    device: str = "auto"
    precision: str = "auto"
    init_from: str | None = None
    freeze: str = "none"
    checkpoint_minutes: float = 10.0
    log_every: int = 50
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise UsageError("A training run needs its length either in steps or in minutes.",
                             "Give exactly one of steps and minutes.")
        length = self.steps if self.minutes is None else self.minutes
        if length is None or length <= 0:
            raise UsageError(f"A training run of length {length} is empty.", "Give a positive number.")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise UsageError(f"'{name}' is {getattr(self, name)}.", "Give a positive number.")
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise UsageError(f"'{name}' is {getattr(self, name)}.", "Give zero or a positive number.")
        for name in ("decay_fraction", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"'{name}' is {getattr(self, name)}.", "Give a number from 0 to below 1.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"'{name}' is '{getattr(self, name)}'.", f"Use {' or '.join(choices)}.")

    @classmethod
    def from_toml(cls, path: str | Path) -> FinetuneConfig:
        """Read a run from a TOML file.

        Training fields stand at the top level, the network in `[network]` (name and overrides), the data
        in `[data]`.

        Raises:
            UsageError: The file is missing, not TOML, or has an unknown or wrong entry.
        """
        try:
            with open(path, "rb") as stream:
                entries = tomllib.load(stream)
        except OSError as error:
            raise UsageError(f"The job file {path} cannot be read.", "Check the path.") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"The job file {path} is not valid TOML: {error}.",
                             "Correct that line.") from error
        return cls.from_dict(entries)

    @classmethod
    def from_dict(cls, entries: dict[str, Any]) -> FinetuneConfig:
        """Build a run from the tables of a job file; the inverse of `to_dict`."""
        values = dict(entries)
        network = values.pop("network", None)
        if not isinstance(network, dict) or "name" not in network:
            raise UsageError("The job file names no network.", 'Add a table [network] with name = "tiny".')
        overrides = {key: value for key, value in network.items() if key != "name"}
        _check_entries(values)
        return cls(network=network["name"], network_overrides=overrides, **values)

    def to_dict(self) -> dict[str, Any]:
        """The job file's tables as plain data."""
        values = dataclasses.asdict(self)
        values["network"] = {"name": values.pop("network"), **values.pop("network_overrides")}
        return values

    def differences(self, other: FinetuneConfig) -> list[str]:
        """Names of fields that another config changes."""
        return [entry.name for entry in dataclasses.fields(self)
                if getattr(self, entry.name) != getattr(other, entry.name)]

    def check_continues(self, earlier: FinetuneConfig) -> list[str]:
        """Names of the harmless changes since an earlier start of the same run.

        Raises:
            UsageError: The change makes it another run (network, window, batch, seed, freeze).
        """
        changes = self.differences(earlier)
        if refused := [name for name in changes if name in _IDENTITY]:
            raise UsageError(f"The run in this folder was started with another {', '.join(refused)}.",
                             "Restore the job file, or start a new run in another folder.")
        return changes


def _check_entries(values: dict[str, Any]) -> None:
    fields = {entry.name: entry for entry in dataclasses.fields(FinetuneConfig)
              if not entry.name.startswith("network")}
    for name, value in values.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            raise UsageError(f"The job file has an unknown entry '{name}'.",
                             f"Did you mean '{near[0]}'?" if near else f"Known entries: {', '.join(fields)}.")
        wanted = _accepted_types(str(fields[name].type))
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise UsageError(f"'{name}' in the job file is {value!r}.", f"Its type is {fields[name].type}.")


def _accepted_types(annotation: str) -> tuple[type, ...]:
    known = {"int": (int,), "float": (int, float), "str": (str,), "None": (type(None),)}
    return tuple(kind for name in annotation.split(" | ") for kind in known.get(name, (dict,)))
