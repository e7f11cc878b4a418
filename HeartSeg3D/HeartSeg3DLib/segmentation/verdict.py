"""How far a result can be trusted, in words and numbers that travel with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import SimpleITK as sitk

Level = Literal["green", "amber", "red", "grey"]


@dataclass(frozen=True)
class Mark:
    """What is known about one structure of a result.

    Attributes:
        id: Structure, such as `RV`.
        level: `grey` where nobody judged it, `green` where nothing speaks against it, `amber` where a person should
            look, `red` where nobody should rely on it.
        sentence: What to look at.
        risk: Probability that its Dice is below 0.7, None where it was not judged.
        expected_dice: Dice that the calibrated probabilities expect, None where it was not judged.
        only_cut: Whether all that is to be said is that the border of the scan cuts it.
    """

    id: str
    level: Level
    sentence: str
    risk: float | None = None
    expected_dice: float | None = None
    only_cut: bool = False


@dataclass(frozen=True)
class Verdict:
    """How far the result of one image can be trusted.

    Attributes:
        level: Of the whole scan.
        sentence: What to know about the whole scan.
        marks: One for each structure of the whole heart.
        unusual_percentile: How unlike what the model learned from the scan is: the share in % of images of that kind
            that are less unusual; None where it was not judged.
        is_unusual: Whether that is so much that a person should know.
        confidence: uint8 image on the input's grid: how sure the model is of its label in %, calibrated; None where
            nobody asked for it.
    """

    level: Level
    sentence: str
    marks: tuple[Mark, ...]
    unusual_percentile: float | None = None
    is_unusual: bool = False
    confidence: sitk.Image | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the map."""
        return {"level": self.level, "sentence": self.sentence, "is_unusual": self.is_unusual,
                "unusual_percentile": _rounded(self.unusual_percentile),
                "structures": [{**vars(mark), "risk": _rounded(mark.risk),
                                "expected_dice": _rounded(mark.expected_dice)} for mark in self.marks]}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
