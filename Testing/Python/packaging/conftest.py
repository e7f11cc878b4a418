"""The extension for 3D Slicer, configured and installed by CMake."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from extension_install import Extension, run

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # SlicerRuntime

@pytest.fixture(scope="session")
def extension(repository: Path, tmp_path_factory: pytest.TempPathFactory,
              system_library_is_missing: Callable[[str], NoReturn]) -> Extension:
    """The extension as Slicer's CMake files would install it."""
    if not shutil.which("cmake"):
        system_library_is_missing("cmake")
    root = tmp_path_factory.mktemp("extension")
    build = root / "build"
    stand_in = Path(__file__).parent / "slicer_stand_in"
    run("cmake", "-S", stand_in, "-B", build, f"-DEXTENSION_DIR={repository}", "-DBUILD_TESTING=ON", cwd=root)
    run("cmake", "--install", build, "--prefix", root / "installed", "--component", "RuntimeLibraries", cwd=root)
    lines = (build / "description.txt").read_text("utf-8").splitlines()
    description = dict(line.removeprefix("EXTENSION_").split("=", 1) for line in lines)
    return Extension(root / "installed" / "lib" / "Slicer-5.12" / "qt-scripted-modules", description,
                     (build / "generated.txt").read_text("utf-8"),
                     [Path(line) for line in (build / "unittests.txt").read_text("utf-8").splitlines()])
