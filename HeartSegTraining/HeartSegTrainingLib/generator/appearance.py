"""What each tissue looks like: Hounsfield units of CT, relative signal of MRI, and random contrasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tissues import BLOOD, COUNT, METALS
from .tissues import Tissue as T

MODES = ("ct_contrast", "ct_plain", "mr_bright", "mr_dark", "random")
"""Contrast CT, CT without contrast, bright-blood MRI (cine, late enhancement, angiography), black-blood MRI, random
contrast."""

_CINE, _LATE = 0.62, 0.84
"""Bright-blood MRI: cumulated shares of cine bSSFP and of late gadolinium enhancement; the rest is angiography."""

_LATE_PHASE, _PULMONARY_PHASE = 0.1, 0.16
"""Contrast CT: cumulated shares of portal venous and later phases, in which all blood is a little brighter than
muscle, and of CT of the pulmonary arteries, in which contrast has not reached the left heart. The rest is CT of the
heart."""

_HEART_BLOOD = (T.LV, T.RV, T.LA, T.RA, T.AORTA, T.PULMONARY_ARTERY)
_WALLS = (T.RV_WALL, T.LA_WALL, T.RA_WALL)


@dataclass(frozen=True)
class Appearance:
    """Mean and texture of each tissue.

    Attributes:
        mode: One of MODES.
        mean: (64,) mean value of each tissue: HU for CT, 0-1500 for the others.
        texture: (64,) standard deviation of its texture.
        mixing: (64,) standard deviation of slow changes within it: blood that contrast has not mixed with, or flow.
    """

    mode: str
    mean: np.ndarray
    texture: np.ndarray
    mixing: np.ndarray

    @property
    def is_ct(self) -> bool:
        """True for both CT modes."""
        return self.mode.startswith("ct")


def draw_appearance(mode: str, rng: np.random.Generator) -> Appearance:
    """Draw the look of every tissue for a mode of MODES."""
    if mode in ("ct_contrast", "ct_plain"):
        mean, texture = _ct(rng, mode == "ct_contrast")
    elif mode in ("mr_bright", "mr_dark"):
        mean, texture = _mr(rng, mode == "mr_bright")
    else:
        mean, texture = _random(rng)
    _share(mean, rng)
    mixing = _mixing(mode, mean, rng)
    return Appearance(mode, mean.astype(np.float32), texture.astype(np.float32), mixing.astype(np.float32))


def _mixing(mode: str, mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blood is uneven everywhere; in CT most where contrast enters, in the right heart and the caval veins."""
    contrast = abs(mean[T.RV] - mean[T.MYO])
    mixing = np.zeros(COUNT)
    mixing[list(BLOOD)] = contrast * rng.uniform(0, 0.5 if mode == "mr_bright" else 0.2)
    if mode == "ct_contrast" and rng.random() < 0.5:
        mixing[[T.RA, T.SVC, T.IVC]] = contrast * rng.uniform(0.1, 0.6)
        mixing[T.RV] = contrast * rng.uniform(0, 0.25)
    mixing[T.RA_TRABECULAE], mixing[T.RV_TRABECULAE] = mixing[T.RA], mixing[T.RV]
    return mixing


def _share(mean: np.ndarray, rng: np.random.Generator) -> None:
    """Let tissues that hold the same blood or muscle as a neighbour look like it, in place, where nothing is set."""
    mean[T.PAPILLARY] = mean[T.MYO] * rng.uniform(0.95, 1.05)
    for trabeculae, blood in ((T.LV_TRABECULAE, T.LV), (T.RV_TRABECULAE, T.RV), (T.RA_TRABECULAE, T.RA)):
        part = rng.uniform(0.3, 1.0) ** 0.7  # most hold more muscle than blood
        mean[trabeculae] = part * mean[T.MYO] + (1 - part) * mean[blood]
    part = rng.uniform(0.3, 1.0) if rng.random() < 0.3 else 1.0
    mean[T.APPENDAGE] = part * mean[T.LA] + (1 - part) * mean[T.MYO]
    mean[T.THROMBUS] = mean[T.MYO] * rng.uniform(0.6, 1.0)
    mean[T.FLAP] = mean[T.AORTIC_WALL]
    part = rng.uniform(0.2, 1.0)
    mean[T.FALSE_LUMEN] = part * mean[T.AORTA] + (1 - part) * mean[T.MYO]


def _contrast_phase(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw the HU of left blood, right blood and muscle: a phase of the contrast medium's way through the heart."""
    u, phase = rng.uniform, rng.random()
    if phase < _LATE_PHASE:
        left = u(75, 190)
        return left, left * u(0.9, 1.1), left * u(0.5, 0.85)
    if phase < _PULMONARY_PHASE:
        return u(40, 170), u(200, 600), u(45, 110)
    left, draw = u(170, 560), rng.random()
    right = left * u(0.85, 1.1) if draw < 0.4 else (u(60, 200) if draw < 0.8 else left * u(1.1, 1.6))
    return left, right, u(65, 150)


def _lung(rng: np.random.Generator) -> float:
    """Draw the HU of a lung; one in eight is emphysematous, with little left between its air spaces."""
    return rng.uniform(-960, -900) if rng.random() < 0.12 else rng.uniform(-900, -720)


def _ct(rng: np.random.Generator, contrast: bool) -> tuple[np.ndarray, np.ndarray]:
    u = rng.uniform
    mean, texture = np.zeros(COUNT), np.full(COUNT, 8.0)
    if contrast:
        left, right, muscle = _contrast_phase(rng)
        lung_artery = right * u(0.9, 1.1) if rng.random() < 0.6 else (right + left) / 2
    else:
        left = right = lung_artery = u(28, 55)
        muscle = left + u(-3, 15)
    jitter = (lambda: u(0.93, 1.07)) if contrast else (lambda: u(0.97, 1.03))
    for tissue in (T.LV, T.LA, T.AORTA, T.ARCH, T.PULMONARY_VEIN):
        mean[tissue] = left * jitter()
    mean[T.RV], mean[T.RA] = right * jitter(), right * jitter()
    mean[[T.PULMONARY_ARTERY, T.PULMONARY_BRANCH]] = lung_artery
    mean[T.LUNG_VESSEL] = lung_artery * u(0.5, 1)
    mean[T.SVC] = right * u(0.8, 1.9) if contrast else right
    mean[T.IVC] = u(0.3, 0.8) * right + u(20, 60) if contrast else right
    mean[T.CORONARY] = left * u(0.4, 0.9)
    mean[T.MYO] = muscle
    mean[list(_WALLS)] = muscle * u(0.7, 1.1)
    mean[[T.AORTIC_WALL, T.PULMONARY_WALL]] = u(20, 70)
    mean[T.AIR], mean[T.AIRWAY], mean[T.LUNG] = -1000, -960, _lung(rng)
    mean[T.MUSCLE], mean[T.SUBCUTANEOUS_FAT], mean[T.MEDIASTINAL_FAT] = u(35, 70), u(-115, -80), u(-115, -60)
    mean[T.CORTICAL_BONE], mean[T.SPONGY_BONE], mean[T.STERNUM] = u(250, 900), u(110, 320), u(120, 450)
    mean[[T.CALCIUM, T.VALVE_CALCIUM]] = u(400, 1200)
    mean[list(METALS)] = u(1800, 4000)
    mean[T.SCAR] = muscle - u(0, 40) if contrast else muscle
    mean[T.LIVER], mean[T.SPLEEN], mean[T.KIDNEY] = u(45, 130), u(40, 140), u(30, 200)
    mean[T.FLUID], mean[T.SOFT_TISSUE] = u(-5, 40), u(25, 70)
    mean[T.STOMACH] = -800 if rng.random() < 0.4 else u(0, 90)
    mean[T.BRAIN_GREY], mean[T.BRAIN_WHITE], mean[T.CEREBROSPINAL_FLUID] = u(34, 44), u(24, 33), u(2, 14)
    texture[[T.LUNG, T.SPONGY_BONE, T.CORTICAL_BONE]] = 60, 40, 110
    return mean, texture


def _mr(rng: np.random.Generator, bright: bool) -> tuple[np.ndarray, np.ndarray]:
    u = rng.uniform
    mean, draw = np.zeros(COUNT), rng.random()
    late, angiography = bright and _CINE < draw < _LATE, bright and draw >= _LATE
    muscle = u(0.35, 0.9) if not bright else u(0.02, 0.25) if late else u(0.07, 0.42)
    for tissue in _HEART_BLOOD:
        mean[tissue] = u(0.8, 1.15) if bright else u(0.02, 0.18)
    if late:
        mean[list(_HEART_BLOOD)] *= u(0.35, 1.0)
    if angiography or (bright and rng.random() < 0.2):
        mean[[T.RV, T.RA, T.PULMONARY_ARTERY]] *= u(0.4, 1.4)
    for tissue in (T.ARCH, T.SVC, T.IVC, T.PULMONARY_VEIN, T.PULMONARY_BRANCH, T.LUNG_VESSEL, T.CORONARY):
        mean[tissue] = u(0.45, 1.2) if bright else u(0.02, 0.4)
    mean[T.MYO], mean[T.SCAR] = muscle, u(0.6, 1.3) if late else muscle
    mean[list(_WALLS)] = muscle * u(0.7, 1.4)
    mean[[T.AORTIC_WALL, T.PULMONARY_WALL]] = u(0.1, 0.5)
    dark_fat = angiography or rng.random() < 0.3
    fat = u(0.05, 0.3) if dark_fat else u(0.5, 1.4)
    mean[T.SUBCUTANEOUS_FAT], mean[T.MEDIASTINAL_FAT] = fat, fat * u(0.5, 1.1)
    if rng.random() < 0.3:
        mean[T.MEDIASTINAL_FAT] = u(0.03, 0.3)
    mean[[T.LUNG, T.AIR, T.AIRWAY]] = u(0.02, 0.12), 0.02, 0.02
    mean[T.MUSCLE], mean[T.LIVER], mean[T.SPLEEN] = u(0.1, 0.42), u(0.12, 0.6), u(0.15, 0.9)
    mean[[T.CORTICAL_BONE, T.CALCIUM, T.VALVE_CALCIUM]] = u(0.03, 0.15)
    mean[list(METALS)] = u(0.0, 0.05)
    mean[T.SPONGY_BONE], mean[T.STERNUM] = u(0.2, 0.7), u(0.15, 0.6)
    mean[T.FLUID], mean[T.SOFT_TISSUE] = u(0.05, 1.3), u(0.1, 0.5)
    mean[T.STOMACH], mean[T.KIDNEY] = u(0.02, 1), u(0.2, 0.9)
    mean[T.BRAIN_GREY], mean[T.BRAIN_WHITE], mean[T.CEREBROSPINAL_FLUID] = u(0.3, 0.9), u(0.3, 0.9), u(0.05, 1.2)
    return mean * 1000, np.full(COUNT, u(5, 50))


def _random(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    u = rng.uniform
    mean, draw = u(0, 1, COUNT), rng.random()
    left, right = (T.LV, T.LA, T.AORTA), (T.RV, T.RA, T.PULMONARY_ARTERY)
    if draw < 0.45:
        mean[list(left + right)] = u(0, 1) + u(-0.06, 0.06, 6)
    elif draw < 0.85:
        mean[list(left)], mean[list(right)] = u(0, 1) + u(-0.06, 0.06, 3), u(0, 1) + u(-0.06, 0.06, 3)
    mean[T.ARCH], mean[T.PULMONARY_BRANCH], mean[T.PULMONARY_VEIN] = (
        mean[T.AORTA], mean[T.PULMONARY_ARTERY], mean[T.LA])
    mean[T.SVC], mean[T.IVC] = mean[T.RA] + u(-0.1, 0.1), mean[T.RA] + u(-0.1, 0.1)
    mean[list(_WALLS)] = mean[T.MYO] + u(-0.1, 0.1)
    mean[T.AIRWAY], mean[T.MEDIASTINAL_FAT] = mean[T.AIR], mean[T.SUBCUTANEOUS_FAT]
    mean[T.SCAR] = mean[T.MYO]
    return mean * 1000, np.full(COUNT, u(5, 70))
