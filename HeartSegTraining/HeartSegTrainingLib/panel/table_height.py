"""Tables as high as their rows."""

from __future__ import annotations

from typing import Any

MOST_ROWS = 6
_PADDING = 6
"""Pixels above and below the text of a header."""


def fit_height(table: Any) -> None:
    """Make a QTableWidget as high as its rows, from one up to a few; beyond that it scrolls."""
    line = table.fontMetrics().lineSpacing() + _PADDING
    content = sum(table.rowHeight(row) for row in range(min(table.rowCount, MOST_ROWS))) or line
    table.setFixedHeight(line + content + 2 * table.frameWidth)
