"""What a training would take, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from HeartSeg3DLib.scene.text import _
from HeartSegTrainingLib.scene.training_request import TrainingRequest
from HeartSegTrainingLib.worker.job_wish import Wish

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def ask_for_estimate(wish: Wish) -> TrainingRequest:
    """Start to measure a few steps in a child process, which are thrown away.

    Returns:
        The request, to be stepped until it is done; its `result` holds the `estimate`.

    Raises:
        HeartSegError: The child process cannot be started.
    """
    return TrainingRequest("estimate", wish=asdict(wish))


def estimate_sentence(estimate: Mapping[str, Any]) -> str:
    """Return time, memory and disk of an estimate, and what does not fit."""
    text = _("{time} for {steps} steps on {device}").format(
        time=duration(estimate["total_seconds"]), steps=estimate["steps"], device=estimate["device"])
    if estimate.get("memory_bytes"):
        text += _(", {memory:.1f} GB of memory").format(memory=estimate["memory_bytes"] / 1e9)
    text += _(", {disk:.1f} GB on the disk.").format(disk=max(estimate["disk_bytes"] / 1e9, 0.1))
    return " ".join([text, *estimate.get("warnings", ())])


def duration(seconds: float) -> str:
    """Return a time for people.

    Example:
        >>> [duration(value) for value in (40, 600, 9000, 250000)]
        ['40 s', '10 min', '2 h 30 min', '3 days']
    """
    if seconds < 1.5 * _MINUTE:
        return _("{number:.0f} s").format(number=seconds)
    if seconds < 1.5 * _HOUR:
        return _("{number:.0f} min").format(number=seconds / _MINUTE)
    if seconds < 2 * _DAY:
        hours, minutes = divmod(round(seconds / _MINUTE), 60)
        return _("{hours} h {minutes} min").format(hours=hours, minutes=minutes)
    return _("{number:.0f} days").format(number=seconds / _DAY)
