"""Resamples a label map to isotropic samples whose structures are smooth, keep their volumes and are manifolds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..errors import InputError
from ..imaging.probabilities import ClassProbabilities
from .checking import name_of
from .indicators import Indicators, index_to_point, indicators
from .mesh import OUTSIDE
from .soft_labels import soft_indicators
from .topology import Preference, repair_topology
from .volume_balance import balancing_pressures

_MARGIN = 3
"""Layers of background around the structures, so that repairs have room."""

_CERTAIN = 0.8
"""A sample with this share belongs to its structure whatever the biases are: no other has more than 0.2."""

_LARGEST_BIAS = 0.25
_BALANCE_ROUNDS = 8
_NEAR_TIE = 0.1
"""Samples whose two best labels differ by less tell how many samples a bias moves."""

_SPECK = 0.01
"""Pieces with less than this part of a structure that resampling cut off go to their neighbors."""

_SPECK_ROUNDS = 5


@dataclass(frozen=True)
class LabelField:
    """A label map on isotropic samples, and the smooth indicators it was made from.

    Attributes:
        labels: (z, y, x) uint8; at least two layers of `OUTSIDE` all around; no structure touches itself diagonally.
        pitch_mm: Distance of samples along every axis.
        origin: (3,) place of sample [0, 0, 0], LPS in mm.
        direction: (3, 3), columns are the unit vectors along x, y and z in LPS; its determinant is -1 where the image
            is left-handed.
        indicators: Smooth shares of the structures at any point, not biased, and the volumes they should have.
        bias: (L,) what was added to the indicators so that the structures keep their volumes.
        repaired: Samples that changed their label in the repair of the topology.
        specks: Samples of pieces that resampling cut off and that went to neighbors, by label.
    """

    labels: NDArray[np.uint8]
    pitch_mm: float
    origin: NDArray[np.float64]
    direction: NDArray[np.float64]
    indicators: Indicators
    bias: NDArray[np.float32]
    repaired: int
    specks: dict[int, int]

    @property
    def values(self) -> tuple[int, ...]:
        """Label values, `OUTSIDE` first, in the order of the indicators."""
        return self.indicators.values


def label_field(
    labels: sitk.Image, pitch_mm: float, probabilities: ClassProbabilities | None = None
) -> LabelField:
    """Resample a label map to isotropic samples along the axes of its image.

    Args:
        labels: 3-D uint8 label map with at least one label.
        pitch_mm: Distance of samples.
        probabilities: On the same voxels, where there are any: they say where within voxels the walls lie.

    Raises:
        InputError: No label, or the pitch is not positive or too coarse for a structure.
        CheckError: The topology could not be repaired.
    """
    shares = indicators(labels) if probabilities is None else soft_indicators(labels, probabilities)[0]
    if len(shares.values) == 1:
        raise InputError("The label map is empty: no voxel belongs to a structure.", "Segment the heart first.")
    if not pitch_mm > 0:
        raise InputError(f"{pitch_mm:g} mm is no distance of samples.", "Choose an edge length above zero.")
    axes = _sample_axes(shares, pitch_mm)
    grid, ambiguous = _strongest(shares, axes)
    bias = _balance(grid, ambiguous, shares.volumes_mm3 / pitch_mm**3)
    numbers = grid.ravel()
    numbers[ambiguous.samples] = (ambiguous.shares + bias).argmax(axis=1)
    repaired, specks = _make_manifold(grid, _preference(ambiguous, bias, grid.size))
    lost = set(range(1, len(shares.values))) - set(np.unique(grid).tolist())
    if lost:
        names = ", ".join(name_of(shares.values[number]) for number in sorted(lost))
        raise InputError(f"Samples every {pitch_mm:.3g} mm are too coarse to show: {names}.",
                         "Choose a shorter edge length, or take these structures out of the label map.")
    table = np.array(shares.values, np.uint8)
    start = np.array([axis[0] for axis in axes])[::-1]
    return LabelField(
        labels=table[grid], pitch_mm=pitch_mm,
        origin=np.asarray(labels.GetOrigin()) + index_to_point(labels) @ start,
        direction=np.reshape(labels.GetDirection(), (3, 3)), indicators=shares, bias=bias, repaired=repaired,
        specks={shares.values[number]: count for number, count in specks.items()},
    )


@dataclass(frozen=True)
class _Ambiguous:
    """Samples that more than one structure could get: flat indices (n,) and shares (n, L)."""

    samples: NDArray[np.intp]
    shares: NDArray[np.float32]


def _sample_axes(shares: Indicators, pitch_mm: float) -> list[NDArray[np.float64]]:
    """Return voxel indices of the samples along z, y and x, even about the middle of the structures' box."""
    starts = np.min([item.start for item in shares.structures], axis=0)
    stops = np.max([item.start + item.shares.shape for item in shares.structures], axis=0)
    axes = []
    for start, stop, spacing in zip(starts, stops, shares.image.GetSpacing()[::-1], strict=True):
        step = pitch_mm / spacing
        count = int(np.ceil((stop - start) / step)) + 2 * _MARGIN
        axes.append((start + stop - 1) / 2 + step * (np.arange(count) - (count - 1) / 2))
    return axes


def _strongest(shares: Indicators, axes: list[NDArray[np.float64]]) -> tuple[NDArray[np.uint8], _Ambiguous]:
    """Return the number of the strongest label of each sample, and the samples for which a bias could change it."""
    shape = tuple(len(axis) for axis in axes)
    grid, outside = np.zeros(shape, np.uint8), np.ones(shape, np.float32)
    parts = [structure.on_grid(axes) for structure in shares.structures]
    for part, values in parts:
        outside[part] -= values
    best = outside.copy()
    for number, (part, values) in enumerate(parts, 1):
        stronger = values > best[part]
        best[part][stronger] = values[stronger]
        grid[part][stronger] = number
    samples = np.flatnonzero(best < _CERTAIN)
    table = np.zeros((len(samples), len(shares.values)), np.float32)
    table[:, 0] = outside.ravel()[samples]
    places = np.array(np.unravel_index(samples, shape))
    for number, (part, values) in enumerate(parts, 1):
        low, high = np.array([[each.start, each.stop] for each in part]).T[..., None]
        inside = ((places >= low) & (places < high)).all(axis=0)
        table[inside, number] = values[tuple(places[:, inside] - low)]
    return grid, _Ambiguous(samples, table)


def _balance(grid: NDArray[np.uint8], ambiguous: _Ambiguous, wanted: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the bias (L,) of each label with which it gets the number of samples that its volume asks for."""
    count = len(wanted)
    total = np.bincount(grid.ravel(), minlength=count)
    certain = total - np.bincount(grid.ravel()[ambiguous.samples], minlength=count)
    bias, step = np.zeros(count, np.float32), np.zeros(count)
    best_bias, best_error = bias, np.inf
    for _ in range(_BALANCE_ROUNDS):
        biased = ambiguous.shares + bias
        winner = biased.argmax(axis=1)
        missing = wanted - certain - np.bincount(winner, minlength=count)
        error = float(np.abs(missing[1:] / wanted[1:]).max())
        if error < best_error:
            best_bias, best_error = bias, error
            step = balancing_pressures(_mobility(biased, winner, count), missing.astype(np.float64))
        else:  # where samples lie on voxels shares take few values, and many samples change at once
            step = step / 2
        bias = np.clip(best_bias + step, -_LARGEST_BIAS, _LARGEST_BIAS).astype(np.float32)
    return best_bias


def _mobility(biased: NDArray[np.float32], winner: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Return (L, L): samples that change from one label to another for each unit of bias."""
    rows = np.arange(len(biased))
    strongest = biased[rows, winner]
    others = biased.copy()
    others[rows, winner] = -1.0
    second = others.argmax(axis=1)
    near = strongest - others[rows, second] < _NEAR_TIE
    pairs = np.bincount(winner[near] * count + second[near], minlength=count * count).reshape(count, count)
    return (pairs + pairs.T) / (2.0 * _NEAR_TIE)


def _preference(ambiguous: _Ambiguous, bias: NDArray[np.float32], size: int) -> Preference:
    """Return how much a sample belongs to a label; a sample that is not ambiguous belongs to none but its own."""
    row_of = np.full(size, -1, np.int32)
    row_of[ambiguous.samples] = np.arange(len(ambiguous.samples), dtype=np.int32)
    biased = ambiguous.shares + bias

    def preference(samples: NDArray[np.intp], numbers: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = row_of[samples]
        return np.where(rows < 0, np.float32(0.0), biased[rows, numbers])

    return preference


def _make_manifold(grid: NDArray[np.uint8], preference: Preference) -> tuple[int, dict[int, int]]:
    """Repair the topology in place and give specks away; return the samples changed by each."""
    repaired = repair_topology(grid, preference)
    specks: dict[int, int] = {}
    for _ in range(_SPECK_ROUNDS):
        loose, dropped = _find_specks(grid)
        if not dropped:
            break
        for number, count in dropped.items():
            specks[number] = specks.get(number, 0) + count
        _give_away(grid, loose)
        repaired += repair_topology(grid, preference)
    return repaired, specks


def _find_specks(grid: NDArray[np.uint8]) -> tuple[NDArray[np.intp], dict[int, int]]:
    """Return flat indices of the samples of specks, and how many they are by label number."""
    loose, dropped = [], {}
    for number, box in [(OUTSIDE, (slice(None),) * 3), *enumerate(ndimage.find_objects(grid), 1)]:
        if box is None:
            continue
        pieces, count = ndimage.label(grid[box] == number)
        if count < 2:
            continue
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        speck = (sizes > 0) & (sizes < _SPECK * sizes.sum())
        if speck.any():
            places = np.array(np.nonzero(speck[pieces])).T + [part.start or 0 for part in box]
            loose.append(np.ravel_multi_index(places.T, grid.shape))
            dropped[number] = int(sizes[speck].sum())
    return np.concatenate(loose) if loose else np.empty(0, np.intp), dropped


def _give_away(grid: NDArray[np.uint8], samples: NDArray[np.intp]) -> None:
    """Hand samples, none in the outermost layer, to the structures around them, in place, from outside inward."""
    numbers, loose = grid.ravel(), np.zeros(grid.size, bool)
    loose[samples] = True
    layer, row = grid.shape[1] * grid.shape[2], grid.shape[2]
    steps = np.array([-layer, layer, -row, row, -1, 1])
    while len(samples):
        around = samples[:, None] + steps
        settled = ~loose[around]
        reached = settled.any(axis=1)
        giver = around[reached, settled[reached].argmax(axis=1)]
        numbers[samples[reached]] = numbers[giver]
        loose[samples[reached]] = False
        samples = samples[~reached]
