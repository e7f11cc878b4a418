"""Arrays in compressed blocks (Blosc2's b2nd files): a crop reads the blocks that it touches and nothing else."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from HeartSeg3DLib.errors import DependencyError

_CHUNK = (64, 128, 128)
_BLOCK = (32, 32, 32)
"""z, y, x voxels that are compressed as one: 64 KB of int16, about the level-2 cache's share of a core."""


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes (C, z, y, x) voxels.

    Raises:
        DependencyError: Blosc2 is not installed.
        OSError, RuntimeError: The file system refuses the file.
    """
    blosc2 = _blosc2()
    sides = array.shape[1:]
    chunks = (1, *(min(side, most) for side, most in zip(sides, _CHUNK, strict=True)))
    blocks = (1, *(min(side, most) for side, most in zip(chunks[1:], _BLOCK, strict=True)))
    blosc2.asarray(np.ascontiguousarray(array), urlpath=str(path), mode="w", chunks=chunks, blocks=blocks,
                   cparams={"codec": blosc2.Codec.ZSTD, "clevel": 3, "nthreads": 1})


def read_part(path: Path, part: tuple[slice, ...]) -> np.ndarray:
    """Reads a part of an array; the file is closed again, so that memory does not grow with the files read.

    Raises:
        DependencyError: Blosc2 is not installed.
        OSError, RuntimeError, ValueError: The file is missing or damaged.
    """
    array = _blosc2().open(str(path), mode="r", dparams={"nthreads": 1})
    return np.asarray(array[part])


def shape_of(path: Path) -> tuple[int, ...]:
    """Shape of a stored array; errors as in `read_part`."""
    return tuple(int(side) for side in _blosc2().open(str(path), mode="r").shape)


def _blosc2() -> ModuleType | Any:
    """Blosc2 with one thread: processes that read crops share the cores, and threads do not survive a fork."""
    try:
        import blosc2
    except ImportError as error:
        raise DependencyError("Blosc2, which stores prepared images, is not installed.",
                              "Install it with: pip install 'heartseg[training]'") from error
    if blosc2.nthreads != 1:
        blosc2.set_nthreads(1)
    return blosc2
