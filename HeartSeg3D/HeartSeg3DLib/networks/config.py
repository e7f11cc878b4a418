"""Sizes of the xLSTM-UNet: one dataclass, and one named configuration a size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from HeartSeg3DLib.errors import ModelError

from .mlstm import CELLS, GATES

_TUPLES = ("features", "blocks", "vil_pairs", "decoder_blocks")
_REMEDY = "Correct the model's architecture entry."


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that decides the shape of an xLSTM-UNet; a model card stores it.

    Attributes:
        in_channels: Channels of the image.
        classes: Channels of the logits, background included.
        features: Channels of each stage, finest first.
        blocks: Residual blocks of each encoder stage.
        vil_pairs: ViL pairs (a forward and a reverse traversal each) after each encoder stage; zeros everywhere
            give the plain residual U-Net.
        decoder_blocks: Residual blocks of each decoder stage, finest first; None means one each.
        stem_stride: Stride of the first stage, 1 or 2; the logits are coarser than the image by it.
        heads: Heads of the mLSTM cell.
        expand: Width of the mLSTM cell in multiples of the stage's channels.
        chunk: Tokens a chunk in the chunkwise cell; changes speed, never the result.
        cell: "chunkwise", "parallel" or "recurrent": the same result at different cost.
        gate: Input gate, "exponential" or "sigmoid".
        gate_softcap: Bound of the gates' pre-activations; 0 for none.
        checkpoint: Recompute blocks in the backward pass instead of keeping their activations.
    """

    features: tuple[int, ...]
    blocks: tuple[int, ...]
    vil_pairs: tuple[int, ...]
    stem_stride: int
    in_channels: int = 1
    classes: int = 8
    decoder_blocks: tuple[int, ...] | None = None
    heads: int = 4
    expand: int = 2
    chunk: int = 64
    cell: str = "chunkwise"
    gate: str = "exponential"
    gate_softcap: float = 15.0
    checkpoint: bool = False

    def __post_init__(self) -> None:
        for name in _TUPLES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(int(v) for v in value))
        for rule, holds in self._rules().items():
            if not holds:
                raise ModelError(f"The network configuration {rule}.", _REMEDY)
        for width, pairs in zip(self.features, self.vil_pairs, strict=True):
            if pairs and (self.expand * width) % (4 * self.heads):
                raise ModelError(
                    f"A stage of {width} channels cannot be split into {self.heads} heads of whole blocks of 4.",
                    "Choose features that are multiples of 4 times the heads.",
                )

    def _rules(self) -> dict[str, bool]:
        """What the fields must satisfy, in words, and whether they do."""
        stages, decoder = len(self.features), self.decoder_blocks
        scalars = (self.in_channels, self.classes, self.heads, self.expand, self.chunk)
        counts = (*self.features, *self.blocks, *(decoder or ()))
        return {
            "needs at least two stages": stages >= 2,
            "needs one entry of blocks and of vil_pairs for each of features": len(self.blocks) == stages
            and len(self.vil_pairs) == stages,
            "needs one entry of decoder_blocks fewer than of features": decoder is None or len(decoder) == stages - 1,
            "needs positive features, blocks and decoder_blocks": min(counts, default=0) > 0,
            "needs vil_pairs of zero or more": min(self.vil_pairs, default=0) >= 0,
            "needs a stem_stride of 1 or 2": self.stem_stride in (1, 2),
            "needs positive in_channels, classes, heads, expand and chunk": min(scalars) > 0,
            f"knows only the cells {', '.join(CELLS)}": self.cell in CELLS,
            f"knows only the gates {', '.join(GATES)}": self.gate in GATES,
            "needs a gate_softcap of zero or more": self.gate_softcap >= 0,
        }

    @property
    def total_stride(self) -> int:
        """Voxels of the image to one voxel of the coarsest map, along each axis."""
        return int(self.stem_stride * 2 ** (len(self.features) - 1))

    @property
    def smallest_input(self) -> int:
        """Smallest side of an image in voxels: the coarsest map needs two voxels to be normalized."""
        return 2 * self.total_stride

    def without_vil(self) -> NetworkConfig:
        """The same network without any ViL block: the ablation."""
        return replace(self, vil_pairs=(0,) * len(self.features))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Read what :meth:`to_dict` wrote.

        Raises:
            ModelError: An entry is unknown, missing or impossible.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ModelError(
                f"The network configuration has unknown entries: {', '.join(unknown)}.",
                "Update HeartSeg, or correct the model's architecture entry.",
            )
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise ModelError(f"The network configuration cannot be read ({error}).", _REMEDY) from error


CONFIGS: dict[str, NetworkConfig] = {
    "nano": NetworkConfig(features=(16, 32, 64, 112), blocks=(1, 1, 1, 1), vil_pairs=(0, 0, 1, 1), stem_stride=2),
    "tiny": NetworkConfig(features=(32, 64, 128, 256), blocks=(1, 1, 1, 1), vil_pairs=(0, 0, 1, 1), stem_stride=2),
    "base": NetworkConfig(
        features=(32, 64, 128, 256, 320), blocks=(1, 2, 2, 2, 2), vil_pairs=(0, 0, 1, 1, 1), stem_stride=2
    ),
    "paper": NetworkConfig(
        features=(32, 64, 128, 256, 320, 320),
        blocks=(1, 2, 2, 2, 2, 2),
        vil_pairs=(0, 0, 0, 1, 1, 1),
        stem_stride=1,
    ),
    "large": NetworkConfig(
        features=(64, 128, 256, 512, 1024, 1024),
        blocks=(2, 2, 2, 2, 2, 2),
        vil_pairs=(0, 0, 0, 1, 1, 1),
        decoder_blocks=(2, 2, 2, 2, 2),
        stem_stride=1,
    ),
    "huge": NetworkConfig(
        features=(96, 192, 384, 768, 1536, 1536),
        blocks=(3, 3, 3, 3, 3, 3),
        vil_pairs=(0, 0, 0, 2, 2, 2),
        decoder_blocks=(3, 3, 3, 3, 3),
        stem_stride=1,
    ),
}
