"""The lists of packaged files in each module's CMakeLists.txt, made from the tree: `make lists` rewrites them."""

from __future__ import annotations

import re
from pathlib import Path

MODULES = ("HeartSeg3D", "HeartSegTraining")
CARRIES_SHARED = "HeartSeg3D"
"""The module that brings what others use, too."""

SHARED = ("Models", "Recipes", "Samples", "Terminologies")


def files_below(folder: Path) -> list[str]:
    """Files below a folder relative to it, compiled Python and hidden files left out."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found
                  if "__pycache__" not in path.parts and not any(part.startswith(".") for part in path.parts))


def packaged_files(repository: Path, module: str) -> dict[str, list[str]]:
    """What each list has to name: module and library, the module's own resources, the shared resources."""
    folder = repository / module
    library = [f"{module}Lib/{name}" for name in files_below(folder / f"{module}Lib") if name.endswith(".py")]
    lists = {
        "MODULE_PYTHON_SCRIPTS": [f"{module}.py", *library],
        "MODULE_PYTHON_RESOURCES": [f"Resources/{name}" for name in files_below(folder / "Resources")],
    }
    if module == CARRIES_SHARED:
        lists["MODULE_SHARED_RESOURCES"] = [f"{part}/{name}" for part in SHARED
                                            for name in files_below(repository / "Resources" / part)]
    return lists


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
    for module in MODULES:
        file = repository / module / "CMakeLists.txt"
        file.write_text(with_lists(file.read_text("utf-8"), packaged_files(repository, module)), "utf-8",
                        newline="\n")


if __name__ == "__main__":
    main()
