"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

# Tests use small arrays, for which a second thread costs more than it brings. Set before numpy or torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout that is tested."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder of real cases beside the checkout, which developers have and users do not need."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real cases are not here: {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def system_library_is_missing() -> Callable[[str], NoReturn]:
    """Ends a test that needs Debian packages: a skip for a user, a failure where they are a promise (.ci/run)."""

    def end_test(packages: str) -> NoReturn:
        reason = f"a system library is missing; on Debian or Ubuntu: sudo apt-get install {packages}"
        if os.environ.get("HEARTSEG_REQUIRE_SYSTEM_LIBRARIES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    return end_test
