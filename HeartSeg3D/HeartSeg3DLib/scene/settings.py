"""What this user's Slicer remembers from one session to the next."""

from __future__ import annotations

from typing import Any

import slicer

from HeartSeg3DLib.scene.parameters import MODALITIES, QUALITIES

_GROUP = "HeartSeg3D/"
_CHOICES = ("model", "quality", "device", "modality")
_ALLOWED = {"quality": QUALITIES, "modality": MODALITIES}

SURFACES_SECONDS, MILLION_SECONDS = 20.0, 60.0
"""What surfaces of a heart, and a million tetrahedra, take on two processor cores."""


def expected_seconds(quality: str, device: str) -> float | None:
    """Return how long the last run with this quality on this device took in s; None before the first."""
    try:
        seconds = float(_settings().value(f"{_GROUP}Seconds/{quality}/{device}", 0))
    except (TypeError, ValueError):  # someone edited the file of settings
        return None
    return seconds if seconds > 0 else None


def remember_run(quality: str, device: str, seconds: float) -> None:
    """Note how long a run took in s."""
    _settings().setValue(f"{_GROUP}Seconds/{quality}/{device}", round(float(seconds), 1))


def expected_mesh_seconds(tetrahedra: int | None) -> float:
    """Return how long a mesh is going to take in s, by the last one of its kind or what two processor cores need.

    Args:
        tetrahedra: About how many; None for surfaces.
    """
    kind, usual = ("surfaces", SURFACES_SECONDS) if tetrahedra is None else ("tetrahedra", MILLION_SECONDS)
    try:
        seconds = float(_settings().value(f"{_GROUP}MeshSeconds/{kind}", 0))
    except (TypeError, ValueError):
        seconds = 0.0
    return (seconds if seconds > 0 else usual) * (1.0 if tetrahedra is None else tetrahedra / 1e6)


def remember_mesh(tetrahedra: int | None, seconds: float) -> None:
    """Note how long a mesh took in s; of tetrahedra, for a million of them.

    Args:
        tetrahedra: About how many were expected; None for surfaces.
        seconds: Time that it took.
    """
    kind, share = ("surfaces", 1.0) if tetrahedra is None else ("tetrahedra", max(tetrahedra, 1) / 1e6)
    _settings().setValue(f"{_GROUP}MeshSeconds/{kind}", round(float(seconds) / share, 1))


def remember_choices(parameters: Any) -> None:
    """Keep model, quality, device and kind of scan for the next scene.

    Args:
        parameters: HeartSegParameterNode.
    """
    settings = _settings()
    for name in _CHOICES:
        settings.setValue(_GROUP + name, getattr(parameters, name))


def apply_choices(parameters: Any) -> None:
    """Set what was kept; for the parameters of a new scene, not of one that was loaded.

    Args:
        parameters: HeartSegParameterNode.
    """
    for name in _CHOICES:
        value = _settings().value(_GROUP + name, "")
        if value and str(value) in _ALLOWED.get(name, [str(value)]):
            setattr(parameters, name, str(value))


def _settings() -> Any:
    return slicer.app.userSettings()
