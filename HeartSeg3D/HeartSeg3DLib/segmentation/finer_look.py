"""A further look at what was segmented, on finer voxels: test-time augmentation of quality "best"."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .frame import Volume
from .resample import Grid, Step
from .window import Prediction, ReadyModel, predict, regrid

_FINER = 0.8
"""Voxels of the further look in multiples of the first one's."""


def averaged_with_finer_look(model: ReadyModel, volume: Volume, first: Prediction, step: Step) -> Prediction:
    """Average the log-probabilities of a first look with those of one on finer voxels.

    Never a mirrored one: that is another heart.

    Args:
        model: The network of the first look.
        volume: The image in the model frame.
        first: What the network said at first.
        step: Called with the fraction done.
    """
    spacing = finer_spacing_mm(first)
    size = first.grid.upper - first.grid.lower
    z, y, x = (_side(length / spacing) for length in size)
    grid = Grid.centered(0.5 * (first.grid.lower + first.grid.upper), spacing, (z, y, x))
    other = predict(model, volume, grid, _side(int(model.card.window_voxels) / _FINER), step)
    finer = regrid(other.log_probabilities, other.grid, first.grid)
    mean = 0.5 * (first.log_probabilities.to(finer.device) + finer)
    return replace(first, log_probabilities=mean, inside=first.inside.to(mean.device))


def finer_spacing_mm(first: Prediction) -> float:
    """Return the spacing of the voxels of the further look."""
    return first.sampled_at_mm * _FINER


def _side(voxels: float) -> int:
    """The next multiple of 16 voxels, which every network takes."""
    return int(np.ceil(voxels / 16 - 1e-6)) * 16
