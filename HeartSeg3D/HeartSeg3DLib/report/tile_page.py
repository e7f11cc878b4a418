"""A dark page of six pictures in two rows, with a title above them and a scale of colors below."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.imaging import replacing
from HeartSeg3DLib.imaging.output import not_written
from HeartSeg3DLib.notice import NOTE_SENTENCE
from HeartSeg3DLib.report.canvas import Align, Canvas, Color, Picture

TILE = 506
"""Pixels along each side of a picture."""

PANEL: Color = (0.086, 0.102, 0.129)
"""What is behind the pictures."""

_EDGE, _GAP, _TOP = 28, 12, 76
WIDTH, HEIGHT = 2 * _EDGE + 3 * TILE + 2 * _GAP, _TOP + 2 * (TILE + _GAP) + 84
_BAR_MM, _SCALE_WIDTH = 50, 360

_PAGE: Color = (0.055, 0.067, 0.086)
_BRIGHT: Color = (0.94, 0.95, 0.97)
_QUIET: Color = (0.58, 0.63, 0.70)


class TilePage:
    """The page while it is drawn.

    Args:
        title: First line, on the left.
        fact: A few words on the right of it.
    """

    def __init__(self, title: str, fact: str) -> None:
        self._canvas = Canvas(WIDTH, HEIGHT, _PAGE)
        self._canvas.text(title, _EDGE, 58, 28, _BRIGHT, bold=True)
        self._canvas.text(fact, WIDTH - _EDGE, 56, 17, _QUIET, align="right")
        self._canvas.text(NOTE_SENTENCE, _EDGE, HEIGHT - 16, 15, _QUIET)
        self._canvas.text("HeartSeg", WIDTH - _EDGE, HEIGHT - 16, 15, _QUIET, align="right")

    def lay(self, number: int, name: str, picture: Picture, pixels_per_mm: float) -> None:
        """Lay a picture on place 0 to 5, with its name and a bar of 50 mm."""
        row, column = divmod(number, 3)
        x, y = _EDGE + column * (TILE + _GAP), _TOP + row * (TILE + _GAP)
        self._canvas.paste(picture, x, y)
        self._canvas.outlined_text(name, x + 10, y + 27, 15, _QUIET)
        self._canvas.fill(x + 14, y + TILE - 16, round(_BAR_MM * pixels_per_mm), 3, _BRIGHT)
        self._canvas.outlined_text(f"{_BAR_MM} mm", x + 14, y + TILE - 20, 13, _BRIGHT)

    def lay_scale(self, colors: NDArray[np.float64], ticks: tuple[str, str, str], words: str) -> None:
        """Lay a scale of colors (n, 3) with words at its ends and in its middle, and what it means beside it."""
        x, y = _EDGE, HEIGHT - 84
        chosen = np.linspace(0, len(colors) - 1, _SCALE_WIDTH).round().astype(int)
        self._canvas.paste(np.repeat(colors[chosen][None].astype(np.float32), 12, axis=0), x, y + 4)
        places: tuple[tuple[float, Align], ...] = ((0.0, "left"), (0.5, "center"), (1.0, "right"))
        for tick, (share, align) in zip(ticks, places, strict=True):
            self._canvas.text(tick, x + round(share * _SCALE_WIDTH), y + 36, 13, _QUIET, align=align)
        self._canvas.text(words, x + _SCALE_WIDTH + 18, y + 20, 15, _QUIET)

    def save(self, path: Path) -> None:
        """Write the page as PNG, in one step.

        Raises:
            UsageError: The file cannot be written.
        """
        with replacing(path) as temporary:
            try:
                sitk.WriteImage(sitk.GetImageFromArray(self._canvas.to_bytes(), isVector=True), str(temporary))
            except RuntimeError as error:  # ITK's word for a file that cannot be opened
                raise not_written(path) from error
