"""Whether PyTorch and safetensors are here and really work: a half-installed PyTorch imports and then fails."""

from __future__ import annotations

import re

from HeartSeg3DLib.errors import DependencyError

OLDEST_TORCH = (2, 4)
"""Version in pyproject.toml, below which the networks do not run."""

_REMEDY = "Let HeartSeg install what it needs, then restart 3D Slicer."

_PATH = re.compile(
    r"(?:[A-Za-z]:|~)?[\\/](?:[^\\/:*?'\"<>|\n]*[\\/])*"
    r"(?:(?P<file>[\w.+-]+\.(?:so|dll|dylib|pyd|py)\b)|[^\s\"':]*)")
"""A path with its folders, which may hold spaces, and the library at its end."""


def require_dependencies() -> str:
    """Return the version of PyTorch after a convolution and an exchange with numpy have worked.

    Raises:
        DependencyError: A package is missing, broken or too old; the message says which.
    """
    try:
        import safetensors  # noqa: F401
    except (ImportError, OSError) as error:
        raise DependencyError("The Python package safetensors is missing or broken.", _REMEDY) from error
    try:
        import torch

        version = str(torch.__version__)
    except ModuleNotFoundError as error:
        raise DependencyError("PyTorch is not installed.", _REMEDY) from error
    except Exception as error:  # a half-installed PyTorch fails in every way: libraries, names, versions
        raise _broken(error) from error
    if _number(version) < OLDEST_TORCH:
        raise DependencyError(
            f"PyTorch {version} is too old; HeartSeg needs {'.'.join(map(str, OLDEST_TORCH))} or newer.",
            "Update PyTorch. Macs with Intel processors get none that is newer and cannot run HeartSeg.")
    try:
        _try_kernel()
    except Exception as error:  # whatever a broken library raises, it is broken
        raise _broken(error) from error
    return version


def _try_kernel() -> None:
    import numpy as np
    import torch

    with torch.inference_mode():
        image = torch.from_numpy(np.ones((1, 1, 4, 4, 4), np.float32))
        total = float(torch.nn.functional.conv3d(image, torch.ones(1, 1, 3, 3, 3)).numpy().sum())
    if total != 216.0:
        raise ArithmeticError(f"a convolution gave {total} in place of 216")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _broken(error: Exception) -> DependencyError:
    failure = DependencyError(f"PyTorch is installed but does not work ({type(error).__name__}).",
                              "Install PyTorch again with the PyTorch extension, then restart 3D Slicer.")
    failure.cause = without_paths(str(error))
    return failure


def without_paths(text: str) -> str:
    """Return a message without the folders in it, which may name a person; names of libraries stay.

    Example:
        >>> without_paths("/home/erika/env/lib/libc10.so: no such file in /home/erika")
        'libc10.so: no such file in …'
    """
    return _PATH.sub(lambda found: found["file"] or "…", text.strip())
