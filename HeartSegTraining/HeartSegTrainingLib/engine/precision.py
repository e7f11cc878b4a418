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
