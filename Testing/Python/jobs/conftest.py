from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The training engine's toy problem.
sys.path.append(str(Path(__file__).parents[1] / "engine"))


@pytest.fixture(autouse=True)
def own_user_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's data folder of the test's own, so that no test writes into the developer's list of jobs."""
    folder = tmp_path / "user_data"
    monkeypatch.setenv("HEARTSEG_DATA", str(folder))
    return folder
