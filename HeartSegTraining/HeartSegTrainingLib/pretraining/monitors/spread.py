"""How far embeddings lie apart."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor


def embedding_spread(embeddings: Tensor) -> Tensor:
    """Mean over dimensions of the standard deviation of L2-normalized (n, d) embeddings, times sqrt(d).

    1 for directions without preference, 0 for one and the same embedding. Chen and He, "Exploring simple Siamese
    representation learning", arXiv 2011.10566, section 4.1.
    """
    directions = F.normalize(embeddings.float(), dim=1)
    return directions.std(0, unbiased=False).mean() * math.sqrt(embeddings.shape[1])
