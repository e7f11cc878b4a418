"""Small islands away from a structure's body are taken out before the labels reach the image.

This happens on the network's own cells: an island's class loses there, and the next best class takes its place. That
costs nothing beside labeling tens of millions of voxels, and no hole of background is left inside the heart.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

KEPT_SHARE = 0.05
"""A component stays when it has at least this part of the largest one's cells: a pulmonary artery that the field of
view or a thin window splits in two stays whole (the largest alone would lose it: measured on a split PA)."""

_IMPOSSIBLE = -100.0
_BLOCK = np.ones((3, 3, 3), dtype=bool)


def remove_islands(log_probabilities: Tensor, inside: Tensor, kept_share: float = KEPT_SHARE) -> Tensor:
    """Suppress each class on its small islands.

    Args:
        log_probabilities: (C, Z, Y, X), channel 0 = background; changed in place.
        inside: (Z, Y, X) bool; cells outside the field of view carry no label and bridge nothing.
        kept_share: Smallest part of the largest component that stays.

    Returns:
        The winning channel of each cell after the removal, (Z, Y, X) int64, 0 outside the field of view.
    """
    # Taking an island out hands its cells to another class; a second round looks at what that made.
    for _ in range(2):
        winner = log_probabilities.argmax(0).masked_fill_(~inside, 0)
        if not _suppress(log_probabilities, winner.cpu().numpy(), kept_share):
            return winner
    return log_probabilities.argmax(0).masked_fill_(~inside, 0)


def _suppress(log_probabilities: Tensor, winner: np.ndarray, kept_share: float) -> bool:
    changed = False
    for channel, region in enumerate(ndimage.find_objects(winner), 1):
        if region is None:
            continue
        region = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in region)
        mask = winner[region] == channel
        components, count = ndimage.label(mask, _BLOCK)
        if count < 2:
            continue
        sizes = np.bincount(components.ravel())[1:]
        kept = np.concatenate([[False], sizes >= kept_share * sizes.max()])[components]
        if kept.sum() == mask.sum():
            continue
        # One cell around an island too: between two cells the class could still win by interpolation.
        island = ndimage.binary_dilation(mask & ~kept, _BLOCK) & ~ndimage.binary_dilation(kept, _BLOCK)
        part = log_probabilities[(channel, *region)]
        part.masked_fill_(torch.from_numpy(island | (mask & ~kept)).to(part.device), _IMPOSSIBLE)
        changed = True
    return changed
