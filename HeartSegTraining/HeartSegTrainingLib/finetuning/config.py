"""What supervised training is asked to do beyond every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.engine.config import RunConfig

from .freezing import Freezing


@dataclass(frozen=True)
class FinetuneConfig(RunConfig):
    """One supervised training run.

    Attributes:
        ema: Averaging rate of the weights that are released.
        init_from: Weights of the whole network to start from (checkpoint or model package), strictly loaded.
        encoder_from: Pretrained encoder to start from (exported encoder, model package or checkpoint), strictly loaded;
            decoder and heads start fresh.
        freeze: none or full (everything learns), encoder (it stays as it is, with its bottleneck), last-N (of its
            stages only the last N learn), layer-decay (everything learns, the encoder's early stages slowest).
        layer_decay: With layer-decay, factor of the learning rate from each encoder stage to the one before it.
        head_steps: Steps at the start in which only decoder and heads learn.
        validate_minutes: Time between two validations on the fold's own cases; 0 for none but the last.
        validate_cases: Largest number of cases to validate on.
    """

    kind: ClassVar[str] = "finetune"
    identity: ClassVar[tuple[str, ...]] = (*RunConfig.identity, "freeze", "layer_decay", "head_steps")
    positive: ClassVar[tuple[str, ...]] = (*RunConfig.positive, "validate_cases")
    not_negative: ClassVar[tuple[str, ...]] = (*RunConfig.not_negative, "validate_minutes")
    shares: ClassVar[tuple[str, ...]] = (*RunConfig.shares, "ema")

    ema: float = 0.995
    init_from: str | None = None
    encoder_from: str | None = None
    freeze: str = "none"
    layer_decay: float = 0.75
    head_steps: int = 0
    validate_minutes: float = 15.0
    validate_cases: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.init_from is not None and self.encoder_from is not None:
            raise UsageError("The job starts from a whole network (init_from) and from an encoder (encoder_from).",
                             "Give one of the two.")
        Freezing(self.freeze, self.layer_decay, self.head_steps)

    @property
    def freezing(self) -> Freezing:
        """What is frozen, and how fast the rest learns."""
        return Freezing(self.freeze, self.layer_decay, self.head_steps)
