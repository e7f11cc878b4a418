r"""The matrix LSTM (mLSTM) cell of the xLSTM paper in three forms that give the same answer.

Source of the formulas: M. Beck et al., "xLSTM: Extended Long Short-Term Memory", arXiv 2405.04517, section 2.3
and the appendix on the mLSTM; the sigmoid input gate is that of M. Beck et al., arXiv 2503.14376 (mLSTMsig).

With f_t the forget and i_t the input pre-activation, every form computes

    C_t = sigma(f_t) C_{t-1} + exp(i_t) k_t v_t^T        n_t = sigma(f_t) n_{t-1} + exp(i_t) k_t
    h_t = C_t^T q_t / max(|n_t . q_t|, 1)                 (q scaled by 1 / sqrt(D))

scaled by exp(-m_t), where m_t = max(log sigma(f_t) + m_{t-1}, i_t) keeps every exponent at or below zero. h_t
does not depend on m_t, so the stabilizer carries no gradient. With a sigmoid input gate, exp(i_t) becomes
sigma(i_t), the exponents are never positive by themselves, and both the normalizer n and the stabilizer m drop out.

Shapes everywhere: q, k (B, H, S, D), v (B, H, S, E), gates (B, H, S) as pre-activations, result (B, H, S, E).
Arithmetic is float32 whatever arrives (float64 stays float64, the reference for tests) and ignores autocast:
half-precision cells gave non-finite gradients in measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from HeartSeg3DLib.errors import ModelError

GATES = ("exponential", "sigmoid")
# Keeps 0 / 0 away where the stabilized normalizer underflows; far below any normalizer that matters.
_EPSILON = 1e-6
# exp(80) is the largest round power that stays finite in float32.
_LARGEST_EXPONENT = 80.0

Cell = Callable[..., Tensor]


def soft_cap(x: Tensor, cap: float) -> Tensor:
    """Bound gate pre-activations smoothly to (-cap, cap) by ``cap * tanh(x / cap)``; 0 is no cap."""
    return cap * torch.tanh(x / cap) if cap > 0 else x


def mlstm_recurrent(
    q: Tensor, k: Tensor, v: Tensor, input_gate: Tensor, forget_gate: Tensor, *, gate: str = "exponential"
) -> Tensor:
    """Step through the sequence token by token: slow, the definition that the other forms are tested against."""
    with torch.autocast(q.device.type, enabled=False):
        inputs = _prepare(q, k, v, input_gate, forget_gate, gate)
        return _recurrent(*inputs, gate == "exponential").to(q.dtype)


def mlstm_parallel(
    q: Tensor, k: Tensor, v: Tensor, input_gate: Tensor, forget_gate: Tensor, *, gate: str = "exponential"
) -> Tensor:
    """All tokens at once through an S x S matrix: quadratic in S, for short sequences and tests."""
    with torch.autocast(q.device.type, enabled=False):
        inputs = _prepare(q, k, v, input_gate, forget_gate, gate)
        return _chunkwise(*inputs, gate == "exponential", max(q.shape[2], 1)).to(q.dtype)


def mlstm_chunkwise(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    input_gate: Tensor,
    forget_gate: Tensor,
    *,
    gate: str = "exponential",
    chunk: int = 64,
) -> Tensor:
    """Parallel inside chunks of at most ``chunk`` tokens, recurrent between them: linear in S, exact."""
    with torch.autocast(q.device.type, enabled=False):
        inputs = _prepare(q, k, v, input_gate, forget_gate, gate)
        return _chunkwise(*inputs, gate == "exponential", chunk).to(q.dtype)


CELLS: dict[str, Cell] = {
    "recurrent": mlstm_recurrent,
    "parallel": mlstm_parallel,
    "chunkwise": mlstm_chunkwise,
}


def _prepare(
    q: Tensor, k: Tensor, v: Tensor, input_gate: Tensor, forget_gate: Tensor, gate: str
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Cast to the computing type and turn both gates into log weights.

    With the exponential gate a column of ones joins v: the normalizer is one more column of the state.

    Raises:
        ModelError: The gate is neither exponential nor sigmoid.
    """
    if gate not in GATES:
        raise ModelError(f"There is no mLSTM input gate named '{gate}'.", f"Choose one of {', '.join(GATES)}.")
    dtype = torch.float64 if q.dtype == torch.float64 else torch.float32
    q, k, v = q.to(dtype), k.to(dtype), v.to(dtype)
    log_input, log_forget = input_gate.to(dtype), F.logsigmoid(forget_gate.to(dtype))
    if gate == "exponential":
        return q, k, F.pad(v, (0, 1), value=1.0), log_input, log_forget
    return q, k, v, F.logsigmoid(log_input), log_forget


def _normalize(weighted: Tensor, stabilizer: Tensor, exponential: bool) -> Tensor:
    """Divide by the normalizer kept in the last column; ``stabilizer`` is m_t, one column."""
    if not exponential:
        return weighted * torch.exp(stabilizer).to(weighted.dtype)
    floor = torch.exp((-stabilizer).clamp(max=_LARGEST_EXPONENT)).to(weighted.dtype)
    return weighted[..., :-1] / (torch.maximum(weighted[..., -1:].abs(), floor) + _EPSILON)


def _recurrent(q: Tensor, k: Tensor, v: Tensor, log_input: Tensor, log_forget: Tensor, exponential: bool) -> Tensor:
    batch, heads, _, size = q.shape
    state = q.new_zeros(batch, heads, size, v.shape[-1])
    stabilizer = q.new_full((batch, heads, 1), float("-inf") if exponential else 0.0)
    outputs = []
    gates = (log_input.unsqueeze(-1), log_forget.unsqueeze(-1))
    for query, key, value, write, keep in zip(*(x.unbind(2) for x in (q * size**-0.5, k, v, *gates)), strict=True):
        previous = stabilizer
        if exponential:
            stabilizer = torch.maximum(keep + previous, write).detach()
        addition = (torch.exp(write - stabilizer) * key).unsqueeze(-1) * value.unsqueeze(-2)
        state = torch.exp(keep + previous - stabilizer).unsqueeze(-1) * state + addition
        weighted = (query.unsqueeze(-2) @ state).squeeze(-2)
        outputs.append(_normalize(weighted, stabilizer, exponential))
    return torch.stack(outputs, 2)


def _chunkwise(
    q: Tensor, k: Tensor, v: Tensor, log_input: Tensor, log_forget: Tensor, exponential: bool, chunk: int
) -> Tensor:
    """The chunkwise form on shapes (B * H, chunks, tokens, columns); gates are one column."""
    batch, heads, steps, size = q.shape
    scale = size**-0.5
    q, k, v = (_split(x, chunk) for x in (q, k, v))
    log_input, log_forget = (_split(x.unsqueeze(-1), chunk) for x in (log_input, log_forget))
    # The few sums of gates are taken in float64, and only inside a chunk: their differences decide every weight.
    exact = torch.float32 if q.device.type == "mps" else torch.float64
    decay = log_forget.to(exact).cumsum(2)
    source = log_input.to(exact) - decay
    source_scale = source.to(q.dtype)
    with torch.no_grad():
        before, after = _state_scales(source, decay, exponential)
        token_scale = -decay.to(q.dtype)
        if exponential:
            token_scale = torch.maximum(torch.cummax(source_scale, 2).values, before.to(q.dtype))
        stabilizer = decay + token_scale
        # What rounding took from the source exponents goes into the values that they weigh.
        rounded_off = torch.exp(source - source_scale).to(q.dtype)
    # m_t is a constant, so token_scale = m_t - decay follows the decay: the added zero carries that gradient.
    token_scale = token_scale + (decay.detach() - decay).to(q.dtype)
    future = torch.full((q.shape[2], q.shape[2]), float("-inf"), dtype=q.dtype, device=q.device).triu(1)
    weights = torch.exp(source_scale.transpose(2, 3) + future - token_scale).flatten(0, 1)
    scores = torch.baddbmm(q.new_zeros(1, 1, 1), q.flatten(0, 1), k.flatten(0, 1).mT, beta=0, alpha=scale)
    weighted = torch.bmm(scores * weights, (v * rounded_off).flatten(0, 1))
    if q.shape[1] > 1:
        total = decay[:, :, -1:]
        additions = (k * torch.exp(source + (total - after)).to(k.dtype)).mT @ v
        states = _StateScan.apply(additions, torch.exp(total + before - after).to(k.dtype))
        carried = q * (scale * torch.exp(before - token_scale)).to(q.dtype)
        weighted = torch.baddbmm(weighted, carried.flatten(0, 1), states.flatten(0, 1))
    outputs = _normalize(weighted, stabilizer.flatten(0, 1), exponential)
    return outputs.unflatten(0, (batch, heads, -1)).flatten(2, 3)[:, :, :steps]


def _split(x: Tensor, chunk: int) -> Tensor:
    """Cut (B, H, S, columns) into equal chunks of at most ``chunk`` tokens: (B * H, chunks, tokens, columns).

    Zeros fill the last chunk: they write nothing, because k is zero there, and only cut-off tokens see them.
    """
    steps = x.shape[2]
    count = -(-steps // chunk)
    length = -(-steps // count)
    padded = F.pad(x, (0, 0, 0, count * length - steps)) if steps < count * length else x
    return padded.flatten(0, 1).unflatten(1, (count, length)).contiguous()


def _state_scales(source: Tensor, decay: Tensor, exponential: bool) -> tuple[Tensor, Tensor]:
    """Log scale m of the state before and after each chunk, both (B * H, chunks, 1, 1).

    Any value near the largest exponent will do, since the result does not depend on it: rounding is harmless here.
    """
    total = decay[:, :, -1:]
    if not exponential:
        return torch.zeros_like(total), torch.zeros_like(total)
    passed = total.cumsum(1)
    after = passed + torch.cummax(source.amax(2, keepdim=True) - (passed - total), 1).values
    before = torch.cat([torch.full_like(after[:, :1], float("-inf")), after[:, :-1]], 1)
    return before, after


class _StateScan(torch.autograd.Function):
    """States before each chunk: S_0 = 0, S_{c+1} = keep_c S_c + additions_c, (B * H, chunks, D, E).

    Written out with its gradient, because a recorded loop would keep every state twice.
    """

    @staticmethod
    def forward(ctx: Any, additions: Tensor, keep: Tensor) -> Tensor:
        states = torch.empty_like(additions)
        states[:, 0] = 0
        for c in range(additions.shape[1] - 1):
            torch.addcmul(additions[:, c], keep[:, c], states[:, c], out=states[:, c + 1])
        ctx.save_for_backward(states, keep)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        states, keep = ctx.saved_tensors
        # Gradient of S_{c+1} at c: what additions_c receives; the last addition is never read.
        following = torch.zeros_like(gradient)
        for c in range(gradient.shape[1] - 2, -1, -1):
            torch.addcmul(gradient[:, c + 1], keep[:, c + 1], following[:, c + 1], out=following[:, c])
        return following, (following * states).sum((2, 3), keepdim=True)
