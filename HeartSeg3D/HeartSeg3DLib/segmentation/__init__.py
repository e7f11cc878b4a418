"""From one image to the labels of the heart on the image's own grid."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .device import choose_device
    from .segmenter import HeartLabels, Segmenter

__all__ = ["HeartLabels", "Segmenter", "choose_device"]

_HOMES = {"HeartLabels": ".segmenter", "Segmenter": ".segmenter", "choose_device": ".device"}


def __getattr__(name: str) -> object:
    """Import on first use: training reads ``intensity`` on machines that have torch but no SimpleITK."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
