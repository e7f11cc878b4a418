"""Scans with labels as 3D Slicer hands them over: raw voxels in the private folder, described by pairs.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError

FILE = "pairs.json"


@dataclass(frozen=True)
class HandedOver:
    """One scan with the structures that somebody drew on it.

    Attributes:
        name: What to call its files.
        person: Whose it is, without a name.
        image: The scan.
        labels: The project's label values on the same grid.
        modality: `ct`, `mr` or `auto`.
        corrected: Ids of the structures that somebody drew or looked at.
    """

    name: str
    person: str
    image: sitk.Image
    labels: sitk.Image
    modality: str
    corrected: tuple[str, ...]


def read_pairs(folder: Path) -> list[HandedOver]:
    """Read what was handed over.

    Raises:
        InputError: It is incomplete.
    """
    try:
        said = json.loads((folder / FILE).read_text(encoding="utf-8"))["pairs"]
        return [_read(folder, one) for one in said]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("The scans were not handed over completely.",
                         "Check the free space on the disk of the temporary folder and try again.") from error


def _read(folder: Path, said: Mapping[str, Any]) -> HandedOver:
    image = _image(folder, said["image"], said["dtype"], said)
    labels = _image(folder, said["labels"], "uint8", said)
    return HandedOver(said["name"], said["person"], image, labels, said["modality"], tuple(said["corrected"]))


def _image(folder: Path, file: str, dtype: str, said: Mapping[str, Any]) -> sitk.Image:
    shape = tuple(int(count) for count in said["size"])[::-1]
    voxels = np.fromfile(folder / Path(file).name, np.dtype(dtype).newbyteorder("<")).reshape(shape)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(said["spacing"])
    image.SetOrigin(said["origin"])
    image.SetDirection(said["direction"])
    return image
