"""Several networks of one architecture that vote: the mean of their probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from HeartSeg3DLib.errors import ModelError

from .unet import XLSTMUNet


class Ensemble(nn.Module):
    """Networks that learned independently, such as one of each fold, used as one.

    Their weights must never be averaged: channel k of one has nothing to do with channel k of the other. Their
    probabilities mean the same and can be.

    Args:
        members: Two or more networks of one configuration.

    Raises:
        ModelError: There are fewer, or they differ in their configuration.
    """

    def __init__(self, members: Sequence[XLSTMUNet]) -> None:
        super().__init__()
        if len(members) < 2:
            raise ModelError(f"An ensemble of {len(members)} networks is none.", "Give two networks or more.")
        if any(member.config != members[0].config for member in members):
            raise ModelError("The networks of an ensemble differ in their architecture.",
                             "Give networks of the same configuration.")
        self.config = members[0].config
        self.members = nn.ModuleList(members)

    def forward(self, image: Tensor) -> Tensor:
        """Map an image (B, in_channels, D, H, W) to (B, classes, D / s, H / s, W / s) like one network.

        Returns:
            The logarithm of the mean probabilities, float32; as logits they give exactly these probabilities.
        """
        total: Tensor | None = None
        for member in self.members:
            one = member(image).float().log_softmax(1)
            total = one if total is None else torch.logaddexp(total, one)
        assert total is not None
        return total - math.log(len(self.members))


def members_of(network: XLSTMUNet | Ensemble) -> list[XLSTMUNet]:
    """The networks of an ensemble, or the one network."""
    if isinstance(network, XLSTMUNet):
        return [network]
    return [member for member in network.members if isinstance(member, XLSTMUNet)]
