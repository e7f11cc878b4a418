"""Loss and Dice of a job, drawn small for the panel; the plot view has the large one."""

from __future__ import annotations

from typing import Any

import qt

from HeartSeg3DLib.panel.curve_painting import DOT, draw_dot, draw_level, draw_line

LEFT, RIGHT, TOP, BOTTOM = 34, 8, 36, 18
COLORS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167))
_MOST_POINTS = 400


def chart_picture(chart: Any, width: int, height: int, widget: Any) -> Any:
    """Return a pixmap of a chart's curves over the steps.

    Args:
        chart: `scene.curves.Chart`.
        width: Pixels.
        height: Pixels.
        widget: Gives the palette's colors.
    """
    pixmap = qt.QPixmap(width, height)
    pixmap.fill(widget.palette.color(qt.QPalette.Base))
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    scale = _Scale(chart, width, height)
    text = widget.palette.color(qt.QPalette.Text)
    _draw_axes(painter, scale, text)
    painter.setPen(qt.QPen(text))
    painter.drawText(LEFT, 2, width - LEFT - RIGHT, 16, int(qt.Qt.AlignLeft | qt.Qt.AlignVCenter), chart.title)
    x = LEFT
    for number, curve in enumerate(chart.curves):
        color = qt.QColor(*COLORS[number % len(COLORS)])
        _draw_curve(painter, scale, curve, color)
        x = _draw_legend(painter, x, color, curve.name, text)
    painter.end()
    return pixmap


class _Scale:
    """Where a step and a value lie in the picture."""

    def __init__(self, chart: Any, width: int, height: int) -> None:
        self.width, self.height = width, height
        values = [value for curve in chart.curves for value in curve.values]
        steps = [step for curve in chart.curves for step in curve.steps]
        self.first, self.last = min(steps), max(steps)
        self.low, self.high = (0.0, 1.0) if chart.whole else (min(0.0, *values), max(values))
        if chart.whole:
            self.low, self.high = min(self.low, *values), max(self.high, *values)
        if self.high <= self.low:
            self.high = self.low + 1.0

    def x(self, step: float) -> int:
        span = max(self.last - self.first, 1.0)
        return round(LEFT + DOT + (self.width - LEFT - RIGHT - 2 * DOT) * (step - self.first) / span)

    def y(self, value: float) -> int:
        share = (value - self.low) / (self.high - self.low)
        return round(self.height - BOTTOM - (self.height - TOP - BOTTOM) * share)


def _draw_axes(painter: Any, scale: _Scale, color: Any) -> None:
    for value in (scale.low, (scale.low + scale.high) / 2, scale.high):
        draw_level(painter, LEFT, scale.width - RIGHT, scale.y(value), f"{value:.3g}" if value else "0", color)
    below = scale.height - BOTTOM + 2
    whole = int(qt.Qt.AlignVCenter)
    painter.drawText(LEFT, below, 60, 16, whole | int(qt.Qt.AlignLeft), f"{scale.first:.0f}")
    painter.drawText(scale.width - RIGHT - 90, below, 90, 16, whole | int(qt.Qt.AlignRight),
                     f"{scale.last:.0f}")


def _draw_curve(painter: Any, scale: _Scale, curve: Any, color: Any) -> None:
    known = list(zip(curve.steps, curve.values, strict=True))
    drawn = [*known[:-1:1 + len(known) // _MOST_POINTS], known[-1]]  # a long training has more points than pixels
    points = [(scale.x(step), scale.y(value)) for step, value in drawn]
    draw_line(painter, points, color)
    draw_dot(painter, *points[-1])


def _draw_legend(painter: Any, x: int, color: Any, name: str, text: Any) -> int:
    """Draw a dot and a name; returns where the next one begins."""
    painter.setPen(qt.QPen(color))
    painter.setBrush(qt.QBrush(color))
    painter.drawEllipse(x, 23, DOT, DOT)
    painter.setPen(qt.QPen(text))
    width = painter.fontMetrics().boundingRect(name).width() + DOT
    painter.drawText(x + 2 * DOT, 18, width, 16, int(qt.Qt.AlignLeft | qt.Qt.AlignVCenter), name)
    return int(x + 3 * DOT + width)
