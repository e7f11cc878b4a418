"""Rows of numbers as text, fast enough for millions of elements."""

from __future__ import annotations

from itertools import chain
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_ROWS_AT_ONCE = 65_536


def write_rows(file: BinaryIO, template: str, *columns: NDArray[np.generic]) -> None:
    """Writes one line for each row of the columns.

    Args:
        file: Opened for bytes; lines end with a single line feed on every system.
        template: How a row is written, such as "Tt %d %d %d %d %d".
        columns: (R,) or (R, C) arrays, side by side.
    """
    count = len(columns[0])
    if not count:
        return
    parts = list(chain.from_iterable(column.T if column.ndim == 2 else [column] for column in columns))
    for start in range(0, count, _ROWS_AT_ONCE):
        rows = zip(*(part[start:start + _ROWS_AT_ONCE].tolist() for part in parts), strict=True)
        file.write("".join(map(f"{template}\n".__mod__, rows)).encode("ascii"))
