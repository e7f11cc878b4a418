"""What is wrong with an index, and what a person should know before using it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from HeartSeg3DLib.errors import InputError

from .building import Progress
from .entry import Entry
from .index import Index
from .label_maps import read_case_labels, structures_in
from .people import copies
from .probing import checksum, file_facts, read_frame
from .quarantine import Quarantined
from .same_grid import refuse_labels_of_other_grid
from .splitting import sharing

_EVERY = 200
"""Cases between two reports of progress where only names are looked up."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: "broken" (the case can be put aside), "error" (the index contradicts itself) or "note".
        about: Id of the case, or name of the data set.
        sentence: What it is.
        remedy: What to do.
    """

    kind: str
    about: str
    sentence: str
    remedy: str


def check_index(index: Index, *, voxels: bool = False, checksums: bool = False,
                progress: Progress = lambda fraction, stage: None) -> list[Finding]:
    """Checks files, people, labels and licences.

    Args:
        index: The index.
        voxels: Read every image and label map whole, instead of looking whether the files are there.
        checksums: Compare the files with the checksums that were taken when the index was built.
        progress: Told the fraction done; what it raises ends the work.
    """
    found = [*_people(index), *_orientations(index), *_datasets(index)]
    every = 1 if voxels or checksums else _EVERY
    for number, entry in enumerate(index.entries):
        if number % every == 0:
            progress(number / len(index.entries), f"Case {number + 1} of {len(index.entries)}")
        if entry.usable:
            found += _files(index, entry, voxels, checksums)
    return found


def put_aside(index: Index, findings: list[Finding]) -> tuple[Index, list[Quarantined]]:
    """The index without its broken cases, and these with the first reason of each."""
    broken: dict[str, Finding] = {}
    for finding in findings:
        if finding.kind == "broken":
            broken.setdefault(finding.about, finding)
    aside = [Quarantined(entry.id, entry.path, broken[entry.id].sentence, broken[entry.id].remedy)
             for entry in index.entries if entry.id in broken]
    return index.with_entries(entry for entry in index.entries if entry.id not in broken), aside


def contradictions(index: Index) -> list[Finding]:
    """People or copies of an image in several splits: what would be learned from and tested on at once."""
    return [finding for finding in _people(index) if finding.kind == "error"]


def _files(index: Index, entry: Entry, voxels: bool, checksums: bool) -> Iterator[Finding]:
    image, labels = index.image(entry), index.labels(entry)
    root = index.root(entry.dataset)
    for path in (image, *(root / extra for extra in entry.more_channels), *([labels] if labels else [])):
        if not path.exists():
            yield Finding("broken", entry.id, f"{path.name} is missing.",
                          "Copy it back, or correct the data set's folder in the first line of the index.")
            return
    if checksums and (altered := _altered(index, entry)):
        yield Finding("broken", entry.id, f"{altered} is not the file that was indexed: its checksum differs.",
                      "Copy the original back, or build the index again.")
    if voxels:
        try:
            _read_whole(index, entry)
        except InputError as error:
            yield Finding("broken", entry.id, error.message, error.remedy)


def _altered(index: Index, entry: Entry) -> str:
    """Name of the first file whose checksum differs, empty where all agree."""
    image, labels = index.image(entry), index.labels(entry)
    if entry.checksum and checksum(image) != entry.checksum.partition(":")[0]:
        return image.name
    return labels.name if labels and entry.labels_checksum and checksum(labels) != entry.labels_checksum else ""


def _read_whole(index: Index, entry: Entry) -> None:
    """Reads image and labels as preprocessing does.

    Raises:
        InputError: One cannot be read, they do not fit together or are turned against each other, or a value is unknown
            or not among the structures that the case says were annotated.
    """
    path = index.image(entry)
    image = read_frame(path, entry.series, entry.frame)
    if entry.shape and tuple(image.GetSize()) != entry.shape:
        raise InputError(f"{path.name} has {list(image.GetSize())} voxels, and the index says {list(entry.shape)}.",
                         "Build the index again.")
    for extra in entry.more_channels:
        file_facts(index.root(entry.dataset) / extra)
    if labels := index.labels(entry):
        refuse_labels_of_other_grid(path, labels)
        drawn = read_case_labels(entry, index.datasets[entry.dataset], labels)
        if drawn.GetSize() != image.GetSize():
            raise InputError(f"The label map {labels.name} does not lie on its image's grid.", "Download both again.")
        others = set(structures_in(drawn)) - set(entry.present) - set(entry.ignored)
        if others:
            raise InputError(f"{labels.name} shows {', '.join(sorted(others))}, which the case does not list as "
                             "annotated.", "Build the index again.")


def _people(index: Index) -> Iterator[Finding]:
    splits: dict[tuple[str, str], set[str]] = {}
    for entry in index.entries:
        place = entry.split if entry.fold is None else f"fold {entry.fold}"
        splits.setdefault(entry.person, set()).add("" if entry.split == "train" and entry.fold is None else place)
    for (dataset, subject), places in splits.items():
        if len(places - {""}) > 1 or ("test" in places and len(places) > 1):
            yield Finding("error", f"{dataset}/{subject}", f"{subject} of {dataset} is in several splits "
                          f"({', '.join(sorted(places - {''}) or ['test'])}), so what is learned would be tested on.",
                          "Split the index again with `heartseg index split`.")
    for same in copies(index.entries):
        names = ", ".join(entry.id for entry in same)
        apart = len({(entry.split, entry.fold) for entry in same}) > 1
        yield Finding("error" if apart else "note", same[0].id, f"{names} are one and the same image"
                      f"{', in different splits' if apart else ''}.", "Split the index again; copies stay together."
                      if apart else "Nothing to do: splitting keeps copies together.")


def _orientations(index: Index) -> Iterator[Finding]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for entry in index.entries:
        if entry.shape and not entry.series:
            counts.setdefault((entry.dataset, entry.sequence), Counter())[entry.orientation or "not stated"] += 1
    for (dataset, sequence), kinds in counts.items():
        if len(kinds) > 1:
            said = ", ".join(f"{kind}: {number}" for kind, number in kinds.most_common())
            yield Finding("note", dataset, f"The {sequence} images of {dataset} have mixed orientations ({said}).",
                          "Preprocessing turns all of them to one orientation; those that state none stay as stored.")


def _datasets(index: Index) -> Iterator[Finding]:
    tested = {entry.dataset for entry in index.entries if entry.split == "test"}
    for name, record in index.datasets.items():
        if not record.verified:
            yield Finding("note", name, f"The layout of {name} is unverified: it was not read from a source.",
                          "Compare some cases with their labels by eye before you use them.")
        if record.commercial is not True:
            what = "forbids commercial use" if record.commercial is False else "is not known to allow commercial use"
            yield Finding("note", name, f"The licence of {name} ({record.licence}) {what}.",
                          "A model that learns from it inherits this question; ask whoever answers for licences.")
        others = sorted((tested - {name}) & sharing(name, index.datasets))
        if others:
            yield Finding("note", name, f"{name} shares people with {', '.join(others)}, which has test cases.",
                          "It is kept out of pretraining; leave it out of fine-tuning, too, if you report those tests.")
    unusable = Counter(entry.dataset for entry in index.entries if not entry.usable)
    for name, number in unusable.items():
        problem = next(entry.problem for entry in index.entries if entry.dataset == name and not entry.usable)
        what, _, remedy = problem.partition(". ")
        yield Finding("note", name, f"{number} cases of {name} cannot be used as distributed: {what}.",
                      remedy or "Nothing to do.")
