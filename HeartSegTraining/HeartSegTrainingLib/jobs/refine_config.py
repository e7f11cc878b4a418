"""What refined self-supervision is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from HeartSegTrainingLib.pretraining import PretrainConfig


@dataclass(frozen=True)
class RefineConfig(PretrainConfig):
    """The second self-supervised stage: goes on from the weights of a first one, on CT and MR."""

    kind: ClassVar[str] = "ressl"

    stage: str = "ressl"
