"""What this user's Slicer remembers from one session to the next."""

from __future__ import annotations

from typing import Any

import slicer

from HeartSeg3DLib.scene.parameters import MODALITIES, QUALITIES

_GROUP = "HeartSeg3D/"
_CHOICES = ("model", "quality", "device", "modality")
_ALLOWED = {"quality": QUALITIES, "modality": MODALITIES}


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
