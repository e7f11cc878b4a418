"""Starts the test runtime before the tests of this folder are imported; inside Slicer they need nothing of this."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from SlicerRuntime import pytest_support


def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> Any:
    return pytest_support.collect_module(module_path, parent)


@pytest.fixture(autouse=True)
def scene_is_clean() -> Any:
    yield from pytest_support.clean_scene()
