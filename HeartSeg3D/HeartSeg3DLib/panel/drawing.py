"""The few marks that the panel draws itself: color swatches and trust dots."""

from __future__ import annotations

from typing import Any

import qt

from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.trust.light import COLORS

SIZE = 14


def swatch(color: tuple[int, int, int]) -> Any:
    """Return a square pixmap of one sRGB color (0-255), with a thin darker frame."""
    pixmap, painter = _canvas()
    painter.setPen(qt.QPen(qt.QColor(*(part * 6 // 10 for part in color))))
    painter.setBrush(qt.QBrush(qt.QColor(*color)))
    painter.drawRect(1, 1, SIZE - 3, SIZE - 3)
    painter.end()
    return pixmap


def level_name(level: str) -> str:
    """Return what a trust level is called."""
    return {"grey": _("Gray: nobody judged it."), "green": _("Green: nothing noticed."),
            "amber": _("Amber: look at it."), "red": _("Red: do not rely on it.")}[level]


def trust_dot(level: str) -> Any:
    """Return the pixmap of a trust level: grey an empty circle, green a full one, amber a half one, red a cross.

    Each has a shape of its own, for people who do not see the colors.
    """
    pixmap, painter = _canvas()
    color = qt.QColor(*COLORS[level])
    pen = qt.QPen(color)
    pen.setWidth(3 if level == "red" else 2)
    painter.setPen(pen)
    if level == "green":
        painter.setBrush(qt.QBrush(color))
    if level == "red":
        painter.drawLine(3, 3, SIZE - 4, SIZE - 4)
        painter.drawLine(3, SIZE - 4, SIZE - 4, 3)
    else:
        painter.drawEllipse(3, 3, SIZE - 6, SIZE - 6)
    if level == "amber":
        painter.setBrush(qt.QBrush(color))
        sixteenth = 16
        painter.drawPie(3, 3, SIZE - 6, SIZE - 6, 90 * sixteenth, 180 * sixteenth)
    painter.end()
    return pixmap


def _canvas() -> tuple[Any, Any]:
    pixmap = qt.QPixmap(SIZE, SIZE)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    return pixmap, painter
