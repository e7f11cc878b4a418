"""Folds that keep people whole, and the guard that keeps test people out of pretraining."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from HeartSeg3DLib.errors import UsageError

from .entry import Entry
from .index import DatasetRecord, Index
from .people import Group, grouped


@dataclass(frozen=True)
class SplitRequest:
    """How to split.

    Attributes:
        folds: Number of folds, two or more.
        seed: The same seed and the same cases give the same folds, in whatever order.
        by: "subject" spreads every hospital's people over all folds, "site" keeps each hospital in one fold.
        hold_out: Data sets that are for testing alone.
    """

    folds: int = 5
    seed: int = 0
    by: str = "subject"
    hold_out: tuple[str, ...] = ()


@dataclass
class SplitReport:
    """What a split came to.

    Attributes:
        fold_cases: Labelled cases that validate in each fold.
        test_cases: Cases that are for testing.
        unlabelled: Cases without labels that no fold needs.
        moved: Ids of cases that were not for testing as distributed and are now, because their person is.
        kept_out: Reason to the number of cases that pretraining must not see.
        shared: Sentences about data sets that share people with one that has test cases.
    """

    fold_cases: list[int]
    test_cases: int = 0
    unlabelled: int = 0
    moved: list[str] = field(default_factory=list)
    kept_out: dict[str, int] = field(default_factory=dict)
    shared: list[str] = field(default_factory=list)


def split_index(index: Index, request: SplitRequest) -> tuple[Index, SplitReport]:
    """Assigns every case to test, to a fold, or to learning without labels.

    Whoever is for testing as distributed stays so, together with every image of the person and every copy of the image
    in other data sets. All others may be learned from; those with labels get a fold, and where nobody has labels there
    are no folds: such an index is for pretraining.

    Raises:
        UsageError: A data set to hold out is not in the index, or there are fewer people or hospitals than folds.
    """
    _check(index, request)
    groups = grouped(index.entries)
    testing = [group for group in groups if _for_testing(group, request)]
    learning = [group for group in groups if not _for_testing(group, request)]
    labelled = [group for group in learning if any(entry.present and entry.usable for entry in group.entries)]
    make_folds = _folds_by_site if request.by == "site" else _folds_by_subject
    folds = make_folds(labelled, request) if labelled else {}
    report = SplitReport([0] * request.folds if labelled else [])
    assigned: dict[str, Entry] = {}
    for group in testing:
        for entry in group.entries:
            assigned[entry.id] = replace(entry, split="test", fold=None)
            if entry.split != "test" and entry.dataset not in request.hold_out:
                report.moved.append(entry.id)
    for group in learning:
        fold = folds.get(group.key)
        for entry in group.entries:
            own = fold if entry.present and entry.usable else None
            assigned[entry.id] = replace(entry, split="train", fold=own)
            if own is not None:
                report.fold_cases[own] += 1
    guarded = guard(index.with_entries(assigned[entry.id] for entry in index.entries), report)
    report.test_cases = sum(entry.split == "test" for entry in guarded.entries)
    report.unlabelled = sum(entry.split == "train" and entry.fold is None for entry in guarded.entries)
    said = f"{request.folds} folds by {request.by}, seed {request.seed}" if labelled else "no folds: nobody has labels"
    guarded.note = said + (
        f", held out: {', '.join(request.hold_out)}" if request.hold_out else "")
    return guarded, report


def guard(index: Index, report: SplitReport) -> Index:
    """Marks what pretraining must not see: test cases, and data sets that share people with one that has some.

    Which cases of two overlapping data sets show one person is not published, so the whole data set is kept out.
    """
    tested = {entry.dataset for entry in index.entries if entry.split == "test"}
    reasons = {name: f"{name} shares people with {', '.join(others)}, which has test cases"
               for name in index.datasets if (others := sorted((tested - {name}) & sharing(name, index.datasets)))}
    report.shared = sorted(reasons.values())
    marked = []
    for entry in index.entries:
        reason = "it is for testing" if entry.split == "test" else reasons.get(entry.dataset, "")
        marked.append(replace(entry, kept_from_pretraining=reason))
    report.kept_out = dict(Counter(entry.kept_from_pretraining for entry in marked if entry.kept_from_pretraining))
    return index.with_entries(marked)


def sharing(name: str, datasets: Mapping[str, DatasetRecord]) -> set[str]:
    """Data sets of the index that share people with one of them, whichever of the two says so."""
    return {other for other, record in datasets.items()
            if other != name and (name in record.overlaps or other in datasets[name].overlaps)}


def pretraining_cases(index: Index, fold: int | None = None) -> list[Entry]:
    """Cases that may be learned from without labels.

    Args:
        index: A split index.
        fold: Leave out who validates in this fold, too, so that its figures are of people never seen: every image of
            them, copies in other data sets, and data sets that share people with those they are of.

    Raises:
        UsageError: The index has not been split, or has no such fold.
    """
    if not any(entry.split for entry in index.entries) or not index.note:
        raise UsageError("The index has not been split, so nobody is kept out of pretraining.",
                         "Run `heartseg index split` first.")
    allowed = [entry for entry in index.entries if entry.usable and not entry.kept_from_pretraining]
    if fold is None:
        return allowed
    people, datasets = _validating(index, fold)
    return [entry for entry in allowed if entry.id not in people and entry.dataset not in datasets]


def _validating(index: Index, fold: int) -> tuple[set[str], set[str]]:
    """Ids of all images of the people who validate in a fold, and names of data sets that share people with theirs.

    Who of two overlapping data sets is who is not published, as in `guard`.
    """
    known = sorted({entry.fold for entry in index.entries if entry.fold is not None})
    if fold not in known:
        raise UsageError(f"The index has no fold {fold}.", f"It has the folds {', '.join(map(str, known))}."
                         if known else "No case of it has labels and a fold: leave fold out.")
    groups = [group for group in grouped(index.entries) if any(entry.fold == fold for entry in group.entries)]
    validating = {entry.dataset for group in groups for entry in group.entries if entry.fold == fold}
    return ({entry.id for group in groups for entry in group.entries},
            set().union(*(sharing(name, index.datasets) for name in validating)))


def _check(index: Index, request: SplitRequest) -> None:
    if request.folds < 2:
        raise UsageError(f"{request.folds} folds are not enough.", "Use 2 or more; 5 is usual.")
    if request.by not in ("subject", "site"):
        raise UsageError(f"Cases cannot be split by {request.by}.", "Use subject or site.")
    unknown = sorted(set(request.hold_out) - set(index.datasets))
    if unknown:
        raise UsageError(f"The index has no data set {', '.join(unknown)}.",
                         f"It has {', '.join(sorted(index.datasets))}.")


def _for_testing(group: Group, request: SplitRequest) -> bool:
    return any(entry.split == "test" or entry.dataset in request.hold_out for entry in group.entries)


def _folds_by_subject(groups: Sequence[Group], request: SplitRequest) -> dict[str, int]:
    """People of each hospital are shuffled by the seed and dealt to the folds like cards."""
    if len(groups) < request.folds:
        raise UsageError(f"{len(groups)} people with labels cannot make {request.folds} folds.",
                         f"Use --folds with at most {len(groups)}, or add cases." if len(groups) > 1 else "Add cases.")
    ordered = sorted(groups, key=lambda group: (_hospital(group), _shuffled(group.key, request.seed)))
    return {group.key: place % request.folds for place, group in enumerate(ordered)}


def _folds_by_site(groups: Sequence[Group], request: SplitRequest) -> dict[str, int]:
    """Hospitals, the largest first, each to the fold with the fewest people so far."""
    hospitals: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        hospitals.setdefault(_hospital(group), []).append(group)
    if len(hospitals) < request.folds:
        raise UsageError(f"{len(hospitals)} hospitals cannot make {request.folds} folds.",
                         "Use fewer folds, or split by subject; where no hospital is known a data set counts as one.")
    sizes, folds = [0] * request.folds, {}
    for hospital in sorted(hospitals, key=lambda one: (-len(hospitals[one]), _shuffled(str(one), request.seed))):
        fold = sizes.index(min(sizes))
        sizes[fold] += len(hospitals[hospital])
        folds.update({group.key: fold for group in hospitals[hospital]})
    return folds


def _hospital(group: Group) -> tuple[str, ...]:
    entry = next((one for one in group.entries if one.present), group.entries[0])
    return entry.dataset, entry.site


def _shuffled(key: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()
