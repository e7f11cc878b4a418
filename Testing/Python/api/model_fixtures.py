"""Fixtures that put random models in the place of those that come with HeartSeg."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from HeartSeg3DLib import resources
from random_models import ALWAYS_A_HEART, write_package

__all__ = ["packages", "user_data"]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of a random segmenter and of a locator that always finds a heart."""
    folder = tmp_path_factory.mktemp("packages")
    write_package(folder, "segmenter")
    write_package(folder, "locator", ALWAYS_A_HEART)
    return folder


@pytest.fixture
def user_data(tmp_path_factory: pytest.TempPathFactory, packages: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder with two random models; nothing comes with HeartSeg but what a test puts there."""
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(packages, folder / "models")
    monkeypatch.setenv("HEARTSEG_DATA", str(folder))
    monkeypatch.setattr(resources, "folders", lambda: (folder / "Resources",))
    return folder
