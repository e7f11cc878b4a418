"""The volume curve of a beating heart, drawn small for the panel; the plot view has the large one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.measurement.function import HeartFunction
from HeartSeg3DLib.panel.curve_painting import DOT, draw_dot, draw_level, draw_line

LEFT, RIGHT, TOP, BOTTOM = 54, 10, 22, 22


def curve_picture(function: HeartFunction, width: int, height: int, widget: Any) -> Any:
    """Return a pixmap of both ventricles' volumes over the phases, ED and ES marked.

    Args:
        function: What was measured.
        width: Pixels.
        height: Pixels.
        widget: Gives the palette's colors.
    """
    pixmap = qt.QPixmap(width, height)
    pixmap.fill(widget.palette.color(qt.QPalette.Base))
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    top = max(max(volumes) for volumes in function.curve.values())
    scale = _Scale(width, height, len(function.times_ms), _round_up(top))
    text = widget.palette.color(qt.QPalette.Text)
    _draw_axes(painter, scale, text, function)
    for number, (id, volumes) in enumerate(function.curve.items()):
        color = qt.QColor(*BY_ID[id].color)
        _draw_curve(painter, scale, volumes, color)
        _draw_legend(painter, width - RIGHT - 50 * (len(function.curve) - number), color, id, text)
    painter.end()
    return pixmap


class _Scale:
    """Where a phase and a volume lie in the picture."""

    def __init__(self, width: int, height: int, phases: int, top: float) -> None:
        self.width, self.height, self.phases, self.top = width, height, phases, top

    def x(self, phase: int) -> int:
        return round(LEFT + DOT + (self.width - LEFT - RIGHT - 2 * DOT) * phase / (self.phases - 1))

    def y(self, volume: float) -> int:
        return round(self.height - BOTTOM - (self.height - TOP - BOTTOM) * volume / self.top)


def _draw_axes(painter: Any, scale: _Scale, color: Any, function: HeartFunction) -> None:
    faint = qt.QColor(color)
    faint.setAlpha(60)
    for volume in (0.0, scale.top / 2, scale.top):
        draw_level(painter, LEFT, scale.width - RIGHT, scale.y(volume),
                   f"{volume:.0f} mL" if volume == scale.top else f"{volume:.0f}", color)
    for name, phase in (("ED", function.ed_index), ("ES", function.es_index)):
        pen = qt.QPen(faint)
        pen.setStyle(qt.Qt.DashLine)
        painter.setPen(pen)
        painter.drawLine(scale.x(phase), TOP, scale.x(phase), scale.height - BOTTOM)
        painter.setPen(qt.QPen(color))
        painter.drawText(scale.x(phase) - 20, scale.height - BOTTOM + 3, 40, 16, int(qt.Qt.AlignHCenter), name)


def _draw_curve(painter: Any, scale: _Scale, volumes: Sequence[float], color: Any) -> None:
    points = [(scale.x(phase), scale.y(volume)) for phase, volume in enumerate(volumes)]
    draw_line(painter, points, color)
    for x, y in points:
        draw_dot(painter, x, y)


def _draw_legend(painter: Any, x: int, color: Any, name: str, text: Any) -> None:
    painter.setPen(qt.QPen(color))
    painter.setBrush(qt.QBrush(color))
    painter.drawEllipse(x, 8, DOT, DOT)
    painter.setPen(qt.QPen(text))
    painter.drawText(x + 2 * DOT, 3, 40, 16, int(qt.Qt.AlignLeft), name)


def _round_up(volume: float) -> float:
    """Return the next multiple of 20 mL with some air above the curve."""
    return 20.0 * (int(volume * 1.1 / 20.0) + 1)
