"""What training needs beyond segmenting: is it here, and how it comes here when the user agrees.

Slicer's own process imports none of it to find out: packages are looked up by their records.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import slicer

from HeartSeg3DLib.errors import DependencyError
from HeartSeg3DLib.scene import dependencies
from HeartSeg3DLib.scene.text import _

REQUIREMENTS = Path(__file__).resolve().parents[2] / "Resources" / "HeartSegTraining.requirements.txt"
_REQUESTER = "HeartSegTraining"


def state() -> str:
    """Return `ready`, `missing` or `broken`; takes milliseconds and imports nothing."""
    base = dependencies.state()
    return "missing" if base == "ready" and _missing() else base


def explanation() -> str:
    """Return one sentence or two: what is needed, how large it is, and what a button may do about it."""
    missing, base = _missing(), dependencies.state()
    own = _("Training also needs {packages} ({size} MB).").format(
        packages=_(" and ").join(missing), size=10 * len(missing)) if missing else ""
    if base == "ready":
        return own or _("Everything that training needs is installed.")
    return f"{dependencies.explanation()} {own}".strip()


def install(ask: Callable[[str], bool]) -> bool:
    """Install what is missing after one question; only from the GUI thread and on a click.

    Args:
        ask: Shows a sentence and returns True only if the user said yes.

    Returns:
        Whether everything is installed now; False after a no.

    Raises:
        DependencyError: It cannot be installed here, or the installation failed.
    """
    if state() == "ready":
        return True
    if dependencies.state() != "ready":
        said = explanation()
        # HeartSeg3D looks first whether PyTorch can come here at all, and asks then: one question for everything.
        if not dependencies.install(lambda _text: ask(said)):
            return False
    elif ask(explanation()) is not True:
        return False
    _install_missing()
    importlib.invalidate_caches()
    return state() == "ready"


def _install_missing() -> None:
    wanted = [line for line in _requirements() if _name(line) in _missing()]
    try:
        if wanted and importlib.util.find_spec("slicer.packaging") is not None:
            from slicer import packaging

            packaging.pip_ensure(wanted, requester=_REQUESTER, prompt_install=False)
        else:  # 3D Slicer 5.10
            for requirement in wanted:
                slicer.util.pip_install(requirement)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        raise DependencyError(
            _("The installation did not succeed."),
            _("Check the connection to the internet and the free disk space, restart 3D Slicer and try again."),
        ) from error


def _missing() -> list[str]:
    return [name for name in map(_name, _requirements()) if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except (importlib.metadata.PackageNotFoundError, KeyError, TypeError, ValueError):
        return False


def _requirements() -> list[str]:
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def _name(requirement: str) -> str:
    return re.split(r"[<>=!~ ;\[]", requirement)[0]
