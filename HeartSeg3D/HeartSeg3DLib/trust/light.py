"""A traffic light with its sentence, as reports draw it and the command line prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from HeartSeg3DLib.segmentation.verdict import Level, Mark

COLORS = {"grey": (150, 150, 150), "green": (0, 158, 115), "amber": (230, 159, 0), "red": (204, 51, 51)}
"""sRGB, 0-255, of each level."""

_NAMES: dict[Level, str] = {"grey": "Not judged", "green": "Green", "amber": "Amber", "red": "Red"}


@dataclass(frozen=True)
class Light:
    """How far a result, or one structure of it, can be trusted.

    Attributes:
        level: Of the result or structure.
        sentence: Why.
    """

    level: Level
    sentence: str

    @property
    def color(self) -> tuple[int, int, int]:
        """sRGB, 0-255."""
        return COLORS[self.level]

    @property
    def name(self) -> str:
        """The level in words."""
        return _NAMES[self.level]

    @property
    def text(self) -> str:
        """The level in words, for readers who do not see its color, and the sentence, which may begin with it.

        Example:
            >>> Light("amber", "Look at it.").text, Light("grey", "Not judged.").text
            ('Amber. Look at it.', 'Not judged.')
        """
        return self.sentence if self.sentence.startswith(self.name) else f"{self.name}. {self.sentence}"


@dataclass(frozen=True)
class Judgement:
    """What a report says about how far one frame can be trusted.

    Attributes:
        marks: What is known about each of its structures.
        light: Of the frame as a whole, None where nobody judged it.
    """

    marks: Sequence[Mark] = ()
    light: Light | None = None
