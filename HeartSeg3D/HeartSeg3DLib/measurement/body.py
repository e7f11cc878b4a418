"""What a person tells for function: heart rate, height and weight for body surface area, chosen phases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from HeartSeg3DLib.errors import UsageError

HEART_RATES = (20.0, 300.0)
"""Beats a minute that a heart can have, newborns and tachycardia included."""

_HEIGHTS_CM = (30.0, 260.0)
_WEIGHTS_KG = (0.5, 500.0)
_FRAMES_OF_A_CINE = 8
"""Fewer frames are chosen phases and not the whole beat."""
_RATES_OF_A_CINE = (30.0, 200.0)
_UNEVEN = 0.2


@dataclass(frozen=True)
class FunctionChoices:
    """What a person tells about a beating heart, each None where it is not known or left to HeartSeg.

    Attributes:
        heart_rate: Beats a minute.
        heart_rate_source: Where the heart rate comes from.
        height_cm: Height of the patient in cm.
        weight_kg: Weight of the patient in kg.
        end_diastole: Frame of end-diastole, from 0.
        end_systole: Frame of end-systole.
    """

    heart_rate: float | None = None
    heart_rate_source: str = "given"
    height_cm: float | None = None
    weight_kg: float | None = None
    end_diastole: int | None = None
    end_systole: int | None = None

    @property
    def any_given(self) -> bool:
        """Whether a person told anything."""
        return self != FunctionChoices(heart_rate_source=self.heart_rate_source)

    def check(self) -> None:
        """Refuse what cannot be before any work is done.

        Raises:
            UsageError: An impossible heart rate, height or weight; a remedy names the units.
        """
        if self.heart_rate is not None:
            checked_heart_rate(self.heart_rate)
        if self.height_cm is not None:
            check_height(self.height_cm)
        if self.weight_kg is not None:
            check_weight(self.weight_kg)


def checked_heart_rate(beats_per_minute: float) -> float:
    """Return the heart rate, if a heart can have it.

    Raises:
        UsageError: It lies outside 20 to 300 beats a minute.
    """
    if not HEART_RATES[0] <= beats_per_minute <= HEART_RATES[1]:
        raise UsageError(f"A heart rate of {beats_per_minute:g} beats a minute is not possible.",
                         "Give beats a minute, 20 to 300, or leave the heart rate out.")
    return float(beats_per_minute)


def heart_rate_of_times(times_ms: Sequence[float | None]) -> float | None:
    """Return the beats a minute of evenly spaced frames that cover one whole beat, None where that cannot be.

    Args:
        times_ms: Time of each frame in ms, None where unknown.

    Example:
        >>> heart_rate_of_times([40.0 * number for number in range(25)])
        60.0
    """
    times = [time for time in times_ms if time is not None]
    if len(times) < len(times_ms) or len(times) < _FRAMES_OF_A_CINE:
        return None
    steps = [later - earlier for earlier, later in pairwise(times)]
    step = sum(steps) / len(steps)
    if min(steps) <= 0 or max(steps) - min(steps) > _UNEVEN * step:
        return None
    rate = 60000.0 / (step * len(times))
    return rate if _RATES_OF_A_CINE[0] <= rate <= _RATES_OF_A_CINE[1] else None


def body_surface_area(height_cm: float, weight_kg: float) -> float:
    """Return the body surface area in m2 after Mosteller (N Engl J Med 1987; 317:1098).

    Raises:
        UsageError: Nobody is that tall or heavy; the remedy names the units.

    Example:
        >>> body_surface_area(180.0, 80.0)
        2.0
    """
    check_height(height_cm)
    check_weight(weight_kg)
    return math.sqrt(height_cm * weight_kg / 3600.0)


def check_height(height_cm: float) -> None:
    """Refuse heights in cm that nobody has.

    Raises:
        UsageError: It lies outside 30 to 260 cm.
    """
    if not _HEIGHTS_CM[0] <= height_cm <= _HEIGHTS_CM[1]:
        unit = " It looks like meters." if 0.3 <= height_cm <= 2.6 else ""
        raise UsageError(f"A height of {height_cm:g} cm is not possible.{unit}", "Give the height in cm.")


def check_weight(weight_kg: float) -> None:
    """Refuse weights in kg that nobody has.

    Raises:
        UsageError: It lies outside 0.5 to 500 kg.
    """
    if not _WEIGHTS_KG[0] <= weight_kg <= _WEIGHTS_KG[1]:
        unit = " It looks like grams." if weight_kg >= 1000.0 else ""
        raise UsageError(f"A weight of {weight_kg:g} kg is not possible.{unit}", "Give the weight in kg.")
