"""The lists of packaged files in HeartSeg3D/CMakeLists.txt, made from the tree: `make lists` rewrites them."""

from __future__ import annotations

import re
from pathlib import Path

MODULE = "HeartSeg3D"
SHARED = ("Models", "Samples", "Terminologies")


def files_below(folder: Path) -> list[str]:
    """Files below a folder relative to it, compiled Python and hidden files left out."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found
                  if "__pycache__" not in path.parts and not any(part.startswith(".") for part in path.parts))


def packaged_files(repository: Path) -> dict[str, list[str]]:
    """What each list has to name: module and library, the module's own resources, the shared resources."""
    module = repository / MODULE
    library = [f"{MODULE}Lib/{name}" for name in files_below(module / f"{MODULE}Lib") if name.endswith(".py")]
    return {
        "MODULE_PYTHON_SCRIPTS": [f"{MODULE}.py", *library],
        "MODULE_PYTHON_RESOURCES": [f"Resources/{name}" for name in files_below(module / "Resources")],
        "MODULE_SHARED_RESOURCES": [f"{folder}/{name}" for folder in SHARED
                                    for name in files_below(repository / "Resources" / folder)],
    }


def with_lists(cmake: str, lists: dict[str, list[str]]) -> str:
    """The text of a CMakeLists.txt with its lists replaced.

    Raises:
        ValueError: It does not have one of them.
    """
    for name, files in lists.items():
        lines = "".join(f"  {file}\n" for file in files)
        cmake, count = re.subn(rf"set\({name}\n[^)]*\)", f"set({name}\n{lines})", cmake)
        if count != 1:
            raise ValueError(f"CMakeLists.txt sets {name} {count} times")
    return cmake


def main() -> None:
    """Rewrite the lists of this checkout."""
    repository = Path(__file__).resolve().parents[3]
    file = repository / MODULE / "CMakeLists.txt"
    file.write_text(with_lists(file.read_text("utf-8"), packaged_files(repository)), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
