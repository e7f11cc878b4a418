"""The volume-time curve as lines and words in points, drawn as SVG or PDF."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.measurement import HeartFunction

Rgb = tuple[int, int, int]
Align = Literal["left", "center", "right"]

WIDTH, HEIGHT = 520.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 92.0, 24.0, 36.0
_INK, _QUIET, _GRID = (40, 48, 56), (110, 118, 126), (226, 230, 233)
_BEAT_MS = (200.0, 3000.0)
"""Times that span more or less are no heartbeat in ms; the axis then counts frames."""
_APART = 12.0


@dataclass(frozen=True)
class Line:
    """A polyline through points (x, y), y downwards."""

    points: tuple[tuple[float, float], ...]
    color: Rgb
    width: float
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    color: Rgb


@dataclass(frozen=True)
class Words:
    """A line of text; y is its baseline."""

    text: str
    x: float
    y: float
    size: float
    color: Rgb
    align: Align = "left"
    bold: bool = False


@dataclass
class Drawing:
    """Shapes in the order in which they are painted, on a canvas in points."""

    width: float
    height: float
    shapes: list[Line | Dot | Words] = field(default_factory=list)


def volume_curve(function: HeartFunction) -> Drawing:
    """Draw the volumes of the ventricles over the beat, end-diastole and end-systole marked."""
    drawing = Drawing(WIDTH, HEIGHT)
    positions, title = _positions(function.times_ms)
    ticks_y = _ticks(max(max(volumes) for volumes in function.curve.values()))
    start, span = positions[0], positions[-1] - positions[0]

    def x(position: float) -> float:
        return _LEFT + (position - start) / span * (WIDTH - _LEFT - _RIGHT)

    def y(volume: float) -> float:
        return HEIGHT - _BOTTOM - volume / ticks_y[-1] * (HEIGHT - _TOP - _BOTTOM)

    for tick in ticks_y:
        unit = " mL" if tick == ticks_y[-1] else ""
        drawing.shapes += [Line(((_LEFT, y(tick)), (WIDTH - _RIGHT, y(tick))), _GRID, 0.7),
                           Words(f"{tick:g}{unit}", _LEFT - 7, y(tick) + 3, 8.5, _QUIET, "right")]
    for tick in _ticks(span):
        if tick <= span:
            place = x(start + tick)
            drawing.shapes.append(Words(f"{start + tick:g}", place, HEIGHT - _BOTTOM + 14, 8.5, _QUIET, "center"))
    drawing.shapes.append(Words(title, (_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 5, 8.5, _QUIET, "center"))
    for name, index in (("ED", function.ed_index), ("ES", function.es_index)):
        place = x(positions[index])
        drawing.shapes += [Line(((place, _TOP - 6), (place, HEIGHT - _BOTTOM)), _QUIET, 0.8, dashed=True),
                           Words(name, place, _TOP - 11, 9.0, _INK, "center", bold=True)]
    _draw_ventricles(drawing, function, [x(position) for position in positions], y)
    return drawing


def _draw_ventricles(drawing: Drawing, function: HeartFunction, across: Sequence[float],
                     y: Callable[[float], float]) -> None:
    """Draw a line and dots for each ventricle, larger ones at the two phases, and its name at the end."""
    ends: list[float] = []
    for id, ventricle in function.ventricles.items():
        color = BY_ID[id].color
        points = tuple((place, y(volume)) for place, volume in zip(across, ventricle.volumes_ml, strict=True))
        drawing.shapes.append(Line(points, color, 1.8))
        for index, point in enumerate(points):
            marked = index in (function.ed_index, function.es_index)
            drawing.shapes.append(Dot(*point, 3.4 if marked else 1.7, color))
        ends.append(points[-1][1])
        if len(ends) == 2 and abs(ends[1] - ends[0]) < _APART:
            ends[1] = ends[0] + math.copysign(_APART, ends[1] - ends[0])
        drawing.shapes.append(Words(ventricle.name, across[-1] + 10, ends[-1] + 3, 9.0, color, bold=True))


def _positions(times_ms: Sequence[float | None]) -> tuple[list[float], str]:
    """Return where the frames lie on the axis, and its title."""
    times = [time for time in times_ms if time is not None]
    rising = len(times) == len(times_ms) and times == sorted(set(times))
    if rising and _BEAT_MS[0] <= times[-1] - times[0] <= _BEAT_MS[1]:
        return times, "Time (ms)"
    return [float(index) for index in range(len(times_ms))], "Frame"


def _ticks(largest: float) -> list[float]:
    """Return four to eight round numbers from 0 to the first one that is not below the largest value."""
    rough = max(largest, 1.0) / 5.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    step = max(step, 1.0)
    return [step * number for number in range(math.ceil(max(largest, 1.0) / step) + 1)]
