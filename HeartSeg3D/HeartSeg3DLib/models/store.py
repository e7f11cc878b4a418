"""The models on this computer: those that come with HeartSeg and those the user imported."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from HeartSeg3DLib import resources
from HeartSeg3DLib.errors import HeartSegError, ModelError, UsageError
from HeartSeg3DLib.models.archive import card_in_archive, extract_package
from HeartSeg3DLib.models.card import ModelCard, is_safe_id
from HeartSeg3DLib.models.package import (
    LoadedModel,
    copy_package,
    load_package,
    package_folder,
    staged_folder,
    verify_package,
)

_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
"""Names that `staged_folder` gives."""


@dataclass(frozen=True)
class StoredModel:
    """One model package on this computer.

    Attributes:
        id: Name of the model, also of its folder in the store.
        folder: Where the package is.
        shipped: True if it came with HeartSeg and cannot be removed.
        card: What it is; None if the card cannot be read.
        problem: Why the card cannot be read, else empty.
        remedy: What to do about it, else empty.
    """

    id: str
    folder: Path
    shipped: bool
    card: ModelCard | None
    problem: str = ""
    remedy: str = ""


def data_folder() -> Path:
    """Return the folder for this user's HeartSeg data: HEARTSEG_DATA, else the system's usual place."""
    chosen = os.environ.get("HEARTSEG_DATA")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "HeartSeg"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "HeartSeg"
    base = os.environ.get("XDG_DATA_HOME")
    # The XDG specification tells programs to ignore a relative path.
    usable = base is not None and Path(base).is_absolute()
    return (Path(base) if base and usable else Path.home() / ".local" / "share") / "heartseg"


class ModelStore:
    """Finds, checks, imports and removes model packages.

    An imported package with the id of a shipped one is used in its place until it is removed.

    Args:
        root: Folder of the user's packages; `models` in the user's data folder by default.
        shipped: Folder of the packages that come with HeartSeg; found by itself by default.
    """

    def __init__(self, root: Path | None = None, shipped: Path | None = None) -> None:
        self.root = Path(root) if root is not None else data_folder() / "models"
        self._shipped = shipped

    def list(self) -> Sequence[StoredModel]:
        """Return all models in order of id; a broken one is listed with its problem."""
        shipped = self._shipped_models()
        models = {**shipped, **{model.id: model for model in self._in_folder(self.root, shipped=False)}}
        return [_saying_what_it_hides(models[id]) if id in shipped else models[id] for id in sorted(models)]

    def get(self, id: str) -> StoredModel:
        """Return the model with this id.

        Raises:
            ModelError: There is none, or its card cannot be read.
        """
        for model in self.list():
            if model.id == id:
                return _readable(model)
        raise self._unknown(id)

    def resolve(self, id_or_folder: str | Path) -> StoredModel:
        """Return a model by its id or, for packages outside the store, by its folder.

        Raises:
            ModelError: Neither an installed model nor a package folder.
        """
        for model in self.list():
            if model.id == str(id_or_folder):
                return _readable(model)
        folder = Path(id_or_folder).expanduser()
        if folder.is_dir():
            card = ModelCard.read(folder)
            return StoredModel(card.id, folder, shipped=False, card=card)
        if folder.suffix.lower() == ".zip" and folder.is_file():
            raise ModelError(f"'{folder.name}' is not imported yet.", f"Run: heartseg models import {folder}")
        raise self._unknown(str(id_or_folder))

    def default(self, role: str) -> StoredModel:
        """Return the model to use when the user names none.

        The shipped model of this role (the first by id), else the only imported one.

        Args:
            role: `segmenter` or `locator`.

        Raises:
            ModelError: There is none, or several imported ones and no shipped one, or a damaged import hides the
                shipped one.
        """
        found = self.list()
        shipped = self._shipped_models()
        models = [model for model in found if _has_role(model, role)]
        candidates = [model for model in models if model.id in shipped]
        if not candidates:
            for model in found:
                if model.card is None and model.id in shipped and _has_role(shipped[model.id], role):
                    raise ModelError(f"The imported model '{model.id}' is damaged and hides the one that comes with "
                                     f"HeartSeg. {model.problem}", model.remedy)
            candidates = models
        if not candidates:
            raise ModelError(f"No {role} model is installed.", "Import one: heartseg models import FILE.")
        if len(models) > 1 and candidates is models:
            names = ", ".join(model.id for model in models)
            raise ModelError(f"Several {role} models are installed: {names}.", "Choose one of them by its id.")
        return candidates[0]

    def load(self, id_or_folder: str | Path) -> LoadedModel:
        """Check and load a model by its id or folder.

        Raises:
            ModelError: It is unknown, incomplete or altered.
        """
        return load_package(self.resolve(id_or_folder).folder)

    def verify(self, id: str) -> StoredModel:
        """Check a model's card, weights header and checksum.

        Raises:
            ModelError: It is unknown, incomplete or altered.
        """
        model = self.get(id)
        verify_package(model.folder)
        return model

    def import_from(self, path: Path, *, replace: bool = False) -> StoredModel:
        """Copy a package from a folder or zip file into the store, checked before it counts as installed.

        Args:
            path: The package folder, a folder or zip file that holds one, or a zip file of its content.
            replace: Replace a model of the same id; a shipped one is used again once this one is removed.

        Raises:
            ModelError: Not a valid package.
            UsageError: The id is taken, or the store cannot be written.
        """
        path = Path(path).expanduser()
        if not path.exists():
            raise ModelError(f"'{path}' does not exist.", "Give the folder or zip file of a model package.")
        source = path if path.is_file() else package_folder(path)
        card = card_in_archive(source) if source.is_file() else ModelCard.read(source)
        taken = [] if replace else [model for model in self.list() if model.id == card.id]
        if taken and taken[0].shipped:
            raise UsageError(
                f"A model named '{card.id}' comes with HeartSeg already.",
                "To hide that one until the imported one is removed, import on the command line with --replace; or "
                "give the new one another id.",
            )
        if taken:
            raise UsageError(
                f"A model named '{card.id}' is installed already.",
                "Remove it first (or, on the command line, import with --replace).",
            )
        with staged_folder(self.root / card.id, replace=replace) as staging:
            if source.is_file():
                extract_package(source, staging)
            else:
                copy_package(source, staging)
            verify_package(staging)
        return self.get(card.id)

    def remove_unfinished(self) -> None:
        """Remove what imports left behind whose process was killed; it also ends an import that goes on elsewhere."""
        for folder in self.root.glob(".*.tmp") if self.root.is_dir() else ():
            if _UNFINISHED.fullmatch(folder.name) and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self, id: str) -> None:
        """Remove an imported model.

        Raises:
            ModelError: It is unknown.
            UsageError: It came with HeartSeg, or cannot be removed.
        """
        for model in self.list():
            if model.id != id:
                continue
            if model.shipped:
                raise UsageError(f"'{id}' comes with HeartSeg and cannot be removed.", "Only imported models can.")
            aside = self.root / f".{id}.{uuid4().hex[:8]}.old"
            try:
                os.replace(model.folder, aside)
            except OSError as error:
                raise UsageError(
                    f"'{id}' cannot be removed: {error.strerror}.", "Close programs that use it."
                ) from error
            shutil.rmtree(aside, ignore_errors=True)
            return
        raise self._unknown(id)

    def _shipped_models(self) -> dict[str, StoredModel]:
        return {model.id: model for model in self._in_folder(self._shipped_folder(), shipped=True)}

    def _shipped_folder(self) -> Path | None:
        if self._shipped is not None:
            return self._shipped
        try:
            return resources.path("Models")
        except HeartSegError:
            return None

    def _in_folder(self, folder: Path | None, *, shipped: bool) -> Sequence[StoredModel]:
        """Return the packages in a folder; hidden folders are unfinished imports."""
        if folder is None or not folder.is_dir():
            return []
        packages = sorted(item for item in folder.iterdir() if item.is_dir() and is_safe_id(item.name))
        return [_describe(package, shipped) for package in packages]

    def _unknown(self, name: str) -> ModelError:
        installed = ", ".join(model.id for model in self.list()) or "none"
        return ModelError(f"There is no model '{name}'.", f"Installed models: {installed}.")


def _describe(folder: Path, shipped: bool) -> StoredModel:
    try:
        card = ModelCard.read(folder)
        if card.id != folder.name:
            raise ModelError(f"The card names another model, '{card.id}'.", "Import the model again.")
    except ModelError as error:
        return StoredModel(folder.name, folder, shipped, None, error.message, error.remedy)
    return StoredModel(card.id, folder, shipped, card)


def _has_role(model: StoredModel, role: str) -> bool:
    return model.card is not None and model.card.role == role


def _saying_what_it_hides(model: StoredModel) -> StoredModel:
    """Return a model of a shipped one's id; of a damaged import the remedy says how to get the shipped one back."""
    if model.shipped or model.card is not None:
        return model
    remedy = f"To use the one that comes with HeartSeg again: heartseg models remove {model.id}"
    return replace(model, remedy=remedy)


def _readable(model: StoredModel) -> StoredModel:
    if model.card is None:
        raise ModelError(f"The model '{model.id}' cannot be used. {model.problem}", model.remedy)
    return model
