"""Calls the command line as a shell would, in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner, Result

from HeartSegTrainingLib.cli import full_app

HeartSeg = Callable[..., Result]
NOTE = "for research, not a medical device"

_REPOSITORY = Path(__file__).resolve().parents[3]


def call(*arguments: object) -> Result:
    """Run `heartseg` with these arguments; `exit_code`, `stdout` and `stderr` are as a shell sees them."""
    return CliRunner().invoke(full_app(), [str(argument) for argument in arguments], prog_name="heartseg")


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python program with `arguments` as its command line; the libraries are on its path."""
    paths = os.pathsep.join(str(_REPOSITORY / folder) for folder in ("HeartSeg3D", "HeartSegTraining"))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], text=True, env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def assert_failed_in_words(result: Result, exit_code: int, said: str) -> None:
    """Check for two lines on stderr, what and remedy, and no traceback."""
    assert result.exit_code == exit_code, result.stderr
    problem = result.stderr[result.stderr.index("Error: "):].splitlines()
    assert len(problem) == 2, result.stderr
    assert said in problem[0]
    assert "Traceback" not in result.stderr + result.stdout
