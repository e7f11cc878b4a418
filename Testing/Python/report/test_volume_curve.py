"""The volume-time curve: where its points, ticks and words lie."""

from __future__ import annotations

import pytest

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.measurement import HeartFunction, heart_function
from HeartSeg3DLib.report.curve import Dot, Drawing, Line, Words, volume_curve

LEFT = [120.0, 90.0, 48.0, 60.0, 100.0, 118.0]
RIGHT = [122.0, 95.0, 60.0, 70.0, 105.0, 119.0]


def drawn(times: list[float | None], **volumes: list[float]) -> Drawing:
    function: HeartFunction = heart_function(volumes or {"LV": LEFT, "RV": RIGHT}, times)
    return volume_curve(function)


def words(drawing: Drawing) -> dict[str, Words]:
    return {shape.text: shape for shape in drawing.shapes if isinstance(shape, Words)}


def curve_of(drawing: Drawing, id: str) -> Line:
    (line,) = [shape for shape in drawing.shapes if isinstance(shape, Line) and shape.color == BY_ID[id].color]
    return line


def test_points_lie_at_their_times_and_volumes() -> None:
    drawing = drawn([0.0, 100.0, 300.0, 400.0, 500.0, 800.0])
    (x0, y0), (x1, _), (x2, y2), *_, (x5, _) = curve_of(drawing, "LV").points
    assert (x1 - x0) / (x5 - x0) == pytest.approx(1 / 8)
    assert (x2 - x0) / (x5 - x0) == pytest.approx(3 / 8)
    heights = {word.text: word.y for word in drawing.shapes if isinstance(word, Words) and word.align == "right"}
    assert y2 - y0 == pytest.approx(72.0 * (heights["0"] - heights["100"]) / 100.0)
    assert "Time (ms)" in words(drawing)


@pytest.mark.parametrize("times", [[None] * 6, [1000.0 * n for n in range(6)], [0.0] * 6, [500.0, 400.0, 300.0, 200.0,
                                                                                         100.0, 0.0]])
def test_times_that_are_no_heartbeat_are_not_shown_as_milliseconds(times: list[float | None]) -> None:
    drawing = drawn(times)
    assert "Frame" in words(drawing)
    steps = [later[0] - earlier[0] for earlier, later in zip(*[curve_of(drawing, "LV").points[n:] for n in (0, 1)],
                                                             strict=False)]
    assert steps == pytest.approx([steps[0]] * 5)


def test_both_phases_are_marked_on_each_ventricle() -> None:
    drawing = drawn([None] * 6)
    large = [shape for shape in drawing.shapes if isinstance(shape, Dot) and shape.radius > 3]
    assert len(large) == 4
    assert {words(drawing)["ED"].x, words(drawing)["ES"].x} == {dot.x for dot in large}


def test_names_of_curves_that_end_together_do_not_cover_each_other() -> None:
    found = words(drawn([None] * 6))
    assert abs(found["Left ventricle"].y - found["Right ventricle"].y) >= 12.0


@pytest.mark.parametrize("volumes", [[3.0, 1.0], [480.0, 460.0], [1200.0, 700.0]])
def test_axes_fit_every_size_of_heart(volumes: list[float]) -> None:
    drawing = drawn([None, None], LV=volumes)
    for shape in drawing.shapes:
        points = shape.points if isinstance(shape, Line) else ((shape.x, shape.y),)
        assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in points)
    assert "Right ventricle" not in words(drawing)
