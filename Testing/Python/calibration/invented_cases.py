"""Cases of a calibration that no network made: a heart of blocks in which some structures are doubtful and wrong."""

from __future__ import annotations

import numpy as np

from HeartSeg3DLib.trust.geometry import Geometry
from HeartSegTrainingLib.calibration.cases import Case

IDS = ("LV", "MYO", "RV", "LA", "RA", "AO", "PA")
OVERCONFIDENT = 2.0


def a_case(number: int, shift: str) -> Case:
    """One of 10 x 12 x 40 cells: each structure is a slab; in doubtful ones half of the cells are wrong."""
    rng = np.random.default_rng(number)
    doubtful = rng.random(7) < (0.1 if shift == "none" else 0.4)
    winner = np.zeros((10, 12, 40), np.uint8)
    truth = winner.copy()
    right = np.full(winner.shape, 0.999)
    for position in range(7):
        slab = np.s_[1:9, 1:11, 2 + 5 * position: 7 + 5 * position]
        winner[slab] = position + 1
        right[slab] = rng.uniform(0.4, 0.6) if doubtful[position] else rng.uniform(0.9, 0.98)
        truth[slab] = np.where(rng.random(winner[slab].shape) < right[slab], position + 1, 0)
    other = np.where(winner > 0, 0, 1)
    share = np.full((8, *winner.shape), 1e-4)
    np.put_along_axis(share, winner[None].astype(int), right[None], 0)
    np.put_along_axis(share, other[None], 1 - right[None], 0)
    dice = {}
    for position, id in enumerate(IDS):
        mask, true = winner == position + 1, truth == position + 1
        dice[id] = 2 * float((mask & true).sum()) / float(mask.sum() + true.sum())
        if doubtful[position]:
            dice[id] -= 0.15
    features = rng.standard_normal(16) + (0.0 if shift == "none" else 2.0)
    volumes = dict.fromkeys(IDS, 100.0)
    return Case(shift, "", dice, features.astype(np.float32),
                (np.log(share / share.sum(0)) * OVERCONFIDENT).astype(np.float16), winner, winner >= 0, truth,
                tuple(range(8)), Geometry(volumes, {}, {}, {("LV", "MYO"): 900.0}, {"AO": ["upper"]}, None))


def cases(count: int) -> list[Case]:
    return [a_case(number, "none" if number % 3 == 0 else "noise") for number in range(count)]


def without_faults() -> list[Case]:
    """Other cases, by which unusual ones are known."""
    return [a_case(number, "none") for number in range(500, 540)]
