"""The probability that a structure is badly segmented, from a few numbers about it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.trust.entries import Entries
from HeartSeg3DLib.trust.evidence import Evidence
from HeartSeg3DLib.trust.geometry import Geometry
from HeartSeg3DLib.trust.plausibility import Finding

BAD_DICE = 0.7
"""A structure with a Dice below this is badly segmented."""

_CHECKS = (("volume", "ratio", "width"), ("wall",), ("pieces",), ("missing_contact",), ("wrong_contact",), ("place",))

FEATURES = ("expected_dice", "inner_probability", "border_doubt", "doubtful_share", "lowest_neighbor",
            "heart_expected_dice", "unusual", *("_or_".join(names) for names in _CHECKS), "heart_findings", "cut",
            "size")
"""What the risk is read from, in this order; see :func:`features_of`."""

IDS = tuple(STRUCTURES[value].id for value in WHOLE_HEART)


def features_of(evidence: Mapping[str, Evidence], distance: float, geometry: Geometry,
                found: Collection[Finding]) -> dict[str, list[float]]:
    """Return the features of every structure that carries labels, by id.

    Probabilities enter by their log odds, sizes and distances by their logarithms: the expected Dice of the
    calibrated probabilities, the mean probability inside, the entropy at the border, the share of doubtful cells; the
    lowest expected Dice among structures that touch it by anatomy and the mean of all; how unusual the image is;
    whether each check of plausibility found something about it, and how many findings the whole heart has (up to 10);
    whether the border cuts it; its number of cells.

    Args:
        evidence: Of each structure.
        distance: Of the image, :class:`~HeartSeg3DLib.trust.unusual.Unusual`.
        geometry: Of the label map.
        found: What is not plausible about it.
    """
    there = {id: one for id, one in evidence.items() if one.cells}
    if not there:
        return {}
    odds = {id: _log_odds(one.expected_dice) for id, one in there.items()}
    mean = sum(odds.values()) / len(odds)
    features = {}
    for id, one in there.items():
        contacts = STRUCTURES[WHOLE_HEART[IDS.index(id)]].contacts
        near = min((odds[other] for other in contacts if other in odds), default=mean)
        own = {finding.check for finding in found if finding.id == id}
        features[id] = [odds[id], _log_odds(one.inner_probability), one.border_doubt, one.doubtful_share, near, mean,
                        math.log(max(distance, 1e-3)), *(float(not own.isdisjoint(names)) for names in _CHECKS),
                        float(min(len(found), 10)), float(id in geometry.cut), math.log(one.cells)]
    return features


def _log_odds(probability: float) -> float:
    held = min(max(probability, 0.01), 0.995)
    return math.log(held / (1.0 - held))


@dataclass(frozen=True)
class RiskModel:
    """Logistic model of P(Dice < 0.7): one weight for each feature, one intercept for each structure.

    Attributes:
        center: Mean of each feature where it was fitted.
        scale: Deviation of each feature there.
        weights: Of the scaled features.
        intercepts: By structure id.
        amber: Risk from which a person should look.
        red: Risk from which nobody should rely on a structure.
    """

    center: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercepts: Mapping[str, float]
    amber: float
    red: float

    def risk(self, id: str, features: Sequence[float]) -> float:
        """Probability that the structure's Dice is below 0.7."""
        parts = zip(features, self.center, self.scale, self.weights, strict=True)
        score = self.intercepts[id] + sum(weight * (value - center) / scale for value, center, scale, weight in parts)
        return 1.0 / (1.0 + math.exp(-min(max(score, -30.0), 30.0)))

    def weighs(self, feature: str) -> bool:
        """Whether the risk depends on a feature: the fit may have found that it tells nothing."""
        return self.weights[FEATURES.index(feature)] != 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"features": list(FEATURES), "center": _rounded(self.center), "scale": _rounded(self.scale),
                "weights": _rounded(self.weights),
                "intercepts": {id: round(value, 6) for id, value in self.intercepts.items()},
                "amber": round(self.amber, 6), "red": round(self.red, 6)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RiskModel:
        """Read what `to_dict` gives.

        Raises:
            DamagedEntryError: It is something else, or reads the risk from other features.
        """
        said = Entries(values, "risk.")
        if said.texts("features") != FEATURES:
            raise said.wrong("features", "names other features than this version of HeartSeg knows")
        center, scale, weights = (said.numbers(name, len(FEATURES)) for name in ("center", "scale", "weights"))
        if min(scale) <= 0:
            raise said.wrong("scale", "must hold numbers above 0")
        table = said.table("intercepts")
        intercepts = {id: table.number(id) for id in IDS}
        amber, red = (said.number(name, 0.0, 1.0) for name in ("amber", "red"))
        if red >= 1.0:
            raise said.wrong("red", "must be below 1")
        if not 0.0 < amber <= red:
            raise said.wrong("amber", "must be above 0, and not above the entry 'risk.red'")
        return cls(center, scale, weights, intercepts, amber, red)


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
