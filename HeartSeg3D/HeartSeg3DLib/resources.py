"""Where the files shipped with HeartSeg lie, whichever way it was installed."""

from __future__ import annotations

from pathlib import Path

from HeartSeg3DLib.errors import InputError

# Links are followed first: a strict editable install links each module back to the checkout.
_CODE = Path(__file__).resolve().parent


def folders() -> tuple[Path, ...]:
    """Return the folders that may hold resources, the preferred one first.

    A wheel and the installed extension carry `Resources` beside this file; a checkout and an
    editable install carry it two folders up, at the top of the repository.
    """
    return (_CODE / "Resources", _CODE.parent.parent / "Resources")


def path(name: str) -> Path:
    """Return the path of a shipped file or folder.

    Args:
        name: Path below `Resources` with forward slashes, such as `Models` or `Samples/chest.nii.gz`.

    Raises:
        InputError: No installed copy has it.
    """
    for folder in folders():
        candidate = folder / name
        if candidate.exists():
            return candidate
    searched = " and ".join(str(folder) for folder in folders())
    raise InputError(
        f"The file '{name}' that comes with HeartSeg is missing (looked in {searched}).",
        "Install HeartSeg again, or clone the whole repository.",
    )
