"""A small index with folds and a store of prepared cases: two data sets, one of which labels no myocardium."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import BY_ID
from HeartSegTrainingLib.datasets import (
    DatasetRecord,
    Entry,
    Index,
    SplitRequest,
    StoreSettings,
    preprocess,
    split_index,
)
from HeartSegTrainingLib.datasets.building import completed
from HeartSegTrainingLib.datasets.layout import not_annotated

SPACING = 6.0
_LEVEL = {0: -120.0, 1: 420.0, 2: 90.0, 3: 250.0}
"""CT numbers of background, LV, MYO and RV."""


@dataclass(frozen=True)
class SmallStore:
    """Index file and store folder."""

    index: Path
    store: Path


def ball_heart(seed: int, side: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """A ventricle in its wall beside another one, (z, y, x) int16 in HU and labels LV, MYO, RV."""
    rng = np.random.default_rng(seed)
    z, y, x = np.indices((side, side, side)) - (side - 1) / 2 - rng.uniform(-2, 2, (3, 1, 1, 1))
    labels = np.zeros((side,) * 3, np.uint8)
    labels[(z**2 + y**2 + (x + 5.5) ** 2) < 4.5**2] = 3
    radius = z**2 + y**2 + (x - 2) ** 2
    labels[radius < 5.5**2] = 2
    labels[radius < 3.5**2] = 1
    image = np.vectorize(_LEVEL.get)(labels) + rng.normal(0, 25, labels.shape)
    return np.rint(image).astype(np.int16), labels


def write(path: Path, voxels: np.ndarray, orientation: str = "LPS") -> None:
    """Write voxels that lie in LPS, stored in another orientation of the same positions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((SPACING,) * 3)
    sitk.WriteImage(sitk.DICOMOrient(image, orientation), str(path))


def a_dataset(root: Path, name: str, people: int, drawn: tuple[str, ...], *, modality: str = "ct",
              first_seed: int = 0, orientation: str = "LPS", ignored: tuple[str, ...] = ()) -> Index:
    """A data set whose label maps hold the structures that are named."""
    cases = []
    for person in range(people):
        image, labels = ball_heart(first_seed + person)
        kept = [BY_ID[id_].value for id_ in (*drawn, *ignored)]
        write(root / f"p{person}.nii.gz", image, orientation)
        labels[~np.isin(labels, kept)] = 0
        write(root / f"p{person}_label.nii.gz", labels, orientation)
        cases.append(Entry(id=f"{name}/p{person}", dataset=name, subject=f"p{person}", path=f"p{person}.nii.gz",
                           modality=modality, sequence="cta", labels=f"p{person}_label.nii.gz", present=drawn,
                           ignored=ignored, absent=not_annotated(drawn, ignored)))
    values = {BY_ID[id_].value: id_ for id_ in (*drawn, *ignored)}
    record = DatasetRecord(name, root.absolute().as_posix(), values=values, licence="CC0", commercial=True)
    return completed(cases, record).index


def small_store(folder: Path, *indexes: Index, folds: int = 2, spacing: float = SPACING) -> SmallStore:
    """Split the indexes together and prepare all cases."""
    together = Index([entry for index in indexes for entry in index.entries],
                     {name: record for index in indexes for name, record in index.datasets.items()})
    split, _ = split_index(together, SplitRequest(folds=folds))
    split.write(folder / "index.jsonl")
    done = preprocess(split, folder / "store", StoreSettings(spacing=spacing))
    assert not done.quarantined
    return SmallStore(folder / "index.jsonl", folder / "store")


def two_datasets(folder: Path, people: int = 3) -> SmallStore:
    """`full` draws LV, MYO and RV; `cavities` draws LV and RV only."""
    return small_store(folder, a_dataset(folder / "full", "full", people, ("LV", "MYO", "RV")),
                       a_dataset(folder / "cavities", "cavities", people, ("LV", "RV"), first_seed=50))
