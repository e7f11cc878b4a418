"""The homepage is one variable, set in pyproject.toml; every other mention has to equal it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

MENTION = re.compile(r"https://github\.com/[\w.-]+/SlicerHeartSeg")


@pytest.fixture
def homepage(repository: Path) -> str:
    with (repository / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]["urls"]["Homepage"]


def mentions(repository: Path) -> dict[str, set[str]]:
    """Homepage addresses by file, over what git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this folder is not a git checkout")
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = repository / name
        if path.is_file() and path.stat().st_size < 1_000_000:
            addresses = set(MENTION.findall(path.read_bytes().decode("utf-8", errors="ignore")))
            if addresses:
                found[name] = addresses
    return found


def test_every_mention_of_the_homepage_equals_the_one_in_pyproject(repository: Path, homepage: str) -> None:
    found = mentions(repository)
    assert {"README.md", "CITATION.cff"} <= set(found)
    assert {name: addresses for name, addresses in found.items() if addresses != {homepage}} == {}
