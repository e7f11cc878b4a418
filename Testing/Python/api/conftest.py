from __future__ import annotations

import sys
from pathlib import Path

from model_fixtures import packages, user_data

__all__ = ["packages", "user_data"]

# The imaging room's writer of DICOM files.
sys.path.append(str(Path(__file__).parents[1] / "imaging"))
