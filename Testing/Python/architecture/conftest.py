from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Path:
    """What make needs, in a folder without an environment."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "setup.py", "constraints.txt"):
        shutil.copy(repository / name, folder)
    return folder
