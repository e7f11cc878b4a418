"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
MODULES = [
    ".".join(path.relative_to(folder).with_suffix("").parts)
    for folder in (REPOSITORY / "HeartSeg3D", REPOSITORY / "HeartSegTraining")
    for path in sorted(folder.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def start_slicer(system_library_is_missing: Callable[[str], NoReturn], monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts the test runtime, without which nothing that imports `slicer` can be imported."""
    monkeypatch.setattr(sys, "path", [str(REPOSITORY / "Testing"), *sys.path])
    import SlicerRuntime

    try:
        SlicerRuntime.start()
    except SlicerRuntime.SystemLibraryMissingError:
        system_library_is_missing(SlicerRuntime.SYSTEM_PACKAGES)


@pytest.mark.parametrize("name", MODULES)
def test_examples_say_what_the_code_does(
    name: str, system_library_is_missing: Callable[[str], NoReturn], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.startswith(("HeartSeg3DLib.scene.", "HeartSeg3DLib.panel.")):
        start_slicer(system_library_is_missing, monkeypatch)
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted > 0
    assert failed == 0
