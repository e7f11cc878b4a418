"""The private temporary folder through which a scan and its result travel between 3D Slicer and its child process."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.errors import CancelledError, DiskError
from HeartSeg3DLib.worker.failures import disk_full, is_disk_full
from HeartSeg3DLib.worker.folder import folder_name, owner_of, remove_folder

_SPARE_BYTES = 64 << 20
"""Space that is left to the rest of the computer."""

_SLAB_BYTES = 8 << 20
"""Voxels that are written at a time, between looks at whether the user has cancelled."""

_ANOTHER_FOLDER = ("choose another temporary folder in the settings of 3D Slicer (Edit, Application Settings, Modules, "
                   "Temporary directory)")


class Workspace:
    """A folder that only this user can read.

    It is removed by `close`, by the child when 3D Slicer is gone, or by the next run after both have crashed.

    Args:
        parent: Folder for temporary files; that of the system by default.

    Raises:
        DiskError: The temporary folder does not accept a new folder.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.folder = (parent or Path(tempfile.gettempdir())) / folder_name(os.getpid(), secrets.token_hex(8))
        try:
            self.folder.mkdir(mode=stat.S_IRWXU)
        except OSError as error:
            raise _not_writable(error, self.folder.parent) from error

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder with everything in it; calling it twice is fine."""
        remove_folder(self.folder)

    def require(self, size: int) -> None:
        """Make sure that so many bytes fit before anything is written.

        Raises:
            DiskError: They do not.
        """
        free = shutil.disk_usage(self.folder).free
        if free < size + _SPARE_BYTES:
            raise DiskError(
                f"The disk of the temporary folder has {free / 1e9:.1f} GB free, and this scan needs "
                f"{(size + _SPARE_BYTES) / 1e9:.1f} GB.",
                f"Free some space on it, or {_ANOTHER_FOLDER}.")

    def write_voxels(self, name: str, voxels: NDArray[Any], cancelled: Callable[[], bool] = lambda: False) -> None:
        """Write an array as little-endian voxels in C order; a worker thread may call it.

        Memory beyond the array stays below a few slices.

        Args:
            name: File to be made.
            voxels: Array [z, y, x] of numbers.
            cancelled: Asked between slabs.

        Raises:
            DiskError: The disk is full or refuses the file.
            CancelledError: `cancelled` returned True.
        """
        slices = max(1, _SLAB_BYTES // max(1, voxels[:1].nbytes))
        kind = voxels.dtype.newbyteorder("<")
        try:
            with open(self.folder / name, "wb", buffering=0) as file:
                for start in range(0, len(voxels), slices):
                    if cancelled():
                        raise CancelledError("Cancelled.", "The scene is as it was.")
                    _write_all(file.write, np.ascontiguousarray(voxels[start:start + slices], kind).data.cast("B"))
        except OSError as error:
            raise _not_writable(error, self.folder.parent) from error

    @staticmethod
    def remove_stale(parent: Path | None = None) -> None:
        """Remove folders whose process has ended, left behind by a crash of the whole computer.

        Args:
            parent: Where to look beside the system's folder for temporary files.
        """
        for folder in {Path(tempfile.gettempdir()), parent or Path(tempfile.gettempdir())}:
            _remove_stale_in(folder)


def _remove_stale_in(parent: Path) -> None:
    try:
        folders = [path for path in parent.iterdir() if _is_own_folder(path)]
    except OSError:
        return  # a temporary folder that cannot be listed says so when the new folder is made
    for folder in folders:
        owner = owner_of(folder)
        if owner is not None and not _is_running(owner):
            remove_folder(folder)


def _write_all(write: Callable[[memoryview], int], data: memoryview) -> None:
    while data:
        data = data[write(data):]


def _not_writable(error: OSError, folder: Path) -> DiskError:
    if is_disk_full(error):
        return disk_full()
    return DiskError(f"Nothing can be written to the temporary folder {folder}.",
                     f"Check your rights there, or {_ANOTHER_FOLDER}.")


def _is_own_folder(path: Path) -> bool:
    if owner_of(path) is None:
        return False
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def _is_running(process: int) -> bool:
    if sys.platform == "win32":
        return _is_running_on_windows(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _is_running_on_windows(process: int) -> bool:
    import ctypes

    query, still_active = 0x1000, 259
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(query, False, process)
    if not handle:
        return False
    try:
        code = ctypes.c_ulong()
        return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == still_active
    finally:
        kernel.CloseHandle(handle)
