"""What the network saw and said of one image, kept for those who judge a result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from .frame import Volume
from .window import Prediction


@dataclass(frozen=True)
class Seen:
    """The network's own view of one image.

    Attributes:
        prediction: Log-probabilities of all classes on the network's cells, small islands taken out.
        winner: (Z, Y, X) winning channel of each cell, 0 outside the field of view.
        volume: The image in the model frame.
        labels: Label value of each channel.
        features: (F,) summary of the network's inner maps (:class:`FeatureSummary`), None where it has none.
    """

    prediction: Prediction
    winner: Tensor
    volume: Volume
    labels: tuple[int, ...]
    features: NDArray[np.float32] | None


class FeatureSummary:
    """Mean and deviation of each channel of an encoder's maps, all stages but the finest, read in the forward pass.

    It costs no second pass: the maps are read as the encoder hands them on. Windows of one image, and
    networks of an ensemble, are averaged.

    Args:
        network: A network with an encoder, or an ensemble of such; any other gives no summary.
    """

    def __init__(self, network: nn.Module) -> None:
        self._found: list[NDArray[np.float32]] = []
        for member in getattr(network, "members", None) or [network]:
            encoder = getattr(member, "encoder", None)
            if isinstance(encoder, nn.Module):
                encoder.register_forward_hook(self._keep)

    def start(self) -> None:
        """Forget what was seen before."""
        self._found = []

    def vector(self) -> NDArray[np.float32] | None:
        """Return the summary (F,) of all windows since :meth:`start`; means first, then deviations, stage by stage."""
        return np.mean(self._found, axis=0, dtype=np.float32) if self._found else None

    def _keep(self, encoder: nn.Module, image: tuple[Tensor, ...], maps: list[Tensor]) -> None:
        parts = []
        for stage in maps[1:]:
            cells = stage.detach()[0].float().flatten(1)
            parts += [cells.mean(1), cells.std(1, correction=0)]
        if parts:
            self._found.append(np.concatenate([part.cpu().numpy() for part in parts]).astype(np.float32))
