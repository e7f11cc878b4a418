"""Ready recipes: one job file for each stage, for a laptop, one graphics card, or a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from HeartSeg3DLib import resources
from HeartSeg3DLib.errors import UsageError

STAGES = ("ssl", "ressl", "finetune")
"""Kinds of training in their order; each goes on from the one before."""


@dataclass(frozen=True)
class Recipe:
    """A ready recipe.

    Attributes:
        name: On the command line.
        purpose: What it is for, one sentence.
        folder: Where its job files lie.
    """

    name: str
    purpose: str
    folder: Path

    def job_file(self, kind: str) -> Path:
        """Job file of a kind of training."""
        return self.folder / f"{kind}.toml"


def recipes() -> list[Recipe]:
    """All recipes, the smallest first.

    Raises:
        InputError: They are missing from this installation.
    """
    folder = resources.path("Recipes")
    return [Recipe(name, purpose, folder / name) for name, purpose in _PURPOSES.items()]


def recipe_named(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        UsageError: There is none.
    """
    for recipe in recipes():
        if recipe.name == name:
            return recipe
    raise UsageError(f"There is no recipe '{name}'.", f"Use {', '.join(_PURPOSES)}.")


def copy_recipe(name: str, target: Path, kind: str | None = None, *, force: bool = False) -> list[Path]:
    """Copy the job files of a recipe; returns what was written.

    Args:
        name: demo, lab or cluster.
        target: Folder for one file of each stage; with `kind` a file.
        kind: Copy this stage alone.
        force: Replace files.

    Raises:
        UsageError: There is no such recipe, or a file exists already.
    """
    recipe = recipe_named(name)
    if kind is not None and kind not in STAGES:
        raise UsageError(f"There is no stage '{kind}'.", f"Use {', '.join(STAGES)}.")
    copies = ({target / f"{stage}.toml": recipe.job_file(stage) for stage in STAGES} if kind is None
              else {target: recipe.job_file(kind)})
    if not force and (taken := [path for path in copies if path.exists()]):
        raise UsageError(f"{taken[0]} exists already.", "Give another name, or --force to replace it.")
    for path, source in copies.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())
    return list(copies)


_PURPOSES = {
    "demo": "All three stages within minutes on a processor, on generated hearts: to see that all works.",
    "lab": "One graphics card and an index of your own and public data: days.",
    "cluster": "Several graphics cards or nodes and a large index.",
}
