"""Vision-LSTM (ViL) blocks on three-dimensional maps: the mLSTM cell with what surrounds it.

Source of the design: B. Alkin et al., "Vision-LSTM: xLSTM as Generic Vision Backbone", arXiv 2406.04303; the
convolution before the cell is three-dimensional here, because the tokens are voxels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import NetworkConfig
from .mlstm import CELLS, soft_cap

# Side of the square blocks in the query, key and value projections (as published for ViL).
_BLOCK = 4


class BlockDiagonal(nn.Module):
    """Linear map whose matrix is block diagonal, (..., channels) to (..., channels), without bias."""

    def __init__(self, channels: int, block: int = _BLOCK) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels // block, block, block))
        nn.init.normal_(self.weight, std=math.sqrt(2 / (5 * block)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the blocks."""
        blocks = x.unflatten(-1, self.weight.shape[:2])
        return torch.einsum("...nd,nde->...ne", blocks, self.weight).flatten(-2)


class HeadNorm(nn.Module):
    """Layer normalization of each head's output on its own, then one scale and shift a channel.

    Maps (B, H, S, E) to tokens (B, S, H * E). Computes in the type of its input, float32 after the cell.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, h: Tensor) -> Tensor:
        """Normalize and join the heads."""
        normalized = F.layer_norm(h, h.shape[-1:]).transpose(1, 2).flatten(2)
        return torch.addcmul(self.bias, normalized, self.weight)


class ViLBlock(nn.Module):
    """One Vision-LSTM block on tokens in raster order, with its own residual connection.

    Args:
        dim: Channels of a token.
        config: Heads, expansion, cell and gates.
        vil_blocks: ViL blocks in the whole network; the residual branch starts smaller the more there are.
    """

    def __init__(self, dim: int, config: NetworkConfig, vil_blocks: int) -> None:
        super().__init__()
        inner = config.expand * dim
        self.config = config
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, 2 * inner)
        self.conv = nn.Conv3d(inner, inner, 3, padding=1, groups=inner)
        self.query = BlockDiagonal(inner)
        self.key = BlockDiagonal(inner)
        self.value = BlockDiagonal(inner)
        self.gates = nn.Linear(3 * inner, 2 * config.heads)
        self.head_norm = HeadNorm(inner)
        self.skip = nn.Parameter(torch.ones(inner))
        self.down = nn.Linear(inner, dim)
        self._initialize(dim, config.heads, vil_blocks)

    def _initialize(self, dim: int, heads: int, vil_blocks: int) -> None:
        nn.init.normal_(self.up.weight, std=math.sqrt(2 / (5 * dim)))
        nn.init.zeros_(self.up.bias)
        nn.init.normal_(self.down.weight, std=2 / (vil_blocks * math.sqrt(dim)))
        nn.init.zeros_(self.down.bias)
        # Gates start independent of the token: input near 1, memories from about 20 to 400 tokens long.
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():
            self.gates.bias[:heads].normal_(0, 0.1)
            self.gates.bias[heads:].copy_(torch.linspace(3, 6, heads))

    def forward(self, tokens: Tensor, size: torch.Size | tuple[int, ...]) -> Tensor:
        """Map tokens (B, S, C) of a map of ``size`` (D, H, W), S = D * H * W, to tokens of the same shape."""
        x, z = self.up(self.norm(tokens)).chunk(2, -1)
        local = self.conv(x.transpose(1, 2).unflatten(2, size)).flatten(2).transpose(1, 2)
        local = F.silu(local)
        q, k, v = self.query(local), self.key(local), self.value(x)
        h = self._remember(q, k, v)
        h = torch.addcmul(h.to(local.dtype), local, self.skip.to(local.dtype)) * F.silu(z)
        return tokens + self.down(h)

    def _remember(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Run gates, cell and norm in float32, autocast or not: three (B, S, inner) to one."""
        config = self.config
        with torch.autocast(q.device.type, enabled=False):
            weight, bias = (p.to(torch.promote_types(p.dtype, torch.float32)) for p in self.gates.parameters())
            q, k, v = (x.to(weight.dtype) for x in (q, k, v))
            gates = F.linear(torch.cat([q, k, v], -1), weight, bias).transpose(1, 2)
            input_gate, forget_gate = soft_cap(gates, config.gate_softcap).chunk(2, 1)
            heads = (x.unflatten(-1, (config.heads, -1)).transpose(1, 2) for x in (q, k, v))
            options = {"chunk": config.chunk} if config.cell == "chunkwise" else {}
            h = CELLS[config.cell](*heads, input_gate, forget_gate, gate=config.gate, **options)
            return self.head_norm(h)


class ViLPair(nn.Module):
    """Two ViL blocks on a map (B, C, D, H, W): one reads the voxels in raster order, one backwards.

    The second block sees the reversed sequence throughout: it acts as a forward block on a map flipped along all axes.
    """

    def __init__(self, dim: int, config: NetworkConfig, vil_blocks: int) -> None:
        super().__init__()
        self.forward_block = ViLBlock(dim, config, vil_blocks)
        self.reverse_block = ViLBlock(dim, config, vil_blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Apply both traversals."""
        size = x.shape[2:]
        tokens = self.forward_block(x.flatten(2).transpose(1, 2), size)
        tokens = self.reverse_block(tokens.flip(1), size).flip(1)
        return tokens.transpose(1, 2).unflatten(2, size)
