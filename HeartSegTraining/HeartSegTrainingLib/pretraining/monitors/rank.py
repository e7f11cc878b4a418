"""In how many directions embeddings differ."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_EPSILON = 1e-7


def effective_rank(embeddings: Tensor) -> Tensor:
    """RankMe: exp of the entropy of the normalized singular values of (n, d) embeddings, 1 to min(n, d).

    A small rank is a collapse to few dimensions; a constant embedding has rank 1, and tiny noise on a zero embedding a
    high one, so the spread has to be looked at, too. Garrido et al., arXiv 2210.02885, equation (1).
    """
    values = torch.linalg.svdvals(embeddings.float())
    share = values / values.sum().clamp(min=_EPSILON) + _EPSILON
    return torch.exp(-(share * share.log()).sum())


def directions(embeddings: Tensor) -> Tensor:
    """RankMe of L2-normalized (n, d) embeddings around their mean: 1 where all lie on one line.

    Pooled features have a large common part, which alone makes `effective_rank` small in a run that is sound.
    """
    unit = F.normalize(embeddings.float(), dim=1)
    return effective_rank(unit - unit.mean(0))
