"""Slicer 5.12's package installation; here it records what it is asked and never installs anything."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What was asked, in order: (function, requirements, keyword arguments). Tests read and clear it.
calls: list[tuple[str, Any, dict[str, Any]]] = []
# Tests replace it: called with the requirements before an installation is recorded; it may raise.
when_installing: Callable[[Any], None] | None = None
# Tests replace it to answer pip_check; None looks at what is truly installed.
when_checking: Callable[[Any], bool] | None = None


def load_requirements(path: Any) -> list[str]:
    """The requirements of a file, without comments and empty lines."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def load_pyproject_dependencies(path: Any) -> list[str]:
    """The dependencies of a ``pyproject.toml``."""
    import tomllib

    return list(tomllib.loads(Path(path).read_text(encoding="utf-8"))["project"].get("dependencies", []))


def _listed(requirements: Any) -> list[str]:
    return [requirements] if isinstance(requirements, str) else [str(requirement) for requirement in requirements]


def _is_installed(requirement: str) -> bool:
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    try:
        return wanted.specifier.contains(importlib.metadata.version(wanted.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False


def pip_check(req: Any, _seen: Any = None) -> bool:
    """Whether the requirements are met."""
    calls.append(("pip_check", req, {}))
    if when_checking is not None:
        return when_checking(req)
    return all(_is_installed(requirement) for requirement in _listed(req))


def pip_ensure(
    requirements: Any,
    constraints: Any = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> None:
    """Install what is missing, after asking."""
    import slicer

    details = {"prompt_install": prompt_install, "requester": requester, "skip_packages": skip_packages}
    calls.append(("pip_ensure", requirements, details))
    if skip_in_testing and slicer.app.testingEnabled():
        return
    missing = [requirement for requirement in _listed(requirements) if not pip_check(requirement)]
    if not missing:
        return
    if prompt_install:
        text = f"{requester or 'This module'} needs these Python packages: {', '.join(missing)}. Install them?"
        if not slicer.util.confirmOkCancelDisplay(text):
            raise RuntimeError("User declined the installation of packages")
    pip_install(missing, constraints=constraints, skip_packages=skip_packages, requester=requester)


def pip_install(
    requirements: Any,
    constraints: Any = None,
    no_deps_requirements: Any = None,
    skip_packages: list[str] | None = None,
    blocking: bool = True,
    show_progress: bool = True,
    requester: str | None = None,
    parent: Any = None,
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
) -> list[str] | None:
    """Record an installation."""
    calls.append(("pip_install", requirements, {"requester": requester, "blocking": blocking}))
    if when_installing is not None:
        when_installing(requirements)
    if completedCallback is not None:
        completedCallback(0)
    return []


def pip_uninstall(
    requirements: Any,
    blocking: bool = True,
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
) -> None:
    """Record a removal."""
    calls.append(("pip_uninstall", requirements, {"blocking": blocking}))
    if completedCallback is not None:
        completedCallback(0)


def isPipInstallInProgress() -> bool:
    """Whether an installation runs; never here."""
    return False
