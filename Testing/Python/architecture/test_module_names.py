"""Pytest puts every room of tests on the import path, so a file name may occur in one room only."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def test_names_of_test_files_and_their_helpers_are_unique(repository: Path) -> None:
    rooms = (repository / "Testing" / "Python").glob("*/*.py")
    names = Counter(path.name for path in rooms if path.name not in {"__init__.py", "conftest.py"})
    assert [name for name, count in names.items() if count > 1] == []
