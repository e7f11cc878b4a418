"""Makes an index: headers read, label values checked, what is broken put aside with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging.schemes import value_table

from .entry import Entry
from .index import DatasetRecord, Index
from .label_maps import UnknownLabelError, read_case_labels, structures_in
from .layout import BACKGROUND, Layout, not_annotated
from .probing import ImageFacts, checksum, dicom_stacks, file_facts
from .quarantine import Quarantined
from .same_grid import refuse_other_grid
from .scanning import found_cases

Progress = Callable[[float, str], None]


@dataclass
class Built:
    """A new index and what is to be told about it.

    Attributes:
        index: The cases that can be used, and those that are known to be unusable as distributed.
        quarantined: Cases that are broken.
        empty: Ids of cases whose label map holds nothing; they count as images without labels.
    """

    index: Index
    quarantined: list[Quarantined] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def build_index(root: Path, layout: Layout, *, values: Path | None = None, quick: bool = False,
                progress: Progress = lambda fraction, stage: None) -> Built:
    """Indexes a data set as it was distributed.

    Args:
        root: The download, or a folder above it.
        layout: Its layout.
        values: CSV table (value,structure) with meanings beside those of the layout.
        quick: Read headers only: no label values, no checksums.
        progress: Told the fraction done and the case at hand; what it raises ends the work.

    Raises:
        InputError: Nothing of this layout is there, or a label value has no meaning.
    """
    if values is not None:
        layout = replace(layout, values={**layout.values, **meanings(values)})
    cases = found_cases(root, layout)
    return completed(cases, layout.record(root.absolute().as_posix()), quick=quick, progress=progress)


def meanings(table: Path) -> dict[int, str]:
    """Value to the id of a structure or background, from a CSV table.

    Raises:
        UsageError, InputError: The table is missing or has errors.
    """
    return {value: STRUCTURES[meaning].id if meaning else BACKGROUND
            for value, meaning in value_table(table).items() if value}


def completed(cases: Iterable[Entry], record: DatasetRecord, *, quick: bool = False,
              progress: Progress = lambda fraction, stage: None) -> Built:
    """Reads what headers tell about found cases; the arguments are those of `build_index`.

    Raises:
        InputError: A label value has no meaning, or two images have one name.
    """
    cases = list(cases)
    built = Built(Index([], {record.name: record}))
    taken: dict[str, str] = {}
    for number, case in enumerate(cases):
        progress(number / len(cases), f"Case {number + 1} of {len(cases)}")
        try:
            entries = list(_read(case, built, quick))
        except UnknownLabelError:
            raise
        except InputError as error:
            built.quarantined.append(Quarantined(case.id, case.path, error.message, error.remedy))
            continue
        for entry in entries:
            if entry.id in taken:
                raise InputError(f"Two images of {record.name} have the same name {entry.id}: {taken[entry.id]} and "
                                 f"{entry.path}.", "Index one copy of the data set at a time.")
            taken[entry.id] = entry.path
            built.index.entries.append(entry)
    return built


def _read(case: Entry, built: Built, quick: bool) -> Iterator[Entry]:
    if not case.usable:
        yield case
        return
    path = built.index.image(case)
    if path.is_dir():
        yield from _dicom_cases(case, path, built, quick)
        return
    facts = file_facts(path)
    entry = _with_facts(case, facts, "" if quick else checksum(path))
    for extra in entry.more_channels:
        other = file_facts(built.index.root(entry.dataset) / extra)
        refuse_other_grid(facts, other, extra)
    yield _with_labels(entry, facts, built, quick) if entry.labels else entry


def _dicom_cases(case: Entry, folder: Path, built: Built, quick: bool) -> Iterator[Entry]:
    stacks = dicom_stacks(folder)
    usable = [(info, facts) for info, facts in stacks if facts is not None]
    for info, facts in stacks:
        if facts is None:
            built.quarantined.append(Quarantined(f"{case.id}_{info.number}", case.path, f"The stack {info}.",
                                                 "Nothing to do, unless files of it are missing."))
    digest = "" if quick or not usable else checksum(folder)
    for info, facts in usable:
        name = case.id if len(usable) == 1 else f"{case.id}_{info.number}"
        own = digest if len(usable) == 1 or not digest else f"{digest}:{facts.series}"
        yield _with_facts(replace(case, id=name, series=facts.series), facts, own)


def _with_facts(case: Entry, facts: ImageFacts, digest: str) -> Entry:
    if case.frame is not None and case.frame >= facts.frames:
        raise InputError(f"{case.path} has {facts.frames} frames, and the data set's table names frame {case.frame}.",
                         "Compare the table with the image.")
    return replace(case, shape=facts.shape, spacing=facts.spacing, orientation=facts.orientation, frames=facts.frames,
                   checksum=digest)


def _with_labels(entry: Entry, facts: ImageFacts, built: Built, quick: bool) -> Entry:
    record, path = built.index.datasets[entry.dataset], built.index.labels(entry)
    assert path is not None
    if not path.is_dir():
        refuse_other_grid(facts, file_facts(path), path.name)
    if quick:
        return entry
    labels = read_case_labels(entry, record, path)
    if tuple(labels.GetSize()) != facts.shape:
        raise InputError(f"The label map {path.name} does not lie on its image's grid.", "Download both again.")
    if not structures_in(labels) and not entry.ignored:
        built.empty.append(entry.id)
        return replace(entry, labels="", present=(), absent=not_annotated((), ()))
    return replace(entry, labels_checksum=checksum(path))
