"""Starts the test runtime before the tests of this folder are imported; inside Slicer they need nothing of this."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from SlicerRuntime.pytest_support import pytest_pycollect_makemodule, scene_is_clean

__all__ = ["pytest_pycollect_makemodule", "scene_is_clean"]
