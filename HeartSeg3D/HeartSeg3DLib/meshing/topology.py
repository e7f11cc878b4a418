"""Makes every structure of a label map a manifold: nowhere does a structure touch itself along an edge or at a corner.

A surface between voxels is a 2-manifold exactly if no 2x2x2 neighborhood holds a critical configuration of that
structure (3D well-composed pictures, Latecki 1997, doi 10.1006/gmip.1997.0422). Samples are handed to a neighboring
structure until none is left. Only the neighborhoods of samples that changed are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckError

Preference = Callable[[NDArray[np.intp], NDArray[np.uint8]], NDArray[np.float32]]
"""How much samples (n,), given by their flat indices, belong to labels (n,): 0 to 1."""

_ROUNDS = 200
_PATIENCE = 8
"""After this many rounds chance takes part in the choice, so that flips cannot undo each other for ever."""

_CORNERS = np.array([[(slot >> 2) & 1, (slot >> 1) & 1, slot & 1] for slot in range(8)])
_CUBE = np.array(np.unravel_index(np.arange(27), (3, 3, 3))).T - 1
_CELLS_OF_CUBE = np.array([[np.ravel_multi_index(low + corner, (3, 3, 3)) for corner in _CORNERS] for low in _CORNERS])
"""(8, 8): members among the 27 of the eight cells around a sample."""


def critical_cells(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return flat indices of the lowest corners of all 2x2x2 cells in which a structure touches itself only diagonally.

    Args:
        labels: (z, y, x).
    """
    low = high = labels
    for axis in range(3):
        first, second = (tuple(slice(start, stop) if a == axis else slice(None) for a in range(3))
                         for start, stop in ((None, -1), (1, None)))
        low, high = np.minimum(low[first], low[second]), np.maximum(high[first], high[second])
    places = np.nonzero(low != high)
    return _critical(labels, np.ravel_multi_index(places, labels.shape))


def repair_topology(labels: NDArray[np.uint8], preference: Preference) -> int:
    """Hand samples to neighboring structures, in place, until no structure touches itself diagonally.

    Of the samples that would help, the ones that help most and belong least to their structure are taken.

    Args:
        labels: (z, y, x), contiguous, with at least two layers of one label all around.
        preference: Tells how much a sample belongs to a label.

    Returns:
        How often a sample changed its label.

    Raises:
        CheckError: Critical configurations are left.
    """
    chance = np.random.default_rng(0)
    cells, flips = critical_cells(labels), 0
    for turn in range(_ROUNDS):
        if not len(cells):
            return flips
        noise = 0.1 * max(0, turn - _PATIENCE)
        samples, takes = _best_flips(labels, cells, preference, noise, chance)
        labels.ravel()[samples] = takes
        flips += len(samples)
        around = (samples[:, None] - _flat(_CORNERS, labels.shape)).ravel()
        cells = _critical(labels, np.unique(np.concatenate([cells, around])))
    raise CheckError(f"The label map could not be made free of {len(cells)} places where a structure touches itself.",
                     "Smooth the segmentation in these places, or choose a finer edge length.")


def _flat(offsets: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return offsets (n, 3) as distances between flat indices."""
    return offsets @ np.array([shape[1] * shape[2], shape[2], 1])


def _critical(labels: NDArray[np.uint8], cells: NDArray[np.intp]) -> NDArray[np.intp]:
    members = labels.ravel()[cells + _flat(_CORNERS, labels.shape)[:, None]]
    return cells[_is_critical(members)]


def _is_critical(members: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which of the cells with the members (8, n) are critical for one of their labels."""
    alike = np.empty(members.shape, np.uint8)
    alike[:] = (1 << np.arange(8, dtype=np.uint8)).reshape((8,) + (1,) * (members.ndim - 1))
    for one in range(8):
        for other in range(one + 1, 8):
            equal = (members[one] == members[other]).view(np.uint8)
            alike[one] |= equal << other
            alike[other] |= equal << one
    return np.asarray(_CRITICAL[alike].any(axis=0))


def _critical_configurations() -> NDArray[np.bool_]:
    """Return for each of the 256 ways in which a set can fill a 2x2x2 cell whether its surface is no manifold there."""
    filled = (np.arange(256)[:, None] >> np.arange(8)) & 1
    critical = np.zeros(256, bool)
    for axis in range(3):
        for side in (0, 1):
            face = [slot for slot in range(8) if _CORNERS[slot, axis] == side]
            a, b, c, d = (filled[:, slot] for slot in face)
            critical |= (a == d) & (b == c) & (a != b)
    count = filled.sum(axis=1)
    for slot in range(4):
        ends = filled[:, slot] + filled[:, 7 - slot]
        critical |= ((count == 2) & (ends == 2)) | ((count == 6) & (ends == 0))
    return critical


_CRITICAL = _critical_configurations()


def _best_flips(
    labels: NDArray[np.uint8],
    cells: NDArray[np.intp],
    preference: Preference,
    noise: float,
    chance: np.random.Generator,
) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Return the samples that change, none next to another, and the labels that they take."""
    flat, shape = labels.ravel(), labels.shape
    members = cells[:, None] + _flat(_CORNERS, shape)
    own = flat[members]
    taker, giver = np.nonzero(~np.eye(8, dtype=bool))
    pairs = np.stack([members[:, taker], own[:, giver].astype(np.intp)], axis=-1).reshape(-1, 2)
    pairs = np.unique(pairs[flat[pairs[:, 0]] != pairs[:, 1]], axis=0)
    samples, takes = pairs[:, 0], pairs[:, 1].astype(np.uint8)
    inner = _inside(samples, shape)
    samples, takes = samples[inner], takes[inner]
    cube = flat[samples + _flat(_CUBE, shape)[:, None]]
    before = _is_critical(cube[_CELLS_OF_CUBE.T]).sum(axis=0)
    cube[13] = takes
    after = _is_critical(cube[_CELLS_OF_CUBE.T]).sum(axis=0)
    cost = (after - before) + preference(samples, flat[samples]) - preference(samples, takes)
    order = np.argsort(cost + noise * chance.random(len(cost)), kind="stable")
    near = _flat(_CUBE, shape).tolist()
    chosen: list[int] = []
    taken: set[int] = set()
    improves = after < before
    for candidate in order.tolist():
        sample = int(samples[candidate])
        if sample in taken or not (improves[candidate] or (noise and chance.random() < 0.2) or not chosen):
            continue
        chosen.append(candidate)
        taken.update(sample + step for step in near)
    return samples[chosen], takes[chosen]


def _inside(samples: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which samples do not lie in the outermost layer."""
    places = np.array(np.unravel_index(samples, shape)).T
    return np.asarray(((places > 0) & (places < np.array(shape) - 1)).all(axis=1))
