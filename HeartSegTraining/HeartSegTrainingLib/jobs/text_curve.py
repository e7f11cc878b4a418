"""A curve in letters, for terminals and logs."""

from __future__ import annotations

import math
from collections.abc import Sequence

_MARK = "*"


def text_curve(points: Sequence[tuple[float, float]], *, width: int = 60, height: int = 8) -> list[str]:
    """Lines of text that show a curve; values that are not finite are left out.

    Args:
        points: (x, y) in the order of x.
        width: Columns of the curve; points that share a column are averaged.
        height: Lines of the curve.

    >>> for line in text_curve([(0, 3.0), (1, 2.0), (2, 1.0)], width=3, height=3): print(line)
    3.000 |*
    2.000 | *
    1.000 |  *
          0 to 2
    """
    known = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not known:
        return []
    first, last = known[0][0], known[-1][0]
    low, high = min(y for _, y in known), max(y for _, y in known)
    columns: dict[int, list[float]] = {}
    for x, y in known:
        columns.setdefault(_place(x, first, last, width), []).append(y)
    rows = [[" "] * width for _ in range(height)]
    for column, values in columns.items():
        rows[height - 1 - _place(sum(values) / len(values), low, high, height)][column] = _MARK
    labels = [f"{high - (high - low) * number / max(height - 1, 1):.3f}" for number in range(height)]
    margin = max(map(len, labels))
    lines = [f"{label:>{margin}} |{''.join(row)}".rstrip() for label, row in zip(labels, rows, strict=True)]
    return [*lines, f"{'':{margin}} {first:g} to {last:g}"]


def _place(value: float, low: float, high: float, count: int) -> int:
    """Number of the cell that a value falls into."""
    return 0 if high <= low else min(round((value - low) / (high - low) * (count - 1)), count - 1)
