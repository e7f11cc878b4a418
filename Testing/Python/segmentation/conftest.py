from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from HeartSeg3DLib.segmentation import Segmenter


@pytest.fixture
def a_segmenter() -> Segmenter:
    from doubles import fine_model, locator_model

    return Segmenter(fine_model(), locator_model(), torch.device("cpu"))
