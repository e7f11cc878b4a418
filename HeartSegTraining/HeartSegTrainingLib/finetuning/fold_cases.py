"""Who is learned from and who validates: the cases of a fold, after the index has been found sound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSegTrainingLib.datasets import Entry, Index, Store, StoredCase
from HeartSegTrainingLib.datasets.checking import contradictions
from HeartSegTrainingLib.datasets.splitting import sharing


@dataclass(frozen=True)
class FoldCases:
    """Cases of one run.

    Attributes:
        train: Labelled cases of the other folds, or of all folds where none is chosen.
        validate: Labelled cases of the chosen fold; empty where none is.
        notes: What a person should know about them.
    """

    train: list[Entry]
    validate: list[Entry]
    notes: tuple[str, ...] = ()


def folds_of(index: Index) -> list[int]:
    """Numbers of the folds in an index, ascending.

    Raises:
        UsageError: The index has not been split.
    """
    found = sorted({entry.fold for entry in index.entries if entry.fold is not None})
    if not found:
        raise UsageError(f"The index {index.path or ''} has not been split into folds.".replace("  ", " "),
                         "Run `heartseg index split` first.")
    return found


def fold_cases(index: Index, fold: int | None) -> FoldCases:
    """Cases to learn from and to validate on; test cases are never among them.

    Args:
        index: A split index.
        fold: Fold that validates; None learns from all folds.

    Raises:
        InputError: A person is in several splits.
        UsageError: The index has not been split, has no such fold, or nothing is left to learn from.
    """
    known = folds_of(index)
    if fold is not None and fold not in known:
        raise UsageError(f"The index has no fold {fold}.", f"It has the folds {', '.join(map(str, known))}.")
    if found := contradictions(index):
        more = f" ({len(found) - 1} more of this kind)" if len(found) > 1 else ""
        raise InputError(f"{found[0].sentence}{more}", found[0].remedy)
    learning = [entry for entry in index.entries
                if entry.usable and entry.present and entry.split == "train" and entry.fold is not None]
    train = [entry for entry in learning if entry.fold != fold]
    if not train:
        raise UsageError("Outside the chosen fold there is no labelled case to learn from.",
                         "Split the index into more folds, or add cases.")
    return FoldCases(train, [entry for entry in learning if entry.fold == fold], _notes(index, train))


def stored_cases(store: Path, entries: Sequence[Entry], spacing_mm: float) -> dict[str, StoredCase]:
    """The prepared cases by id.

    Args:
        store: Folder of the store.
        entries: Cases that are needed.
        spacing_mm: Voxel size that the run works at.

    Raises:
        InputError: There is no such store.
        UsageError: It was prepared at another spacing, a case is not in it, or was prepared from other labels.
    """
    spacing = Store(store).settings().spacing
    if abs(spacing - spacing_mm) > 1e-6:
        kept = f"at {spacing:g} mm" if spacing else "on each image's own grid"
        raise UsageError(f"The store {store} was prepared {kept}, and the job works at {spacing_mm:g} mm.",
                         f"Set spacing in [data], or prepare a store with --spacing {spacing_mm:g}.")
    known = Store(store).cases()
    missing = [entry.id for entry in entries if entry.id not in known]
    if missing:
        raise UsageError(f"{len(missing)} of {len(entries)} cases are not in the store {store} (the first is "
                         f"{missing[0]}).", "Prepare them with `heartseg index preprocess`, or leave them out.")
    for entry in entries:
        case = known[entry.id]
        if not case.labelled or (case.present, case.absent, case.ignored) != (
                entry.present, entry.absent, entry.ignored):
            raise UsageError(f"The store {store} holds {entry.id} with other labels than the index.",
                             "Run `heartseg index preprocess` again; only what changed is made anew.")
    return {entry.id: known[entry.id] for entry in entries}


def fingerprint_of(cases: FoldCases, stored: dict[str, StoredCase], structures: Sequence[str]) -> str:
    """SHA-256 of what a run learns from and validates on: which cases, made from which files, which structures."""
    said = [[stored[entry.id].id, stored[entry.id].made_from, part]
            for part, entries in (("train", cases.train), ("validate", cases.validate)) for entry in entries]
    return hashlib.sha256(json.dumps([sorted(said), list(structures)]).encode()).hexdigest()


def _notes(index: Index, train: Sequence[Entry]) -> tuple[str, ...]:
    tested = {entry.dataset for entry in index.entries if entry.split == "test"}
    learned = sorted({entry.dataset for entry in train})
    found = []
    for name in learned:
        if others := sorted((tested - {name}) & sharing(name, index.datasets)):
            found.append(f"{name} is learned from and shares people with {', '.join(others)}, which has test cases: "
                         "figures of those tests would be too good.")
    return tuple(found)
