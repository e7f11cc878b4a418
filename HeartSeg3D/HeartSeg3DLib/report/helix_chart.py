"""The helix angle of fibers through the wall: what was asked for as a line, what was measured as dots and ranges."""

from __future__ import annotations

from collections.abc import Sequence

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.meshing.fibers import FiberAngles
from HeartSeg3DLib.meshing.quality.fiber_angles import FiberLayer
from HeartSeg3DLib.report.curve import HEIGHT, WIDTH, Dot, Drawing, Line, Rgb, Words

_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 104.0, 14.0, 36.0
_INK, _QUIET, _GRID = (40, 48, 56), (110, 118, 126), (226, 230, 233)
NAMES = {"LV": "Left ventricle", "RV": "Right ventricle"}
"""The walls."""

_STEEPEST, _STEP = 90, 30
_BESIDE = 3.0
"""Dots of the two ventricles stand this far beside the middle of their layer, in points."""


def helix_chart(angles: FiberAngles, left: Sequence[FiberLayer], right: Sequence[FiberLayer]) -> Drawing:
    """Draw helix angles in degrees over the depth in the wall, a dot for each layer's median on a line from its 10th to
    its 90th percentile."""
    drawing = Drawing(WIDTH, HEIGHT)
    for degrees in range(-_STEEPEST, _STEEPEST + 1, _STEP):
        drawing.shapes += [Line(((_LEFT, _y(degrees)), (WIDTH - _RIGHT, _y(degrees))), _GRID, 0.7),
                           Words(f"{degrees}\N{DEGREE SIGN}", _LEFT - 7, _y(degrees) + 3, 8.5, _QUIET, "right")]
    for words, depth in (("endocardium", 0.0), ("middle of the wall", 0.5), ("epicardium", 1.0)):
        drawing.shapes.append(Words(words, _x(depth), HEIGHT - _BOTTOM + 16, 8.5, _QUIET, "center"))
    asked = ((_x(0.0), _y(angles.endocardium)), (_x(1.0), _y(angles.epicardium)))
    drawing.shapes += [Line(asked, _INK, 0.9, dashed=True),
                       Words("asked for", WIDTH - _RIGHT + 10, _y(angles.epicardium) + 3, 9.0, _INK)]
    for place, (id, layers, side) in enumerate((("LV", left, -_BESIDE), ("RV", right, _BESIDE))):
        if layers:
            color = BY_ID[id].color
            _draw_layers(drawing, layers, color, side)
            drawing.shapes.append(Words(NAMES[id], WIDTH - _RIGHT + 10, _TOP + 8 + 13 * place, 9.0, color, bold=True))
    return drawing


def _draw_layers(drawing: Drawing, layers: Sequence[FiberLayer], color: Rgb, side: float) -> None:
    for layer in layers:
        x = _x(sum(layer.depth) / 2) + side
        drawing.shapes += [Line(((x, _y(layer.low)), (x, _y(layer.high))), color, 1.0),
                           Dot(x, _y(layer.median), 2.8, color)]


def _x(depth: float) -> float:
    return _LEFT + depth * (WIDTH - _LEFT - _RIGHT)


def _y(degrees: float) -> float:
    return _TOP + (_STEEPEST - degrees) / (2 * _STEEPEST) * (HEIGHT - _TOP - _BOTTOM)
