"""The projection head: equation (5)'s MLP, with what the paper leaves open filled in."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ProjectionHead(nn.Module):
    """Three linear layers with GELU, a bottleneck of unit length, and prototypes of unit length.

    The logits are cosines in [-1, 1]. There is no batch normalization: a sample's output depends on itself alone.
    Computed in float32 also under autocast, because small temperatures enlarge rounding.

    Args:
        width: Length of the embeddings that come in.
        hidden: Width of the two hidden layers.
        bottleneck: Length of what is compared with prototypes.
        prototypes: K, the number of logits.
    """

    def __init__(self, width: int, hidden: int, bottleneck: int, prototypes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(),
                                    nn.Linear(hidden, bottleneck))
        self.prototypes = nn.Parameter(torch.empty(prototypes, bottleneck))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                # Keeps the size of the signal; what is normalized below must not be tiny, or gradients are huge.
                nn.init.trunc_normal_(layer.weight, std=layer.in_features**-0.5)
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.prototypes)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map (n, width) to logits (n, K)."""
        with torch.autocast(embeddings.device.type, enabled=False):
            x = F.normalize(self.layers(embeddings.float()), dim=1, eps=1e-6)
            return x @ F.normalize(self.prototypes, dim=1).T
