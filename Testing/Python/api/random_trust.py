"""A trust file for the random models, which finds every image unusual and every structure doubtful."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from HeartSeg3DLib.models import ModelCard
from HeartSeg3DLib.trust import TRUST_FILE, TrustModel
from HeartSeg3DLib.trust.risk import FEATURES, IDS, RiskModel
from HeartSeg3DLib.trust.unusual import Unusual

FEATURES_OF_THE_SMALLEST = 16  # mean and deviation of eight channels


def write_trust(package: Path, weights: tuple[str, ...] | None = None) -> None:
    """Writes a trust file that finds every image unusual and every structure doubtful."""
    count = FEATURES_OF_THE_SMALLEST
    unusual = Unusual(np.zeros(count), np.full(count, 1e-3), np.eye(count)[:2], 1.0, np.linspace(1, 2, 19))
    nothing = (0.0,) * len(FEATURES)
    risk = RiskModel(nothing, (1.0,) * len(FEATURES), nothing, dict.fromkeys(IDS, 0.0), 0.3, 0.9)
    weights = weights or (ModelCard.read(package).sha256,)
    (package / TRUST_FILE).write_text(TrustModel(weights, 1.5, unusual, risk).to_json(), encoding="utf-8")
