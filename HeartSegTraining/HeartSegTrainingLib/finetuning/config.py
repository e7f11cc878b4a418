"""What supervised training is asked to do beyond every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from HeartSegTrainingLib.engine.config import RunConfig


@dataclass(frozen=True)
class FinetuneConfig(RunConfig):
    """One supervised training run.

    Attributes:
        ema: Averaging rate of the weights that are released.
        init_from: Weights to start from (checkpoint or model package), strictly loaded.
        freeze: none or encoder.
    """

    kind: ClassVar[str] = "finetune"
    identity: ClassVar[tuple[str, ...]] = (*RunConfig.identity, "freeze")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {**RunConfig.choices, "freeze": ("none", "encoder")}
    shares: ClassVar[tuple[str, ...]] = (*RunConfig.shares, "ema")

    ema: float = 0.995
    init_from: str | None = None
    freeze: str = "none"
