"""A store: one folder of prepared cases, each in a folder of its own that appears whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import refuse_file_in_the_way, replacing

VERSION = 1
IMAGE_FILE, LABELS_FILE, CASE_FILE = "image.b2nd", "labels.b2nd", "case.json"
_SETTINGS_FILE, _LIST_FILE = "store.json", "cases.jsonl"


@dataclass(frozen=True)
class StoreSettings:
    """What all cases of a store have in common.

    Attributes:
        spacing: Distance of voxels in mm, 0 for each image's own.
        cine_frames: Frames that are kept of a cine without labels, spread evenly over the beat.
    """

    spacing: float = 1.5
    cine_frames: int = 4


@dataclass(frozen=True)
class StoredCase:
    """A prepared case.

    Attributes:
        id: Id of its entry.
        dataset: Its data set.
        axis: What the first axis of the image counts, "channels" or "frames".
        shape: (C, z, y, x).
        spacing: mm along z, y, x.
        modality: "ct" or "mr".
        labelled: Whether there is a label map.
        present: Ids of annotated structures.
        absent: Ids of structures that nobody annotated.
        ignored: Ids of structures whose voxels are marked as saying nothing.
        lowest: Smallest voxel value, which is taken beyond the border.
        percentiles: Values below which 0.5, 50 and 99.5 % of the voxels in view lie.
        points: Rows (label value, z, y, x): a few voxels of each structure, to aim crops at.
        made_from: What it was made from and how; another value makes it anew.
    """

    id: str
    dataset: str
    axis: str
    shape: tuple[int, int, int, int]
    spacing: tuple[float, float, float]
    modality: str
    labelled: bool
    present: tuple[str, ...]
    absent: tuple[str, ...]
    ignored: tuple[str, ...]
    lowest: float
    percentiles: tuple[float, float, float]
    points: np.ndarray
    made_from: str

    def to_json(self) -> dict[str, Any]:
        """The case as a JSON table."""
        return {**asdict(self), "points": self.points.tolist()}

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> StoredCase:
        """Takes a JSON table.

        Raises:
            TypeError, ValueError: It is no such table.
        """
        known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                                 for name, value in table.items()}
        known["points"] = np.array(table["points"], np.int16).reshape(-1, 4)
        return cls(**known)


class Store:
    """Reads and writes a store.

    Args:
        path: Its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def folder(self, id: str) -> Path:
        """Folder of a case."""
        return self.path / "cases" / id

    def open(self, settings: StoreSettings) -> None:
        """Makes the store, or makes sure that it was made with the same settings.

        Raises:
            UsageError: It was made with others, or cannot be written.
        """
        refuse_file_in_the_way(self.path)
        file = self.path / _SETTINGS_FILE
        if file.exists():
            if (found := self.settings()) != settings:
                raise UsageError(f"The store {self.path} was made with other settings "
                                 f"({found.spacing:g} mm, {found.cine_frames} frames of a cine).",
                                 "Use these, or choose another folder.")
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"The folder {self.path} cannot be made.", "Choose another folder.") from error
        with replacing(file) as temporary:
            table = {"format": "heartseg-store", "version": VERSION, **asdict(settings)}
            temporary.write_text(json.dumps(table) + "\n", encoding="utf-8")

    def settings(self) -> StoreSettings:
        """How the store was made.

        Raises:
            InputError: The folder is no store, or one of a newer version.
        """
        try:
            table = json.loads((self.path / _SETTINGS_FILE).read_text(encoding="utf-8"))
            version = table["version"]
            known = {field.name: table[field.name] for field in fields(StoreSettings)}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path} is no store of prepared images.",
                             "Make one with `heartseg index preprocess`.") from error
        if version != VERSION:
            raise InputError(f"The store {self.path} was written in version {version} of the format; this HeartSeg "
                             f"reads version {VERSION}.", "Update HeartSeg, or prepare the images again.")
        return StoreSettings(**known)

    def case(self, id: str) -> StoredCase | None:
        """A case that is complete, None where there is none."""
        try:
            return StoredCase.from_json(json.loads((self.folder(id) / CASE_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @contextmanager
    def writing(self, id: str) -> Iterator[Path]:
        """Gives a temporary folder that becomes the case's when the block ends well, and is removed when not.

        Where another process finished the case meanwhile, its result stays.
        """
        target = self.folder(id)
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f".{target.name}-*.partial"):
            shutil.rmtree(left, ignore_errors=True)
        temporary = target.with_name(f".{target.name}-{secrets.token_hex(4)}.partial")
        try:
            temporary.mkdir()
            yield temporary
            shutil.rmtree(target, ignore_errors=True)
            os.replace(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def write_list(self) -> int:
        """Lists all complete cases in one file, which a training reads at once; returns how many there are.

        Raises:
            UsageError: The file system refuses the file.
        """
        files = sorted((self.path / "cases").glob(f"*/*/{CASE_FILE}"))
        with replacing(self.path / _LIST_FILE) as temporary, open(temporary, "w", encoding="utf-8") as out:
            for file in files:
                out.write(file.read_text(encoding="utf-8").strip() + "\n")
        return len(files)

    def cases(self) -> dict[str, StoredCase]:
        """Listed cases by id.

        Raises:
            InputError: There is no list, or it is damaged.
        """
        self.settings()
        file = self.path / _LIST_FILE
        try:
            with open(file, encoding="utf-8") as lines:
                found = (StoredCase.from_json(json.loads(line)) for line in lines)
                return {case.id: case for case in found}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"The list of cases in the store {self.path} is missing or damaged.",
                             "Run `heartseg index preprocess` again; finished cases are not made anew.") from error
