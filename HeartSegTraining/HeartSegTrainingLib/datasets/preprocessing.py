"""Prepares cases once, so that training reads crops and never whole images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.errors import DiskError, InputError, UsageError
from HeartSeg3DLib.imaging import read_scan

from .array_files import write_array
from .building import Progress
from .entry import Entry
from .index import Index
from .label_maps import IGNORED_VOXEL, read_case_labels
from .quarantine import Quarantined, update_quarantine
from .same_grid import refuse_labels_of_other_grid
from .store import CASE_FILE, IMAGE_FILE, LABELS_FILE, Store, StoredCase, StoreSettings
from .volumes import even_grid, own_grid, sampled, sampled_labels

_POINTS = 16
_SPARE_BYTES = 1 << 30
_BYTES_A_VOXEL = 2.0
"""Upper limit for 16-bit images and their labels together: compression more than makes up for the labels."""

Guard = Callable[[], AbstractContextManager[None]]


@dataclass
class Prepared:
    """What a run of preprocessing came to: ids of cases made now, found finished, and left out with reasons."""

    made: list[str] = field(default_factory=list)
    finished_before: list[str] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)


def bytes_needed(entries: Sequence[Entry], settings: StoreSettings) -> int:
    """Estimate of the store's size from the shapes in the index; cases without a shape count as 0."""
    total = 0.0
    for entry in entries:
        if entry.usable and entry.shape and entry.spacing:
            scale = np.prod(np.divide(entry.spacing, settings.spacing)) if settings.spacing else 1.0
            images = min(entry.frames, settings.cine_frames) if entry.frame is None and entry.frames > 1 else (
                1 + len(entry.more_channels))
            total += float(np.prod(entry.shape)) * float(scale) * images * _BYTES_A_VOXEL
    return int(total)


def check_space(path: Path, needed: int) -> None:
    """Stops before the work where the disk has no room for it.

    Raises:
        DiskError: There is less than the estimate and a spare gigabyte.
    """
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if needed + _SPARE_BYTES > free:
        raise DiskError(f"The store needs about {needed / 1e9:.2f} GB and {_SPARE_BYTES / 1e9:.1f} GB to spare, and "
                        f"{there} has {free / 1e9:.2f} GB free.",
                        "Choose another disk, a coarser --spacing, or fewer cases.")


def licences_of(index: Index) -> tuple[list[str], list[str]]:
    """Data sets whose licence forbids commercial use, and those of which it is not known."""
    named = [(f"{record.name} ({record.licence})", record.commercial) for record in index.datasets.values()]
    return ([name for name, commercial in named if commercial is False],
            [name for name, commercial in named if commercial is None])


def preprocess(index: Index, path: Path, settings: StoreSettings, *, commercial: bool = False,
               part: tuple[int, int] = (1, 1), guard: Guard = nullcontext,
               progress: Progress = lambda fraction, stage: None) -> Prepared:
    """Prepares all usable cases of an index that are not in the store yet.

    Args:
        index: The index.
        path: Folder of the store; made when absent.
        settings: How.
        commercial: Refuse data sets whose licence does not allow commercial use.
        part: (k, n): do the k-th of n shares of the cases, for n machines on one store.
        guard: Makes the context in which a finished case is put in place and must not be interrupted.
        progress: Told the fraction done; what it raises ends the work, and finished cases stay.

    Raises:
        UsageError: The settings differ from the store's, or a licence does not allow commercial use.
        DiskError: The disk is or becomes full.
    """
    forbidding, unknown = licences_of(index)
    if commercial and forbidding + unknown:
        raise UsageError(f"Not for commercial use, or not known to be: {', '.join(forbidding + unknown)}.",
                         "Leave these data sets out of the index, or --commercial if the model is for research.")
    store, done = Store(path), Prepared()
    entries = [entry for entry in index.entries if entry.usable][part[0] - 1::part[1]]
    open_cases = [entry for entry in entries if not _finished(store, index, entry, settings)]
    check_space(path, bytes_needed(open_cases, settings))
    store.open(settings)
    waiting = {entry.id for entry in open_cases}
    done.finished_before = [entry.id for entry in entries if entry.id not in waiting]
    try:
        for number, entry in enumerate(open_cases):
            progress(number / len(open_cases), f"Case {number + 1} of {len(open_cases)}")
            try:
                _prepare(store, index, entry, settings, guard)
            except InputError as error:
                done.quarantined.append(Quarantined(entry.id, entry.path, error.message, error.remedy))
            else:
                done.made.append(entry.id)
    finally:
        with guard():
            store.write_list()
            update_quarantine(path / "cases.jsonl", done.quarantined)
    return done


def _finished(store: Store, index: Index, entry: Entry, settings: StoreSettings) -> bool:
    case = store.case(entry.id)
    return case is not None and case.made_from == _made_from(index, entry, settings)


def _made_from(index: Index, entry: Entry, settings: StoreSettings) -> str:
    """Everything that the prepared case depends on; size and time stand for a checksum that was not taken."""
    files = [index.image(entry), *([path] if (path := index.labels(entry)) else [])]
    sums = [entry.checksum, entry.labels_checksum] if entry.checksum else [
        (file.stat().st_size, file.stat().st_mtime_ns) if file.exists() else None for file in files]
    record = index.datasets[entry.dataset]
    return json.dumps([sums, entry.path, entry.more_channels, entry.labels, entry.frame, entry.series,
                       entry.present, entry.absent, entry.ignored, sorted(record.values.items()), asdict(settings)])


def _prepare(store: Store, index: Index, entry: Entry, settings: StoreSettings, guard: Guard) -> None:
    images, axis = _images(index, entry, settings)
    path = index.labels(entry)
    if path is not None:
        refuse_labels_of_other_grid(index.image(entry), path)
    labels = read_case_labels(entry, index.datasets[entry.dataset], path) if path is not None else None
    if any(image.GetSize() != images[0].GetSize() for image in images[1:]) or (
            labels is not None and labels.GetSize() != images[0].GetSize()):
        raise InputError(f"The images and labels of {entry.id} do not lie on one grid.", "Download them again.")
    voxels, inside, drawn, spacing = _on_grid(images, labels, settings)
    stored = _as_stored(voxels)
    seen = voxels[:, inside][..., ::max(1, int(inside.sum()) // 100_000)]
    low, middle, high = (float(value) for value in np.percentile(seen, (0.5, 50.0, 99.5)))
    case = StoredCase(entry.id, entry.dataset, axis, stored.shape, spacing, entry.modality, drawn is not None,
                      entry.present, entry.absent, entry.ignored, float(stored.min()), (low, middle, high),
                      _points(drawn, entry.id), _made_from(index, entry, settings))
    try:
        with guard(), store.writing(entry.id) as folder:
            write_array(folder / IMAGE_FILE, stored)
            if drawn is not None:
                write_array(folder / LABELS_FILE, drawn[None])
            (folder / CASE_FILE).write_text(json.dumps(case.to_json()) + "\n", encoding="utf-8")
    except (OSError, RuntimeError) as error:
        raise DiskError(f"{entry.id} could not be written to {store.path}; the cases before it are complete.",
                        "Free some space or check your rights there, and start the same command again.") from error


def _images(index: Index, entry: Entry, settings: StoreSettings) -> tuple[list[sitk.Image], str]:
    """The volumes of a case and what they are: its channels, or some frames of a cine."""
    frames = read_scan(index.image(entry), series=entry.series or None).frames
    if entry.frame is None and len(frames) > 1:
        count = min(len(frames), settings.cine_frames)
        chosen = np.unique(np.arange(count) * len(frames) // count).tolist()
        return [frames[place].image for place in chosen], "frames"
    if (entry.frame or 0) >= len(frames):
        raise InputError(f"{entry.id} is frame {entry.frame} of an image with {len(frames)}.", "Build the index again.")
    extra = [read_scan(index.root(entry.dataset) / path).frames[0].image for path in entry.more_channels]
    return [frames[entry.frame or 0].image, *extra], "channels"


def _on_grid(
    images: Sequence[sitk.Image], labels: sitk.Image | None, settings: StoreSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[float, float, float]]:
    """Voxels (C, z, y, x), which are in view (z, y, x), labels (z, y, x), and mm along z, y, x."""
    if not settings.spacing:
        voxels = np.stack([own_grid(image)[0] for image in images])
        drawn = None if labels is None else own_grid(labels)[0]
        return voxels, np.ones(voxels.shape[1:], bool), drawn, own_grid(images[0])[1]
    grid = even_grid(images[0], settings.spacing)
    pairs = [sampled(image, grid) for image in images]
    whole = all(np.issubdtype(sitk.GetArrayViewFromImage(image).dtype, np.integer) for image in images)
    voxels = np.stack([np.rint(values) if whole else values for values, _ in pairs])
    drawn = None if labels is None else sampled_labels(labels, grid)
    return voxels, pairs[0][1], drawn, (settings.spacing,) * 3


def _as_stored(voxels: np.ndarray) -> np.ndarray:
    """16 bits where they hold every value, else 32-bit floats."""
    limits = np.iinfo(np.int16)
    fits = limits.min <= voxels.min() and voxels.max() <= limits.max
    if fits and (voxels.dtype.kind in "iu" or np.array_equal(voxels, np.rint(voxels))):
        return voxels.astype(np.int16)
    return voxels.astype(np.float32)


def _points(drawn: np.ndarray | None, id: str) -> np.ndarray:
    """A few voxels of each structure, always the same for the same case."""
    if drawn is None:
        return np.zeros((0, 4), np.int16)
    rng = np.random.default_rng(list(id.encode()))
    rows = []
    for value in np.flatnonzero(np.bincount(drawn.ravel(), minlength=256)).tolist():
        if value not in (0, IGNORED_VOXEL):
            where = np.flatnonzero(drawn == value)
            chosen = rng.choice(where, min(_POINTS, len(where)), replace=False)
            rows += [(value, *place) for place in np.stack(np.unravel_index(np.sort(chosen), drawn.shape), 1).tolist()]
    return np.array(rows, np.int16).reshape(-1, 4)
