"""Which devices can segment: each has run a real convolution."""

from __future__ import annotations

import os
from typing import Any

from HeartSeg3DLib.errors import DeviceError
from HeartSeg3DLib.worker.dependencies import require_dependencies
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.loaded_models import LoadedModels


def devices(job: Job, loaded: LoadedModels) -> None:
    """Report the devices that work, the automatic choice first; those that fail are named in warnings.

    Raises:
        DependencyError: PyTorch or safetensors is missing or broken.
    """
    version = require_dependencies()
    from HeartSeg3DLib.segmentation import choose_device

    found = []
    for device in _present():
        try:
            choose_device(device["id"])
        except DeviceError as error:
            job.warning(f"{device['name']} cannot be used: {error.message}")
        else:
            found.append(device)
    fastest = found[min(1, len(found) - 1)]  # the CPU comes first and has just worked
    automatic = {**fastest, "id": "auto", "name": f"Automatic ({fastest['name']})"}
    job.result(devices=[automatic, *found], torch=version)


def _present() -> list[dict[str, Any]]:
    """Return the CPU and every graphics card that PyTorch sees, with its memory in GB."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = [_device("cpu", f"CPU, {cores} {'core' if cores == 1 else 'cores'}")]
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            found.append(_device(f"cuda:{number}", torch.cuda.get_device_name(number), *_memory_gb(number)))
    if torch.backends.mps.is_available():
        found.append(_device("mps", "Apple graphics"))
    return found


def _device(id: str, name: str, free_gb: float | None = None, total_gb: float | None = None) -> dict[str, Any]:
    return {"id": id, "name": name, "free_gb": free_gb, "total_gb": total_gb}


def _memory_gb(number: int) -> tuple[float | None, float | None]:
    """Return free and whole memory of a graphics card, None where it does not answer (all memory taken, broken)."""
    import torch

    try:
        free, total = torch.cuda.mem_get_info(number)
    except RuntimeError:
        return None, None
    return round(free / 1e9, 1), round(total / 1e9, 1)
