"""Finds the images of a data set by its layout; nothing but names and the data set's table is read."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from HeartSeg3DLib.errors import InputError

from .entry import Entry
from .label_maps import mask_files
from .layout import Images, Layout, SubjectTable, annotated, in_order, not_annotated

Rows = Mapping[str, Mapping[str, str]]


def found_cases(root: Path, layout: Layout) -> list[Entry]:
    """Cases of a data set in a folder, without what only headers tell.

    Args:
        root: The download, or a folder above it.
        layout: How the data set is distributed.

    Raises:
        InputError: The folder is missing, holds nothing of this layout, or its table cannot be understood.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a folder.", "Give the folder that the data set was unpacked into.")
    patterns = [(images, re.compile(f"(?:^|.*/)(?P<matched_>{images.path})$")) for images in layout.images]
    rows: Rows | None = None
    cases: list[Entry] = []
    for path, is_folder in _walk(root):
        whole = f"{root.resolve().name}/{path}" if path != "." else root.resolve().name
        for images, pattern in patterns:
            if images.dicom == is_folder and (match := pattern.match(whole)):
                if rows is None:
                    rows = subject_rows(root, layout.table) if layout.table else {}
                cases += _cases(root, layout, images, whole, match, rows)
                break
    if not cases:
        raise InputError(f"Nothing in {root} looks like {layout.title}.",
                         "Check the folder and the name of the data set; `heartseg index datasets` lists them.")
    return cases


def subject_rows(root: Path, table: SubjectTable) -> Rows:
    """Rows of a data set's table by subject.

    Raises:
        InputError: There is no such table, or a column is missing.
    """
    files = sorted(path for path in root.rglob("*.csv") if re.fullmatch(table.file, path.name))
    if not files:
        raise InputError(f"The data set's table ({table.file}) is not in {root}.",
                         "Give the folder that holds both the table and the images.")
    with open(files[0], newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = {table.key, *table.site, *table.frames} - set(reader.fieldnames or ())
        if missing:
            raise InputError(f"{files[0].name} has no column {', '.join(sorted(missing))}.",
                             "Take the table as it was distributed.")
        return {row[table.key].strip().zfill(3): row for row in reader if (row[table.key] or "").strip()}


def _walk(root: Path) -> Iterator[tuple[str, bool]]:
    """Paths below a folder with / between names, and whether each is a folder, in the order of names."""
    yield ".", True
    for folder, folders, files in os.walk(root, followlinks=True):
        folders.sort()
        inside = Path(folder).relative_to(root)
        yield from (((inside / name).as_posix(), True) for name in folders)
        yield from (((inside / name).as_posix(), False) for name in sorted(files))


def _cases(root: Path, layout: Layout, images: Images, whole: str, match: re.Match[str], rows: Rows) -> list[Entry]:
    groups = {name: text or "" for name, text in match.groupdict().items()}
    subject = _filled(images.subject, groups)
    row = rows.get(groups.get("subject", ""), {})
    entry = Entry(
        id=f"{layout.name}/{file_name(_filled(images.case, groups))}", dataset=layout.name, subject=subject,
        path=_inside(root, whole), modality=images.modality or layout.modality, sequence=images.sequence,
        site=_site(images, layout, groups, row), licence=layout.licence, problem=images.problem,
        split=next((split for pattern, split in images.splits if re.search(pattern, whole)), ""))
    before = whole[:match.start("matched_")]
    labels = before + _filled(images.labels, groups) if images.labels else ""
    labelled = _labelled(root, layout, entry, labels)
    if not images.frames or not labelled.labels:
        return [labelled]
    return [entry, *_labelled_frames(layout, labelled, row)]


def _labelled(root: Path, layout: Layout, entry: Entry, labels: str) -> Entry:
    """The case with its label map, if that exists, and what it says about which structures."""
    relative = _inside(root, labels) if labels else ""
    if not relative or not (root / relative).exists() or entry.problem:
        return replace(entry, absent=not_annotated((), ()))
    if layout.masks:
        present = in_order(set(layout.masks) & set(mask_files(root / relative)))
        ignored: tuple[str, ...] = ()
        relative = relative if present else ""
    else:
        ignored = layout.ignored
        present = annotated(layout.values, ignored)
    return replace(entry, labels=relative, present=present, ignored=ignored, absent=not_annotated(present, ignored))


def _labelled_frames(layout: Layout, entry: Entry, row: Mapping[str, str]) -> list[Entry]:
    """One case for each frame that the table says was drawn; `frames` is set when the header has been read."""
    assert layout.table is not None
    found = []
    for column, name in layout.table.frames.items():
        text = (row.get(column) or "").strip()
        if not re.fullmatch(r"\d+(\.0*)?", text):
            raise InputError(f"The table of {layout.title} does not say which frame of {entry.subject} is {name}.",
                             "Take the table as it was distributed, with a row for every person.")
        frame = int(float(text))
        found.append(replace(entry, id=f"{entry.id}_{name}", frame=frame, frames=frame + 1))
    return found


def _site(images: Images, layout: Layout, groups: Mapping[str, str], row: Mapping[str, str]) -> str:
    if images.site:
        return _filled(images.site, groups)
    columns = layout.table.site if layout.table else ()
    return " ".join(text for column in columns if (text := (row.get(column) or "").strip()))


def _filled(template: str, groups: Mapping[str, str]) -> str:
    return template.format_map(groups)


def file_name(text: str) -> str:
    """A text as a file's name."""
    return re.sub(r"[^\w.+-]+", "_", text).strip("_")


def _inside(root: Path, whole: str) -> str:
    """A path that starts with the root's own name, relative to the root."""
    return Path(os.path.relpath(root.resolve().parent / whole, root.resolve())).as_posix()
