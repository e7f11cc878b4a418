"""Gradients of a step, summed in an order that does not depend on the number of processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from .distributed import Processes

_BUCKET = 8_000_000
"""Numbers that travel between processes at once: 32 MB."""


def accumulate(backward: Callable[[int], None], parts: Sequence[int], parameters: list[Tensor]) -> None:
    """Run the backward passes of some parts and leave the sum of their gradients in `grad`.

    Sums of floating-point numbers depend on their order, and Adam makes a full step of a gradient that is nothing but
    rounding. The parts are therefore summed in pairs, pairs of pairs and so on: processes that share them equally do
    the lower branches of the same tree, and a power of two of them gets the same numbers as one process.

    Args:
        backward: Adds the gradient of one part to `grad`.
        parts: Which parts.
        parameters: Whose gradients.
    """
    if len(parts) <= 2:
        for part in parts:
            backward(part)
        return
    half = 1 << (len(parts) - 1).bit_length() - 1  # the largest power of two below the number of parts
    accumulate(backward, parts[:half], parameters)
    first = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    accumulate(backward, parts[half:], parameters)
    for parameter, earlier in zip(parameters, first, strict=True):
        if parameter.grad is None:
            parameter.grad = earlier
        elif earlier is not None:
            parameter.grad = earlier.add_(parameter.grad)


def average_over(processes: Processes, parameters: list[Tensor]) -> None:
    """Replace each gradient by its mean over the processes; one without a gradient counts as zero."""
    if processes.world == 1:
        return
    for bucket in _buckets(parameters):
        for parameter in bucket:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in bucket]
        flat = processes.sum(torch.cat([gradient.reshape(-1) for gradient in gradients])).div_(processes.world)
        for gradient, mean in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))


def _buckets(parameters: list[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    size = 0
    for parameter in parameters:
        if bucket and (size + parameter.numel() > _BUCKET or parameter.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += parameter.numel()
    if bucket:
        yield bucket
