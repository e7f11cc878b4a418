"""PyTorch and safetensors: are they here, and how they come here when the user agrees.

Slicer's own process never imports them to find out: packages are looked up by their records, and whether PyTorch really
works is what the child process says after a real computation.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

from HeartSeg3DLib.errors import DependencyError
from HeartSeg3DLib.scene.text import _

REQUIREMENTS = Path(__file__).resolve().parents[2] / "Resources" / "requirements.txt"
OLDEST_TORCH = (2, 4)
_REQUESTER = "HeartSeg3D"

_reported: list[DependencyError] = []
"""What the child process said was broken, until something is installed."""


def state() -> str:
    """Return `ready`, `missing` or `broken`; takes milliseconds and imports nothing."""
    versions = [_version(name) for name in ("torch", *_packages())]
    if any(version is None for version in versions):
        return "missing"
    torch = versions[0]
    if _reported or not torch or _numbers(torch) < OLDEST_TORCH:
        return "broken"
    return "ready"


def note_failure(error: DependencyError) -> None:
    """Remember that the child process could not work with what is installed."""
    _reported[:] = [error]


def explanation() -> str:
    """Return one sentence or two: what is needed, how large it is, and what a button may do about it."""
    if _old_mac():
        return _old_mac_sentence()
    if state() == "broken":
        reason = _reported[0].message if _reported else _("PyTorch is incomplete or older than {oldest}.").format(
            oldest=".".join(map(str, OLDEST_TORCH)))
        return reason + " " + _("HeartSeg can install it again (200 MB, with an NVIDIA card 2 to 3 GB).")
    wanted = []
    if _version("torch") is None:
        wanted.append(_("PyTorch (200 MB, with an NVIDIA card 2 to 3 GB)"))
    if any(_version(name) is None for name in _packages()):
        wanted.append(_("safetensors (1 MB)"))
    if not wanted:
        return _("Everything that HeartSeg needs is installed.")
    return _("HeartSeg needs {packages}, which 3D Slicer does not bring.").format(packages=_(" and ").join(wanted))


def install(ask: Callable[[str], bool]) -> bool:
    """Install or repair what is missing after the user agreed; only from the GUI thread and on a click.

    Args:
        ask: Shows a sentence and returns True only if the user said yes; closing the question is a no.

    Returns:
        Whether everything is installed now; False after a no.

    Raises:
        DependencyError: It cannot be installed here, or the installation failed.
    """
    now = state()
    if now == "ready":
        return True
    if _old_mac():
        raise DependencyError(_old_mac_sentence(), _("Use another computer, or the command line with a Python of the "
                                                     "Mac's own kind."))
    torch_needed = now == "broken" or _version("torch") is None
    torch_utils = _torch_utils() if torch_needed else None  # tells that it is missing before anything is asked
    if ask(explanation()) is not True:
        return False
    try:
        _install_packages()
        if torch_utils is not None:
            _install_torch(torch_utils, repair=now == "broken")
    except (RuntimeError, OSError, ImportError, subprocess.CalledProcessError) as error:
        raise DependencyError(
            _("The installation did not succeed."),
            _("Check the connection to the internet and the free disk space, restart 3D Slicer and try again."),
        ) from error
    _reported.clear()
    importlib.invalidate_caches()
    return state() == "ready"


def _packages() -> list[str]:
    return [re.split(r"[<>=!~ ;\[]", requirement)[0] for requirement in _requirements()]


def _requirements() -> list[str]:
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def _version(name: str) -> str | None:
    """Return the recorded version, an empty text where the record is damaged, None where there is none."""
    try:
        return str(importlib.metadata.version(name) or "")
    except importlib.metadata.PackageNotFoundError:
        return None
    except (KeyError, TypeError, ValueError):  # a half-removed package has a record without a version
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _install_packages() -> None:
    if not any(_version(name) is None for name in _packages()):
        return
    if _has_packaging():
        from slicer import packaging

        packaging.pip_ensure(_requirements(), requester=_REQUESTER, prompt_install=False)
    else:
        for requirement in _requirements():
            slicer.util.pip_install(requirement)


def _has_packaging() -> bool:
    """Whether this is 3D Slicer 5.12 or newer."""
    return importlib.util.find_spec("slicer.packaging") is not None


def _torch_utils() -> Any:
    """Return the logic of the PyTorch extension.

    Raises:
        DependencyError: The extension is not installed.
    """
    if importlib.util.find_spec("PyTorchUtils") is None:
        raise DependencyError(
            _("HeartSeg installs PyTorch through the extension PyTorch, which is not installed."),
            _("Open View - Extensions Manager, install the extension PyTorch, restart 3D Slicer and try again."))
    import PyTorchUtils

    return PyTorchUtils.PyTorchUtilsLogic()


def _install_torch(logic: Any, repair: bool) -> None:
    """Call the extension with the keyword arguments that its version knows."""
    if repair and hasattr(logic, "uninstallTorch"):
        logic.uninstallTorch()
    known = inspect.signature(logic.installTorch).parameters
    wanted = {"askConfirmation": False, "torchVersionRequirement": f">={'.'.join(map(str, OLDEST_TORCH))}"}
    if logic.installTorch(**{name: value for name, value in wanted.items() if name in known}) is None:
        raise RuntimeError("PyTorchUtils installed nothing")


def _old_mac() -> bool:
    """Whether this is the kind of Python on a Mac for which PyTorch stopped at 2.2."""
    return platform.system() == "Darwin" and platform.machine() == "x86_64" and state() != "ready"


def _old_mac_sentence() -> str:
    return _("This 3D Slicer runs as an Intel program on the Mac, for which PyTorch ends at 2.2. HeartSeg needs "
             "{oldest}, so it cannot segment here.").format(oldest=".".join(map(str, OLDEST_TORCH)))
