"""Fitting the risk of a structure to be badly segmented, and the thresholds of amber and red."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.trust.evidence import structure_evidence
from HeartSeg3DLib.trust.plausibility import findings
from HeartSeg3DLib.trust.risk import BAD_DICE, FEATURES, IDS, RiskModel, features_of
from HeartSeg3DLib.trust.unusual import Unusual

from .cases import Case

Array = NDArray[np.float64]

_RIDGE, _INTERCEPT_RIDGE = 3.0, 4.0
_FOLDS = 5
_STEPS = 5000
_BOUNDS: dict[int, tuple[float | None, float | None]] = {-1: (None, 0.0), 0: (None, None), 1: (0.0, None)}
"""Of the weight of a feature that lowers the risk, may do either, or raises it."""
DIRECTIONS = {"expected_dice": -1, "inner_probability": -1, "lowest_neighbor": -1, "heart_expected_dice": -1, "cut": 0,
              "size": 0}
"""Features with which the risk falls (-1), or may do either (0); with all others it rises. Free weights fit the faults
at hand, where features go together, and then let a very unusual image lower the risk of other faults."""
_FLAGGED = 0.93
"""Share of bad structures that the amber threshold catches on cases that the fit did not see: a little above the aim
of 90 %, since another set is harder."""
_FALSE_ALARMS = 0.08
_RED_PRECISION = 0.8
_FEWEST_BAD = 10


@dataclass(frozen=True)
class Rows:
    """One row for each scored structure that got labels.

    Attributes:
        values: (N, F) features.
        structure: (N,) index in IDS.
        bad: (N,) whether the Dice is below 0.7.
        case: (N,) number of its case.
    """

    values: Array
    structure: NDArray[np.int_]
    bad: NDArray[np.bool_]
    case: NDArray[np.int_]


def rows_of(cases: Sequence[Case], temperature: float, unusual: Unusual) -> Rows:
    """Return the features and the truth of all structures."""
    values, structures, bad, numbers = [], [], [], []
    for number, case in enumerate(cases):
        for id, features in case_features(case, temperature, unusual).items():
            if id in case.dice:
                values.append(features)
                structures.append(IDS.index(id))
                bad.append(case.dice[id] < BAD_DICE)
                numbers.append(number)
    return Rows(np.array(values).reshape(-1, len(FEATURES)), np.array(structures, int), np.array(bad, bool),
                np.array(numbers, int))


def case_features(case: Case, temperature: float, unusual: Unusual) -> dict[str, list[float]]:
    """Return the features of every structure of a case, as the program that judges computes them."""
    if case.refused or not case.features.size:
        return {}
    evidence = structure_evidence(torch.from_numpy(case.log_probabilities.astype(np.float32)),
                                  torch.from_numpy(case.winner.astype(np.int64)), torch.from_numpy(case.inside),
                                  case.labels, temperature)
    return features_of(evidence, unusual.distance(case.features), case.geometry, findings(case.geometry))


def fit_risk(rows: Rows) -> tuple[RiskModel, Array]:
    """Fit the logistic model, and choose its thresholds on risks of cases that the fit did not see.

    Returns:
        The model, and the risk (N,) of each row under a fit on the other folds of cases.

    Raises:
        UsageError: There are too few bad or good structures to learn from.
    """
    if rows.bad.sum() < _FEWEST_BAD or (~rows.bad).sum() < _FEWEST_BAD:
        raise UsageError(f"{int(rows.bad.sum())} of {len(rows.bad)} structures are badly segmented: too few of one "
                         "kind to tell them apart.", "Give more --cases.")
    center, scale = rows.values.mean(0), np.maximum(rows.values.std(0), 1e-3)
    unseen = np.zeros(len(rows.bad))
    for fold in range(_FOLDS):
        held = rows.case % _FOLDS == fold
        if held.any():
            weights = _fit(_design(rows, center, scale)[~held], rows.bad[~held])
            unseen[held] = _sigmoid(_design(rows, center, scale)[held] @ weights)
    weights = _fit(_design(rows, center, scale), rows.bad)
    amber, red = thresholds(unseen, rows.bad)
    intercepts = {id: float(weights[len(FEATURES)] + weights[len(FEATURES) + 1 + number])
                  for number, id in enumerate(IDS)}
    return RiskModel(tuple(center.tolist()), tuple(scale.tolist()), tuple(weights[: len(FEATURES)].tolist()),
                     intercepts, amber, red), unseen


def thresholds(risk: Array, bad: NDArray[np.bool_]) -> tuple[float, float]:
    """Choose amber and red.

    Amber is the largest risk that still flags 93 % of the bad structures where that alarms falsely for at most 8 % of
    the good ones, else the one at which the shares of missed bad and of alarmed good structures are equal. Red is the
    smallest risk, not below amber, above which four of five structures are bad.

    Args:
        risk: (N,) of structures that the fit did not see.
        bad: (N,) which are bad.
    """
    levels = np.unique(np.clip(risk, 1e-4, 0.98))
    flagged = np.array([(risk[bad] >= level).mean() for level in levels])
    alarms = np.array([(risk[~bad] >= level).mean() for level in levels])
    good = (flagged >= _FLAGGED) & (alarms <= _FALSE_ALARMS)
    amber = float(levels[good].max() if good.any() else levels[np.abs((1 - flagged) - alarms).argmin()])
    precise = [level for level in levels if level >= amber and bad[risk >= level].mean() >= _RED_PRECISION]
    return amber, max(float(precise[0]) if precise else 0.98, amber)


def _design(rows: Rows, center: Array, scale: Array) -> Array:
    """Columns: scaled features, a common intercept, and one of each structure beside it."""
    own = np.eye(len(IDS))[rows.structure]
    return np.concatenate([(rows.values - center) / scale, np.ones((len(own), 1)), own], 1)


def _fit(design: Array, bad: NDArray[np.bool_]) -> Array:
    """Logistic regression with a ridge, the common intercept free, in which no evidence counts against its meaning."""
    ridge = np.concatenate([np.full(len(FEATURES), _RIDGE), [1e-6], np.full(len(IDS), _INTERCEPT_RIDGE)])

    def loss(weights: Array) -> tuple[float, Array]:
        score = design @ weights
        value = (np.logaddexp(0.0, score) - bad * score).sum() + 0.5 * (ridge * weights**2).sum()
        return float(value), design.T @ (_sigmoid(score) - bad) + ridge * weights

    bounds = [_BOUNDS[DIRECTIONS.get(name, 1)] for name in FEATURES] + [_BOUNDS[0]] * (1 + len(IDS))
    found = optimize.minimize(loss, np.zeros(design.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B",
                              options={"maxiter": _STEPS, "ftol": 1e-12, "gtol": 1e-8})
    return np.asarray(found.x)


def _sigmoid(score: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-np.clip(score, -30, 30)))
