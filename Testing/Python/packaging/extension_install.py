"""What CMake makes of the extension for 3D Slicer."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Extension:
    """What CMake made of the extension.

    Attributes:
        folder: Folder of the installed modules, where Slicer looks for them.
        description: The EXTENSION_ variables without that prefix.
        project: Name of the project.
        unittests: Scripts that Slicer is asked to test.
    """

    folder: Path
    description: dict[str, str]
    project: str
    unittests: list[Path]


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command to its good end and gives what it printed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
