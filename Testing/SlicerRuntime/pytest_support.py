"""What the conftest.py of a folder imports whose tests need the runtime: its files are not imported before it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from . import SYSTEM_PACKAGES, SystemLibraryMissingError, start


class _UnavailableModule(pytest.Module):
    def collect(self) -> Any:
        reason = f"a system library is missing; on Debian or Ubuntu: sudo apt-get install {SYSTEM_PACKAGES}"
        if os.environ.get("HEARTSEG_REQUIRE_SYSTEM_LIBRARIES") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason, allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> Any:
    """Start the runtime, or say which Debian packages it needs."""
    try:
        start()
    except SystemLibraryMissingError:
        return _UnavailableModule.from_parent(parent, path=module_path)
    return None


@pytest.fixture(autouse=True)
def scene_is_clean() -> Any:
    """An empty scene before a test, and no unanswered or failed call-backs after it."""
    import slicer

    from . import dialogs, process_events, slot_failures

    slicer.mrmlScene.Clear(False)
    dialogs.clear()
    slot_failures()
    yield
    process_events()
    failures = slot_failures()
    unused = dialogs.unused()
    slicer.mrmlScene.Clear(False)
    slot_failures()
    if failures:
        raise AssertionError(f"a function that Qt or VTK called failed: {failures[0]!r}") from failures[0]
    assert not unused, f"questions that were expected and never asked: {unused}"
