"""A small trust file: eight features of a network, and a risk that reads the expected Dice alone."""

from __future__ import annotations

import numpy as np

from HeartSeg3DLib.trust import TrustModel
from HeartSeg3DLib.trust.risk import FEATURES, IDS, RiskModel
from HeartSeg3DLib.trust.unusual import Unusual

WEIGHTS = ("a" * 64,)


def a_risk(amber: float = 0.3, red: float = 0.7) -> RiskModel:
    """Half at an expected Dice of one half, falling as it rises."""
    weights = [0.0] * len(FEATURES)
    weights[0] = -2.0
    return RiskModel((0.0,) * len(FEATURES), (1.0,) * len(FEATURES), tuple(weights), dict.fromkeys(IDS, 0.0), amber,
                     red)


def a_trust(count: int = 8, temperature: float = 2.0) -> TrustModel:
    unusual = Unusual(np.zeros(count), np.ones(count), np.eye(count)[:2], float(count - 2),
                      np.linspace(0.5, 2.0, 19))
    return TrustModel(WEIGHTS, temperature, unusual, a_risk(), {"cases": 3})
