"""The intensity rule: from scanner values to the range [-1, 1] that the networks see.

A model card carries one rule per modality. Training and inference both call this file, so a network never
meets values that were scaled in another way than those it learned from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from HeartSeg3DLib.errors import ModelError

Rule = Mapping[str, Any]

DEFAULT_RULES: dict[str, dict[str, Any]] = {
    "ct": {"kind": "window", "low": -250.0, "high": 650.0},
    "mr": {"kind": "percentile", "low": 0.5, "high": 99.5},
}
"""Rules of the default models: a window in Hounsfield units for CT, percentiles for MR."""

OUTSIDE = -1.0
"""Value of every voxel outside the field of view."""

_SAMPLES = 1 << 18  # percentiles of 0.5 % stand on > 1000 voxels and take a few milliseconds
_BACKGROUND = 1e-3  # part of the range above the minimum that counts as empty background


def rule_for(rules: Mapping[str, Rule], modality: str) -> Rule:
    """Return the rule for ``"ct"`` or ``"mr"`` from a model card's ``intensity`` table.

    Raises:
        ModelError: The card has no rule for this modality.
    """
    if modality not in rules:
        raise ModelError(
            f"This model was not made for {modality.upper()} images.",
            f"Choose a model for {modality.upper()}; this one reads {', '.join(sorted(rules)) or 'nothing'}.",
        )
    return rules[modality]


def intensity_range(
    values: Tensor | np.ndarray, rule: Rule, inside: Tensor | None = None
) -> tuple[float, float]:
    """Return the (low, high) scanner values that a rule maps to -1 and 1.

    Args:
        values: Image of any shape.
        rule: ``{"kind": "window", "low": HU, "high": HU}`` or ``{"kind": "percentile", "low": %, "high": %}``.
            Percentiles are taken over the voxels inside the field of view that lie above the minimum + 0.1 %
            of the range, so that zero-filled background does not count.
        inside: True where the field of view is; all of it by default. Same shape as ``values``.

    Returns:
        The range; both are equal for a percentile rule on a constant or empty image.

    Raises:
        ModelError: The rule is of an unknown kind.

    Example:
        >>> intensity_range(torch.arange(1001.0), {"kind": "percentile", "low": 0.0, "high": 100.0})
        (2.0, 1000.0)
    """
    if rule.get("kind") == "window":
        return float(rule["low"]), float(rule["high"])
    if rule.get("kind") != "percentile":
        raise ModelError(f"The model card has an unknown intensity rule: {rule.get('kind')!r}.",
                         "Update HeartSeg or choose another model.")
    sample = _sample(torch.as_tensor(values), inside)
    if sample.numel() == 0:
        return 0.0, 0.0
    lowest, highest = float(sample.min()), float(sample.max())
    bright = sample[sample > lowest + _BACKGROUND * (highest - lowest)]
    if bright.numel() == 0:
        return lowest, highest
    share = torch.tensor([float(rule["low"]), float(rule["high"])], device=bright.device) / 100.0
    low, high = torch.quantile(bright, share).tolist()
    return low, high


def scale(values: Tensor | np.ndarray, low: float, high: float, inside: Tensor | None = None) -> Tensor:
    """Clip to [low, high], map linearly to [-1, 1] and set what lies outside the field of view to -1.

    Returns:
        A new float32 tensor of the same shape; all -1 where the range is empty.
    """
    scaled = torch.as_tensor(values).to(torch.float32, copy=True)
    if high <= low:
        return scaled.fill_(OUTSIDE)
    scaled.sub_(low).mul_(2.0 / (high - low)).sub_(1.0).clamp_(-1.0, 1.0)
    if inside is not None:
        scaled.masked_fill_(~inside, OUTSIDE)
    return scaled


def normalize(values: Tensor | np.ndarray, rule: Rule, inside: Tensor | None = None) -> Tensor:
    """Apply one intensity rule: :func:`intensity_range`, then :func:`scale`.

    Example:
        >>> normalize(torch.tensor([-1000.0, 200.0, 650.0]), DEFAULT_RULES["ct"]).tolist()
        [-1.0, 0.0, 1.0]
    """
    values = torch.as_tensor(values)
    low, high = intensity_range(values, rule, inside)
    return scale(values, low, high, inside)


def _sample(values: Tensor, inside: Tensor | None) -> Tensor:
    """Return at most about ``_SAMPLES`` values of the field of view as float32, evenly spaced in array order."""
    flat = values.reshape(-1)
    if inside is not None:
        flat = flat[inside.reshape(-1)]
    # An odd step does not fall on the same columns of every row of the usual even-sized images.
    step = max(flat.numel() // _SAMPLES, 1) | 1 if flat.numel() > _SAMPLES else 1
    return flat[::step].float()
