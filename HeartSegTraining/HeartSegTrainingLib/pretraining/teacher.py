"""The momentum teacher: equation (1) for the encoder and the heads."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn


def momentum_at(progress: float, start: float) -> float:
    """m of equation (1): from `start` to 1 along half a cosine over the run.

    Example:
        >>> [round(momentum_at(progress, 0.996), 4) for progress in (0.0, 0.5, 1.0)]
        [0.996, 0.998, 1.0]
    """
    return 1.0 - (1.0 - start) * (1.0 + math.cos(math.pi * min(progress, 1.0))) / 2.0


def copy_as_teacher(student: nn.Module) -> nn.Module:
    """A copy that receives no gradients and stays in evaluation mode: the teacher begins as the student (m = 0)."""
    return copy.deepcopy(student).requires_grad_(False).eval()


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """theta_t <- m theta_t + (1 - m) theta_s (equation 1); buffers are copied.

    Args:
        teacher: Moves.
        student: Has parameters and buffers of the same names.
        momentum: m, 0 to 1.
    """
    leading = dict(student.named_parameters())
    for name, parameter in teacher.named_parameters():
        parameter.lerp_(leading[name], 1.0 - momentum)
    leading_buffers = dict(student.named_buffers())
    for name, buffer in teacher.named_buffers():
        buffer.copy_(leading_buffers[name])
