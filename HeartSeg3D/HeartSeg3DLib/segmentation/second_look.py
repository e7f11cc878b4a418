"""A second look at what was segmented, on voxels of another size: where a network guesses, both looks differ."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from .cleanup import remove_islands
from .frame import Volume
from .resample import Grid, Step
from .window import QUALITIES, Prediction, ReadyModel, predict, regrid

_SPACING: dict[str, float] = {"fast": 1.25, "standard": 1.5, "best": 1.5}
"""Spacing of the second look at each quality, in multiples of the model's own. At 1.5 it takes a third of the time of
a standard look; fast is itself that coarse, and is compared with a finer one."""


def second_look(model: ReadyModel, volume: Volume, first: Prediction, quality: str, step: Step) -> Tensor:
    """Segment the region of a first look once more.

    Args:
        model: The network of the first look.
        volume: The image in the model frame.
        first: What the network said at first.
        quality: Of the first look.
        step: Called with the fraction done.

    Returns:
        Winning channel (Z, Y, X) on the first look's cells and device, islands taken out, 0 outside the field of view.
    """
    grid = _plan(first, quality)
    side = int(np.ceil(int(model.card.window_voxels) / _SPACING[quality] / 16)) * 16
    other = predict(model, volume, grid, side, step)
    said = regrid(other.log_probabilities, other.grid, first.grid)
    return remove_islands(said, first.inside.to(said.device)).to(first.log_probabilities.device)


def _plan(first: Prediction, quality: str) -> Grid:
    spacing = first.sampled_at_mm * _SPACING[quality] / QUALITIES[quality]
    size = first.grid.upper - first.grid.lower
    z, y, x = (int(np.ceil(length / spacing / 16 - 1e-6)) * 16 for length in size)
    return Grid.centered(0.5 * (first.grid.lower + first.grid.upper), spacing, (z, y, x))
