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

import torch
import torch.nn.functional as F
from torch import Tensor

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
    """Cast to the computing type, scale the query, and turn both gates into log weights.

    With the exponential gate a column of ones joins v: the normalizer is one more column of the state.
    """
    dtype = torch.float64 if q.dtype == torch.float64 else torch.float32
    q, k, v = q.to(dtype) * q.shape[-1] ** -0.5, k.to(dtype), v.to(dtype)
    log_input, log_forget = input_gate.to(dtype), F.logsigmoid(forget_gate.to(dtype))
    if gate == "exponential":
        return q, k, F.pad(v, (0, 1), value=1.0), log_input, log_forget
    return q, k, v, F.logsigmoid(log_input), log_forget


def _normalize(weighted: Tensor, stabilizer: Tensor, exponential: bool) -> Tensor:
    """Divide by the normalizer kept in the last column; ``stabilizer`` is m_t, one number a token."""
    if not exponential:
        return weighted
    floor = torch.exp((-stabilizer).clamp(max=_LARGEST_EXPONENT)).unsqueeze(-1)
    return weighted[..., :-1] / (torch.maximum(weighted[..., -1:].abs(), floor) + _EPSILON)


def _recurrent(
    q: Tensor, k: Tensor, v: Tensor, log_input: Tensor, log_forget: Tensor, exponential: bool
) -> Tensor:
    batch, heads, steps, size = q.shape
    state = q.new_zeros(batch, heads, size, v.shape[-1])
    stabilizer = q.new_full((batch, heads), float("-inf") if exponential else 0.0)
    outputs = []
    for t in range(steps):
        previous = stabilizer
        if exponential:
            stabilizer = torch.maximum(log_forget[..., t] + previous, log_input[..., t]).detach()
        keep = torch.exp(log_forget[..., t] + previous - stabilizer)[..., None, None]
        write = torch.exp(log_input[..., t] - stabilizer)[..., None, None]
        state = keep * state + write * k[:, :, t, :, None] * v[:, :, t, None, :]
        weighted = (q[:, :, t, None, :] @ state).squeeze(-2)
        outputs.append(_normalize(weighted, stabilizer, exponential))
    return torch.stack(outputs, 2)


def _chunkwise(
    q: Tensor, k: Tensor, v: Tensor, log_input: Tensor, log_forget: Tensor, exponential: bool, chunk: int
) -> Tensor:
    steps = q.shape[2]
    count = -(-steps // chunk)
    length = -(-steps // count)
    # Zeros at the end write nothing (k = 0) and only the cut-off tokens could see them.
    q, k, v = (_split_tokens(x, count, length) for x in (q, k, v))
    log_input, log_forget = (_split_gate(x, count, length) for x in (log_input, log_forget))
    # Sums of log forget gates stay inside a chunk: differences over the whole sequence would lose digits.
    decay = log_forget.cumsum(-1)
    source = log_input - decay
    with torch.no_grad():
        state_scale = _state_scales(source, decay, exponential)
        token_scale = _token_scales(source, decay, state_scale[..., :-1], exponential)
        stabilizer = decay + token_scale
    # m_t is a constant, so token_scale = m_t - decay follows the decay: the added zero carries that gradient.
    token_scale = token_scale + (decay.detach() - decay)
    visible = torch.ones(length, length, dtype=torch.bool, device=q.device).tril()
    exponent = (source.unsqueeze(-2) - token_scale.unsqueeze(-1)).masked_fill(~visible, float("-inf"))
    weighted = ((q @ k.transpose(-1, -2)) * torch.exp(exponent)) @ v
    if count > 1:
        states = _scan_states(k, v, source, decay, state_scale)
        carried = torch.exp(state_scale[..., 1:-1, None] - token_scale[..., 1:, :]).unsqueeze(-1)
        from_before = (q[:, :, 1:] @ states) * carried
        weighted = torch.cat([weighted[:, :, :1], weighted[:, :, 1:] + from_before], 2)
    outputs = _normalize(weighted, stabilizer, exponential)
    return outputs.flatten(2, 3)[:, :, :steps]


def _split_tokens(x: Tensor, count: int, length: int) -> Tensor:
    padding = count * length - x.shape[2]
    return (F.pad(x, (0, 0, 0, padding)) if padding else x).unflatten(2, (count, length))


def _split_gate(x: Tensor, count: int, length: int) -> Tensor:
    padding = count * length - x.shape[2]
    return (F.pad(x, (0, padding)) if padding else x).unflatten(2, (count, length))


def _state_scales(source: Tensor, decay: Tensor, exponential: bool) -> Tensor:
    """Log scale m of the state before each chunk and after the last: (B, H, count + 1)."""
    count = source.shape[2]
    if not exponential:
        return source.new_zeros(*source.shape[:2], count + 1)
    largest, total = source.amax(-1).unbind(-1), decay[..., -1].unbind(-1)
    scales = [torch.full_like(total[0], float("-inf"))]
    for c in range(count):
        scales.append(total[c] + torch.maximum(scales[-1], largest[c]))
    return torch.stack(scales, -1)


def _token_scales(source: Tensor, decay: Tensor, before: Tensor, exponential: bool) -> Tensor:
    """m_t minus the decay since the start of the chunk, (B, H, count, length)."""
    if not exponential:
        return -decay
    return torch.maximum(torch.cummax(source, -1).values, before.unsqueeze(-1))


def _scan_states(k: Tensor, v: Tensor, source: Tensor, decay: Tensor, scale: Tensor) -> Tensor:
    """States before chunks 1, 2, ... (the state before chunk 0 is zero): (B, H, count - 1, D, E)."""
    total, after = decay[..., :-1, -1], scale[..., 1:-1]
    write = torch.exp(source[..., :-1, :] + (total - after).unsqueeze(-1))
    additions = (k[:, :, :-1] * write.unsqueeze(-1)).transpose(-1, -2) @ v[:, :, :-1]
    keep = torch.exp(total + scale[..., :-2] - after)[..., None, None]
    states = [additions[:, :, 0]]
    for c in range(1, additions.shape[2]):
        states.append(torch.addcmul(additions[:, :, c], keep[:, :, c], states[-1]))
    return torch.stack(states, 2)
