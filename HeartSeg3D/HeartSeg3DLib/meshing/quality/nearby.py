"""Pairs of triangles whose bounding boxes overlap, found in a grid of cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def overlapping_pairs(corners: NDArray[np.float64], chunk: int) -> Iterator[NDArray[np.int64]]:
    """Yield every pair (P, 2) of triangles with overlapping boxes once, in chunks of about `chunk` pairs.

    Args:
        corners: (M, 3, 3) corners of triangles.
        chunk: Number of pairs after which they are handed out.
    """
    low, high = (np.asfortranarray(side) for side in (corners.min(axis=1), corners.max(axis=1)))
    if not len(low):
        return
    grid = _Grid(low, high)
    key, owner = _entries(grid, low, high)
    waiting, size, step = [], 0, 1
    while step < len(key):
        same = key[step:] == key[:-step]  # entries `step` apart in the sorted list share a cell
        if not same.any():
            break
        waiting.append(_first_met(grid, low.T, high.T, owner[:-step][same], owner[step:][same], key[step:][same]))
        size += len(waiting[-1])
        if size > chunk:
            yield from np.array_split(np.concatenate(waiting), -(-size // chunk))
            waiting, size = [], 0
        step += 1
    if size:
        yield np.concatenate(waiting)


class _Grid:
    """Cells of one size over all boxes."""

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        self.origin = low.min(axis=0)
        extent = (high - low).max(axis=1)
        widest = float((high.max(axis=0) - self.origin).max())
        # Twice the mean keeps a few large triangles from filling millions of cells.
        self.size = max(1.2 * float(np.median(extent)), 2.0 * float(extent.mean()), widest / 2**20)
        self.shape = self.cell(high.max(axis=0)) + 1

    def cell(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.floor((points - self.origin) / self.size).astype(np.int64)

    def key(self, cell: NDArray[np.int64]) -> NDArray[np.int64]:
        return (cell[..., 0] * self.shape[1] + cell[..., 1]) * self.shape[2] + cell[..., 2]


def _entries(
    grid: _Grid, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return keys of cells, ascending, and the box that lies in each."""
    first = grid.cell(low)
    extent = grid.cell(high) - first + 1
    total = extent.prod(axis=1)
    owner = np.repeat(np.arange(len(low)), total)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(total) - total, total)
    size = extent[owner]
    offset = np.stack(
        [within // (size[:, 1] * size[:, 2]), within // size[:, 2] % size[:, 1], within % size[:, 2]], axis=1
    )
    key = grid.key(first[owner] + offset)
    order = np.argsort(key, kind="stable")
    return key[order], owner[order]


def _first_met(
    grid: _Grid,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    key: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the pairs (P, 2) of overlapping boxes, each only in the first of the cells that both lie in.

    Args:
        grid: The cells.
        low: (3, M) lowest corners of the boxes.
        high: (3, M) highest corners.
        one: First boxes of pairs in one cell.
        other: Second boxes.
        key: Their cells.
    """
    for axis in range(3):  # most pairs are dropped at the first axis, and the others need not be looked at
        meet = (low[axis][one] <= high[axis][other]) & (low[axis][other] <= high[axis][one])
        one, other, key = one[meet], other[meet], key[meet]
    first = grid.key(grid.cell(np.maximum(low[:, one], low[:, other]).T)) == key
    return np.stack([one[first], other[first]], axis=1)
