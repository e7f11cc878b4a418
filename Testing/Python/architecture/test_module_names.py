"""Files have names that do not meet, and a size that can be read at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

LONGEST = 350


def test_no_file_is_too_long_to_read_at_once(repository: Path) -> None:
    folders = (repository / name for name in ("HeartSeg3D", "HeartSegTraining", "Testing"))
    files = [path for folder in folders for path in folder.rglob("*.py")]
    lengths = {str(path.relative_to(repository)): len(path.read_text("utf-8").splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_names_of_test_files_and_their_helpers_are_unique(repository: Path) -> None:
    # Pytest puts every room of tests on the import path.
    rooms = (repository / "Testing" / "Python").glob("*/*.py")
    names = Counter(path.name for path in rooms if path.name not in {"__init__.py", "conftest.py"})
    assert [name for name, count in names.items() if count > 1] == []
