"""The smallest useful network and a valid card for it."""

from __future__ import annotations

from HeartSeg3DLib.models import ModelCard
from HeartSeg3DLib.networks import NetworkConfig

SMALL = NetworkConfig(features=(8, 16), blocks=(1, 1), vil_pairs=(0, 1), stem_stride=2)


def make_card(**changes: object) -> ModelCard:
    values = {
        "id": "small-heart",
        "version": "1.0.0",
        "title": "Small heart",
        "role": "segmenter",
        "architecture": SMALL.to_dict(),
        "labels": [0, 1, 2, 3, 4, 5, 6, 7],
        "spacing_mm": 1.0,
        "window_voxels": 96,
        "modalities": ["ct", "mr"],
        "intensity": {
            "ct": {"kind": "window", "low": -250.0, "high": 650.0},
            "mr": {"kind": "percentile", "low": 0.5, "high": 99.5},
        },
        "conventions": {"papillary_muscles": "cavity"},
        "training": {"steps": 10},
        "held_out": {},
        "figures": {},
        "licence": "Apache-2.0",
    }
    return ModelCard(**{**values, **changes})
