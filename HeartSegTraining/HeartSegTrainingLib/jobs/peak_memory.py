"""How much memory a piece of work takes at its peak, on the device where it computes."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from HeartSeg3DLib.meshing.memory import free_memory

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Measures from its making on: memory of the graphics card, or of this process on a processor.

    Args:
        device: Where the work computes.

    Attributes:
        free: Bytes that were free before, None where the system does not say.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
            self.free: int | None = torch.cuda.mem_get_info(device)[0]
            self._before = torch.cuda.memory_allocated(device)
        else:
            self.free = free_memory()
            self._before = _resident("VmRSS") if _forget_peak() else None

    def peak(self) -> int | None:
        """Bytes beyond those at the beginning, None where the system does not say (CPU of macOS and Windows)."""
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device)) - int(self._before or 0)
        return None if self._before is None else max(_resident("VmHWM") - self._before, 0)


def _forget_peak() -> bool:
    """Make Linux count this process's peak from now on; False elsewhere."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        _RESET.write_text("5")
    except OSError:
        return False
    return True


def _resident(name: str) -> int:
    for line in _STATUS.read_text("ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
