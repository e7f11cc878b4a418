"""Where a network runs: choosing a device that really works, its precision, and what counts as out of memory."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from HeartSeg3DLib.errors import DeviceError

_NAMES = "auto, cpu, cuda, cuda:N or mps"
_NEEDS = {"cuda": "a graphics card of NVIDIA, its driver and a CUDA build of PyTorch",
          "mps": "a Mac with Apple silicon and a PyTorch built for it"}


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of that name after it has run one real kernel.

    Args:
        name: ``"auto"`` takes the first of cuda and mps that works, else the CPU, and warns (``RuntimeWarning``) when
            one is present but fails; ``"cpu"``, ``"cuda"``, ``"cuda:N"`` and ``"mps"`` take exactly that.

    Raises:
        DeviceError: The name is unknown, or the named device is missing or fails.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    if name != "auto":
        device = _parse(name)
        _require_present(device)
        failure = _try(device)
        if failure is not None:
            raise DeviceError(f"The device {name} is there but fails: {failure}.",
                              "Choose the device 'cpu', or repair the graphics driver.")
        return device
    for candidate in ("cuda", "mps"):
        device = torch.device(candidate)
        if not _present(device):
            continue
        failure = _try(device)
        if failure is None:
            return device
        warnings.warn(f"The {candidate} device is there but fails ({failure}); using the CPU.",
                      RuntimeWarning, stacklevel=2)
    return torch.device("cpu")


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """Reduced precision that is both fast and safe on a device, or None for float32.

    bfloat16 only: float16 overflows in these networks. On a CPU only where the processor computes in it; emulation
    would be slower than float32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else None
    if device.type == "cpu" and _cpu_computes_bfloat16():
        return torch.bfloat16
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    text = str(error).lower()
    signs = ("out of memory", "not enough memory", "can't allocate", "cannot allocate", "failed to allocate")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


def release_memory(device: torch.device) -> None:
    """Give cached memory back to the device after a failed allocation."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _parse(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(f"There is no device named '{name}'.", f"Choose {_NAMES}.")
    return device


def _present(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return True


def _require_present(device: torch.device) -> None:
    if _present(device):
        return
    if device.type == "cuda" and device.index:
        raise DeviceError(f"This computer has no graphics card number {device.index}.",
                          f"It has {torch.cuda.device_count()} that can be used; choose the device 'auto'.")
    raise DeviceError(f"The device {device.type} is not available on this computer.",
                      f"Choose the device 'auto'; {device.type} needs {_NEEDS[device.type]}.")


def _try(device: torch.device) -> str | None:
    """Run one convolution and wait for it; return what went wrong in a few words.

    A driver can report a device whose kernels cannot run (too old, wrong build, all memory taken).
    """
    try:
        with torch.inference_mode():
            kernel = nn.Conv3d(1, 8, 3, padding=1).to(device)
            total = float(kernel(torch.ones(1, 1, 8, 8, 8, device=device)).sum())
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return str(error).strip().split("\n")[0].rstrip(".")
    return None if total == total else "its results are not numbers"


def _cpu_computes_bfloat16() -> bool:
    if hasattr(torch.cpu, "get_capabilities"):
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    flags = Path("/proc/cpuinfo")
    if not flags.is_file():
        return False
    words = flags.read_text(errors="replace").split()
    return "avx512_bf16" in words or "amx_bf16" in words
