"""Bodies without a heart - head, abdomen, thighs - from which the locator learns to say "no heart here"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .chest import bend, chest_tissue, draw_body
from .geometry import Grid, smooth_noise
from .scenes import VERSION, Scene
from .tissues import Tissue as T


def head(grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Draw a head and neck: skull, brain with folds and ventricles, airways, muscle."""
    u = rng.uniform
    x, y, z = grid.coordinates()
    wobble = smooth_noise(rng, grid, 40) * 0.03
    size = u(0.9, 1.1)
    radius = np.sqrt((x / (74 * size)) ** 2 + (y / (92 * size)) ** 2 + (z / (88 * size)) ** 2) + wobble
    neck = ((x / 58) ** 2 + ((y - 10) / 62) ** 2 + wobble < 1) & (z < -30)
    tissue = np.zeros((grid.size,) * 3, np.uint8)
    tissue[neck] = T.MUSCLE
    tissue[neck & ((x**2 + (y - 30) ** 2) < 17**2)] = T.SPONGY_BONE
    tissue[neck & ((x**2 + (y + 15) ** 2) < 9**2)] = T.AIRWAY
    tissue[radius < 1.06] = T.SUBCUTANEOUS_FAT
    tissue[radius < 1.0] = T.CORTICAL_BONE
    tissue[radius < 0.93] = T.CEREBROSPINAL_FLUID
    folds = np.abs(smooth_noise(rng, grid, 14))
    brain = radius < 0.9
    tissue[brain & (folds > 0.12)] = T.BRAIN_GREY
    tissue[(radius + 0.06 * folds < 0.78)] = T.BRAIN_WHITE
    ventricle = ((np.abs(x) - 14) / u(6, 14)) ** 2 + (y / u(22, 40)) ** 2 + ((z - 5) / 16) ** 2 < 1
    tissue[ventricle] = T.CEREBROSPINAL_FLUID
    sinus = (x / 34) ** 2 + ((y + 76) / 18) ** 2 + ((z + 30) / 26) ** 2 < 1
    tissue[sinus & (radius < 1)] = T.AIRWAY
    return tissue


def abdomen(grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Draw a belly: a body whose diaphragm lies above the picture."""
    body = draw_body(rng)
    return bend(chest_tissue(grid, body, grid.size * grid.spacing * rng.uniform(0.3, 0.6), rng), grid, body)


def thighs(grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Draw two legs: fat, muscle groups, bone."""
    u = rng.uniform
    x, y, z = grid.coordinates()
    wobble = smooth_noise(rng, grid, 50) * 0.06
    apart, width = u(75, 105), u(58, 85)
    side = np.abs(x) - apart
    radius = np.sqrt((side / width) ** 2 + (y / (width * 1.1)) ** 2) + wobble + 0 * z
    tissue = np.zeros((grid.size,) * 3, np.uint8)
    tissue[radius < 1] = T.SUBCUTANEOUS_FAT
    tissue[radius < u(0.75, 0.92)] = T.MUSCLE
    tissue[(radius < 0.8) & (np.abs(smooth_noise(rng, grid, 30)) < 0.15)] = T.MEDIASTINAL_FAT
    bone = np.sqrt(side**2 + (y + 5) ** 2) + 0 * z
    tissue[bone < 16] = T.CORTICAL_BONE
    tissue[bone < 10] = T.SPONGY_BONE
    tissue[np.sqrt((side + 22) ** 2 + (y - 10) ** 2) + 0 * z < 5] = T.ARCH
    return tissue


BODIES: dict[str, Callable[[Grid, np.random.Generator], np.ndarray]] = {
    "head": head, "abdomen": abdomen, "thighs": thighs}


def heartless_scene(index: int, seed: int, grid: Grid) -> Scene:
    """Make body number ``index`` of a set without hearts: a pure function of its arguments."""
    rng = np.random.default_rng((seed, index, 1))
    record = heartless_record(index, seed)
    return Scene(BODIES[record["body"]](grid, rng), grid.spacing, np.zeros((0, 3)), record)


def heartless_record(index: int, seed: int) -> dict[str, Any]:
    """Return what body number ``index`` remembers of its origin."""
    return {"heart": None, "body": sorted(BODIES)[index % len(BODIES)], "seed": seed, "index": index,
            "version": VERSION}
