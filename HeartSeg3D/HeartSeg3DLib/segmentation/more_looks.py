"""Further looks at what was segmented, on voxels of another size: to make it better, and to see where it is a guess."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from .cleanup import remove_islands
from .frame import Volume
from .resample import Grid, Step
from .window import Prediction, ReadyModel, predict, regrid

_FINER, _COARSER = 0.8, 1.5
"""Voxels of a further look in multiples of the first one's: finer for quality "best", coarser to compare with."""


def averaged_with_finer_look(model: ReadyModel, volume: Volume, first: Prediction, step: Step) -> Prediction:
    """Average a first look with one on finer voxels: test-time augmentation of quality "best".

    Never a mirrored one: that is another heart.

    Args:
        model: The network of the first look.
        volume: The image in the model frame.
        first: What the network said at first.
        step: Called with the fraction done.
    """
    finer = _look(model, volume, first, _FINER, step)
    mean = 0.5 * (first.log_probabilities.to(finer.device) + finer)
    return replace(first, log_probabilities=mean, inside=first.inside.to(mean.device))


def second_look(model: ReadyModel, volume: Volume, first: Prediction, step: Step) -> Tensor:
    """Segment the region of a first look on coarser voxels: where a network guesses, both looks differ.

    Args:
        model: The network of the first look.
        volume: The image in the model frame.
        first: What the network said at first.
        step: Called with the fraction done.

    Returns:
        Winning channel (Z, Y, X) on the first look's cells and device, islands taken out, 0 outside the field of view.
    """
    said = _look(model, volume, first, _COARSER, step)
    return remove_islands(said, first.inside.to(said.device)).to(first.log_probabilities.device)


def _look(model: ReadyModel, volume: Volume, first: Prediction, factor: float, step: Step) -> Tensor:
    """Log-probabilities (C, Z, Y, X) of a look on voxels of another size, on the first look's cells."""
    spacing = first.sampled_at_mm * factor
    size = first.grid.upper - first.grid.lower
    z, y, x = (_side(length / spacing) for length in size)
    grid = Grid.centered(0.5 * (first.grid.lower + first.grid.upper), spacing, (z, y, x))
    other = predict(model, volume, grid, _side(int(model.card.window_voxels) / factor), step)
    return regrid(other.log_probabilities, other.grid, first.grid)


def _side(voxels: float) -> int:
    """The next multiple of 16 voxels, which every network takes."""
    return int(np.ceil(voxels / 16 - 1e-6)) * 16
