"""Which tokens of a view the student does not see, drawn with the sample."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def draw_mask(rng: np.random.Generator, tokens: int, *, probability: float, ratio: tuple[float, float]) -> Tensor:
    """Hide a random share of tokens in some views.

    Args:
        rng: The sample's source of choices.
        tokens: Tokens of a view.
        probability: Share of views in which anything is hidden.
        ratio: Smallest and largest share of tokens that is hidden there; at least one is, and one is not.

    Returns:
        (tokens,) bool, True where hidden.
    """
    share, is_masked, order = rng.uniform(*ratio), rng.random() < probability, rng.permutation(tokens)
    mask = torch.zeros(tokens, dtype=torch.bool)
    if is_masked:
        mask[order[: min(max(round(share * tokens), 1), tokens - 1)]] = True
    return mask
