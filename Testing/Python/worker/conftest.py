from __future__ import annotations

import sys
from pathlib import Path

# The api room's random models.
sys.path.append(str(Path(__file__).parents[1] / "api"))

from model_fixtures import packages, user_data

__all__ = ["packages", "user_data"]
