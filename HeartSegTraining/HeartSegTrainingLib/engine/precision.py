"""Where and in which precision a run computes: bf16 where the hardware is fast at it, never fp16."""

from __future__ import annotations

import contextlib

import torch

from HeartSeg3DLib.errors import DeviceError, UsageError


def training_device(name: str) -> torch.device:
    """Device for "auto", "cpu", "cuda" or "cuda:N"; plain cuda means that of this process among several.

    Raises:
        UsageError: Another name.
        DeviceError: CUDA is asked for and there is none.
    """
    if name != "cpu" and name != "auto" and not name.startswith("cuda"):
        raise UsageError(f"Training does not know the device '{name}'.", "Use auto, cpu, cuda or cuda:N.")
    if name == "auto" and not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda" if name == "auto" else name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("There is no usable CUDA device.",
                          'Set device = "cpu", or install a CUDA build of torch.')
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device computes bf16 in hardware (Ampere or later; AVX-512 BF16 or AMX)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type != "cpu":
        return False
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # absent from older versions of torch
    return any(bool(getattr(torch.cpu, name)()) for name in names if hasattr(torch.cpu, name))


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Autocast context for "auto", "bf16" or "fp32"."""
    if precision == "bf16" or (precision == "auto" and has_fast_bfloat16(device)):
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


_LEAST_SIDE = 3
"""Voxels along a side of the coarsest map from which bf16 on a processor is safe. The weight gradient of a convolution
over 2 x 2 x 2 voxels in oneDNN (PyTorch 2.13) was wrong on a processor with AMX, differently each time, with values up
to 1e35."""


def auto_precision(precision: str, device: torch.device, coarsest_side: int) -> str:
    """The precision that a network is to be trained in: fp32 where a small map makes bf16 wrong on a processor.

    Args:
        precision: auto, bf16 or fp32, as the job asks.
        device: Where it is trained.
        coarsest_side: Side of the network's coarsest map in voxels.

    Raises:
        UsageError: The job insists on bf16 there.

    >>> auto_precision("auto", torch.device("cpu"), 2), auto_precision("auto", torch.device("cpu"), 4)
    ('fp32', 'auto')
    """
    if device.type != "cpu" or coarsest_side >= _LEAST_SIDE or precision == "fp32":
        return precision
    if precision == "bf16":
        raise UsageError(f"With this window the network's coarsest map has {coarsest_side} voxels along each side, "
                         "where gradients in bf16 on a processor are wrong.",
                         'Set precision = "auto" or "fp32", or take a larger window.')
    return "fp32"


def kept_to(precision: str, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Within the engine's autocast, that of a network which is to be trained in fp32."""
    return torch.autocast(device.type, enabled=False) if precision == "fp32" else contextlib.nullcontext()
