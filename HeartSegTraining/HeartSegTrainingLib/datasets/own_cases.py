"""A training set of one's own: scans with label maps that a person corrected, ready to be learned from.

Whoever corrects some structures of an automatic segmentation has not looked at the others. What nobody looked at is
the guess of a model, and a model that learns from its guesses only becomes surer of its errors. So structures that
were not corrected say nothing by default, where they are drawn and where they are not; `TRUST` counts them as drawn.
A structure that was corrected and is not in the label map counts as looked for and not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import read_labels, read_scan, write_image
from HeartSeg3DLib.models.package import staged_folder
from HeartSeg3DLib.segmentation.modality import find_modality

from .building import Progress, completed
from .entry import Entry
from .index import DatasetRecord, Index
from .label_maps import IGNORED_VOXEL, structures_in
from .layout import IGNORE, in_order, not_annotated
from .people import grouped
from .preprocessing import preprocess
from .quarantine import QUARANTINE, Quarantined
from .scanning import file_name
from .splitting import SplitRequest, split_index
from .store import StoreSettings

DISREGARD, TRUST = "disregard", "trust"
"""What becomes of structures that were not corrected."""

_DATASET, _INDEX, _STORE, _CASES = "own", "index.jsonl", "store", "cases"
_CONTENTS = {_INDEX, _STORE, _CASES, QUARANTINE}
_MOST_FOLDS = 5
_COPYING = 0.4
"""Share of the time that copying takes; preparing takes the rest."""

_LEAST_VOXELS = 50
"""Of all structures of a case together: fewer are a slip of the brush."""


@dataclass(frozen=True)
class OwnCase:
    """One scan and what a person says about it.

    Attributes:
        name: Its name, different from those of the others.
        image: File, folder of DICOM files, or the image itself.
        labels: Label map in the project's values, on the grid of the image.
        corrected: Ids of the structures that the person drew or looked at; empty for all that the label map holds.
        modality: "ct", "mr", or "auto" to read it off the values.
        person: Whose heart it is, where several cases show one; the case's name by default. Cases of one person are
            never torn apart.
    """

    name: str
    image: Path | sitk.Image
    labels: Path | sitk.Image
    corrected: tuple[str, ...] = ()
    modality: str = "auto"
    person: str = ""


@dataclass(frozen=True)
class OwnTrainingSet:
    """What was made.

    Attributes:
        index: Index file with folds.
        store: Folder of the prepared cases.
        cases: How many cases there are.
        folds: How many folds.
        structures: Ids of the structures that at least one case labels.
        notes: Sentences that a person should read before training.
    """

    index: Path
    store: Path
    cases: int
    folds: int
    structures: tuple[str, ...]
    notes: tuple[str, ...]


def own_training_set(cases: Sequence[OwnCase], folder: Path, *, spacing: float = 1.5, uncorrected: str = DISREGARD,
                     progress: Progress = lambda fraction, stage: None) -> OwnTrainingSet:
    """Copy the cases, index them, split them into folds and prepare them, so that a training can begin at once.

    Args:
        cases: Two people or more.
        folder: Where it all goes; new, or made by this function before: then it is made anew.
        spacing: Voxel size in mm that the training works at.
        uncorrected: DISREGARD or TRUST, see above.
        progress: Told the fraction done and what is being done; what it raises ends the work.

    Raises:
        InputError: A case cannot be learned from; the message names it.
        UsageError: There are too few people, two cases of one name, or the folder holds anything but such a set.
        DiskError: The disk is full.
    """
    _check(cases, uncorrected)
    refuse_other_folder(folder)
    with staged_folder(folder, replace=True) as staging:
        made = _made(cases, staging, spacing, uncorrected, progress)
    return replace(made, index=folder / _INDEX, store=folder / _STORE)


def _made(cases: Sequence[OwnCase], folder: Path, spacing: float, uncorrected: str,
          progress: Progress) -> OwnTrainingSet:
    kept = [_keep(case, folder, uncorrected, lambda done, number=number: progress(
        _COPYING * (number + done) / len(cases), f"Copying case {number + 1} of {len(cases)}"))
        for number, case in enumerate(cases)]
    built = completed([entry for entry, _ in kept], _record(folder))
    _refuse_broken(built.quarantined)
    people = len(grouped(built.index.entries))
    if people < 2:
        raise _one_person()
    index, _ = split_index(built.index, SplitRequest(folds=min(_MOST_FOLDS, people)))
    done = preprocess(index, folder / _STORE, StoreSettings(spacing=spacing), progress=lambda fraction, stage:
                      progress(_COPYING + (1 - _COPYING) * fraction, stage))
    _refuse_broken(done.quarantined)
    index.datasets[_DATASET] = replace(index.datasets[_DATASET], root=".")  # the folder may be moved
    index.write(folder / _INDEX)
    named = {id_ for entry in index.entries for id_ in entry.present}
    return OwnTrainingSet(folder / _INDEX, folder / _STORE, len(cases), min(_MOST_FOLDS, people), in_order(named),
                          (*(note for _, notes in kept for note in notes), *_notes(index.entries, people)))


def _refuse_broken(quarantined: Sequence[Quarantined]) -> None:
    if quarantined:
        raise InputError(f"{quarantined[0].id}: {quarantined[0].reason}", quarantined[0].remedy)


def _one_person() -> UsageError:
    return UsageError("All cases show one person, so that nobody would be left to see whether the model learned "
                      "anything but this heart.", "Add a corrected segmentation of another person.")


def _check(cases: Sequence[OwnCase], uncorrected: str) -> None:
    if uncorrected not in (DISREGARD, TRUST):
        raise UsageError(f"Structures that were not corrected cannot be treated as '{uncorrected}'.",
                         f"Use {DISREGARD} or {TRUST}.")
    if not cases:
        raise UsageError("There is no case to learn from.", "Choose segmentations that you corrected.")
    names = [file_name(case.name) for case in cases]
    if doubles := sorted({name for name in names if names.count(name) > 1 or not name}):
        raise UsageError(f"Two cases have the name '{doubles[0]}', or one has none.", "Give each a name of its own.")
    if len({case.person or case.name for case in cases}) < 2:
        raise _one_person()


def refuse_other_folder(folder: Path) -> None:
    """Make sure that a training set may take the place of a folder: nothing is lost with it but an earlier set.

    Args:
        folder: Not there, empty, or with a set that was made here and nothing beside it.

    Raises:
        UsageError: It holds something else.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is no folder of its own.", "Choose a new folder.")
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if not names:
        return
    if foreign := sorted(names - _CONTENTS):
        raise UsageError(f"The folder {folder} is not empty and holds what is no part of a training set: {foreign[0]}.",
                         "Choose a new folder.")
    if not _is_own_index(folder / _INDEX):
        raise UsageError(f"The folder {folder} is not empty and holds no training set of this kind.",
                         "Choose a new folder.")


def _is_own_index(path: Path) -> bool:
    try:
        return path.is_file() and set(Index.read(path).datasets) == {_DATASET}
    except InputError:
        return False


def _keep(case: OwnCase, folder: Path, uncorrected: str,
          progress: Callable[[float], None]) -> tuple[Entry, list[str]]:
    """Write one case into the folder; returns its entry and what to tell about it."""
    name = file_name(case.name)
    progress(0.0)
    image = case.image if isinstance(case.image, sitk.Image) else read_scan(case.image).frames[0].image
    labels = case.labels if isinstance(case.labels, sitk.Image) else read_labels(case.labels)
    _refuse_other_grid(case, image, labels)
    modality = find_modality(sitk.GetArrayViewFromImage(image), case.modality)
    if modality.offset:
        image = sitk.Cast(image, sitk.sitkFloat32) + modality.offset
    progress(0.5)
    present, ignored, drawn = _judged(case, labels, uncorrected)
    (folder / _CASES).mkdir(exist_ok=True)
    write_image(folder / _CASES / f"{name}_image.nrrd", image)
    write_image(folder / _CASES / f"{name}_label.nrrd", drawn)
    entry = Entry(id=f"{_DATASET}/{name}", dataset=_DATASET, subject=file_name(case.person or case.name),
                  path=f"{_CASES}/{name}_image.nrrd", labels=f"{_CASES}/{name}_label.nrrd", modality=modality.name,
                  sequence=modality.name, present=present, ignored=ignored,
                  absent=not_annotated(present, ignored))
    return entry, [f"{case.name}: {text}" for text in modality.warnings]


def _judged(case: OwnCase, labels: sitk.Image,
            uncorrected: str) -> tuple[tuple[str, ...], tuple[str, ...], sitk.Image]:
    """Structures that count as drawn, those whose voxels say nothing, and the label map that says so."""
    unknown = [id_ for id_ in case.corrected if id_ not in BY_ID]
    values = np.flatnonzero(np.bincount(sitk.GetArrayViewFromImage(labels).ravel(), minlength=256)).tolist()
    foreign = [value for value in values if value not in (0, IGNORED_VOXEL, *STRUCTURES)]
    if unknown or foreign:
        what = f"names {', '.join(unknown)}" if unknown else f"holds the label value {foreign[0]}"
        raise InputError(f"The case {case.name} {what}, which is no structure of the heart that HeartSeg knows.",
                         "Name the segments as HeartSeg does, or read the label map with its scheme first.")
    found = structures_in(labels)
    corrected = set(case.corrected) or set(found)
    present = in_order(corrected | set(found) if uncorrected == TRUST else corrected)
    ignored = in_order(set(found) - set(present))
    voxels = sitk.GetArrayFromImage(labels).astype(np.uint8)
    voxels[np.isin(voxels, [BY_ID[id_].value for id_ in ignored])] = IGNORED_VOXEL
    if int(np.isin(voxels, [BY_ID[id_].value for id_ in present]).sum()) < _LEAST_VOXELS:
        raise InputError(f"In the case {case.name} hardly anything that was corrected is labelled, so there is "
                         "nothing to learn from.", "Draw or correct a structure in it, or leave it out.")
    drawn = sitk.GetImageFromArray(voxels)
    drawn.CopyInformation(labels)
    return present, ignored, drawn


def _refuse_other_grid(case: OwnCase, image: sitk.Image, labels: sitk.Image) -> None:
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"The image of the case {case.name} is no single volume.", "Choose one phase of it.")
    same = image.GetSize() == labels.GetSize() and all(
        np.allclose(one, other, rtol=1e-3, atol=1e-3) for one, other in (
            (image.GetSpacing(), labels.GetSpacing()), (image.GetOrigin(), labels.GetOrigin()),
            (image.GetDirection(), labels.GetDirection())))
    if not same:
        raise InputError(f"The labels of the case {case.name} do not lie on the grid of its image.",
                         "Export the segmentation with the image as its reference volume.")


def _record(folder: Path) -> DatasetRecord:
    values = {**{value: structure.id for value, structure in STRUCTURES.items()}, IGNORED_VOXEL: IGNORE}
    return DatasetRecord(_DATASET, folder.absolute().as_posix(), title="Own corrected segmentations",
                         licence="own data", values=values, source="made with HeartSeg")


def _notes(entries: Sequence[Entry], count: int) -> list[str]:
    few = [f"There are {count} people only: take the figures of the validation as a hint, and compare by eye."]
    seldom = []
    for id_ in in_order({one for entry in entries for one in entry.present}):
        labelled = {entry.person for entry in entries if id_ in entry.present}
        if len(labelled) == 1:
            seldom.append(f"{BY_ID[id_].name} is labelled in one person only, so that in one fold nothing teaches it.")
    return (few if count < _MOST_FOLDS else []) + seldom
