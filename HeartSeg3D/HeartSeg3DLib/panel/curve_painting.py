"""Strokes that the panels' small curves are drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import qt

DOT = 6
"""Diameter of a dot in pixels."""


def draw_line(painter: Any, points: Sequence[tuple[int, int]], color: Any) -> None:
    """Draw a line of two pixels through points (x, y), and set the brush to its color."""
    pen = qt.QPen(color)
    pen.setWidth(2)
    painter.setPen(pen)
    for (x0, y0), (x1, y1) in pairwise(points):
        painter.drawLine(x0, y0, x1, y1)
    painter.setBrush(qt.QBrush(color))


def draw_dot(painter: Any, x: int, y: int) -> None:
    """Draw a dot around a point with the painter's pen and brush."""
    painter.drawEllipse(x - DOT // 2, y - DOT // 2, DOT, DOT)


def draw_level(painter: Any, left: int, right: int, y: int, text: str, color: Any) -> None:
    """Draw a faint horizontal line from `left` to `right` with its value beside it."""
    faint = qt.QColor(color)
    faint.setAlpha(60)
    painter.setPen(qt.QPen(faint))
    painter.drawLine(left, y, right, y)
    painter.setPen(qt.QPen(color))
    painter.drawText(0, y - 8, left - 5, 16, int(qt.Qt.AlignRight | qt.Qt.AlignVCenter), text)
