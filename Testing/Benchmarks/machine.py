"""What a benchmark ran on: processor, load, versions, commit and shipped models."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from HeartSeg3DLib.models import LoadedModel

_MODELS = Path(__file__).parents[2] / "Resources" / "Models"
_PACKAGES = ("torch", "SimpleITK", "monai", "numpy")


def describe_machine(models: Mapping[str, str] | None = None) -> dict[str, object]:
    """Processor, cores, memory, load average, versions and commit at this moment, and the weights that were measured.

    Args:
        models: SHA-256 of the weights of each model that was measured, by its id; those that ship where none are given.
    """
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "load_average": load(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "commit": _commit(),
        "models": dict(shipped_weights() if models is None else models),
    }


def shipped_weights() -> dict[str, str]:
    """SHA-256 of the weights of each model that ships, by its id."""
    cards = [json.loads(path.read_text("utf-8")) for path in sorted(_MODELS.glob("*/model.json"))]
    return {card["id"]: card["sha256"] for card in cards}


def weights_of(*models: LoadedModel) -> dict[str, str]:
    """SHA-256 of the weights of loaded models, by their ids."""
    return {one.card.id: one.card.sha256 for one in models}


def load() -> list[float] | None:
    """Load average of the last 1, 5 and 15 minutes, where the system has one."""
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent,
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
