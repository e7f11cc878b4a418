"""Scores of a folder of predictions against a folder of references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import read_labels, refuse_file_in_the_way

from .hausdorff import Definition
from .pair import StructureScore, evaluate_pair
from .summary import CASES_FILE, SUMMARY_FILE, Evaluation

_SUFFIXES = (".nii.gz", ".seg.nrrd", ".nii", ".nrrd", ".mha", ".mhd")


def evaluate_folders(
    prediction: Path,
    reference: Path,
    output: Path,
    *,
    labels: Sequence[int] | None = None,
    scheme: str | Path | None = None,
    definition: Definition = "max-of-directed",
    force: bool = False,
) -> Evaluation:
    """Score every prediction that has a reference of the same name, and write the tables.

    Files match by their name without suffix: `case1.nii.gz` and `case1.seg.nrrd` are one pair.

    Args:
        prediction: Folder of predicted label maps.
        reference: Folder of reference label maps.
        output: Folder for `cases.csv` and `summary.json`; made if it does not exist.
        labels: Label values to score; by default those that occur in at least one reference, so that a
            structure which the data set never draws does not count against the prediction.
        scheme: Label scheme of the references, see `HeartSeg3DLib.imaging.read_labels`.
        definition: Definition of HD95, see `hd95`.
        force: Replace the tables of an earlier evaluation.

    Raises:
        InputError: A folder is missing or ambiguous, no file matches, or no pair can be compared.
        UsageError: The output exists, or cannot be written.
    """
    _check_output(output, force)
    predictions, references = _label_maps(prediction), _label_maps(reference)
    matched = sorted(predictions.keys() & references.keys())
    if not matched:
        raise InputError(
            f"No file of '{prediction}' has the name of a file of '{reference}' ({_first(predictions)}; "
            f"{_first(references)}).",
            "Name prediction and reference of a case alike, apart from the suffix.",
        )
    scores: dict[str, tuple[StructureScore, ...]] = {}
    failed: dict[str, InputError] = {}
    for case in matched:
        try:
            pair = read_labels(predictions[case]), read_labels(references[case], scheme)
            scores[case] = evaluate_pair(*pair, definition=definition)
        except InputError as error:
            failed[case] = error
    if not scores:
        first = failed[matched[0]]
        raise InputError(f"No pair of label maps can be compared. {matched[0]}: {first.message}", first.remedy)
    wanted = sorted(set(labels) if labels is not None else _labels_of_references(scores.values()))
    evaluation = Evaluation(
        cases={case: tuple(_scores_for(wanted, found)) for case, found in scores.items()},
        unmatched_predictions=tuple(sorted(predictions.keys() - references.keys())),
        unmatched_references=tuple(sorted(references.keys() - predictions.keys())),
        failed=failed,
        ignored_labels=Counter(s.label for found in scores.values() for s in found if s.label not in wanted),
        definition=definition,
    )
    evaluation.write(output)
    return evaluation


def _check_output(output: Path, force: bool) -> None:
    refuse_file_in_the_way(output)
    existing = [name for name in (CASES_FILE, SUMMARY_FILE) if (output / name).exists()]
    if existing and not force:
        raise UsageError(f"'{output / existing[0]}' exists already.", "Choose another folder, or use --force.")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The folder '{output}' cannot be made: {error.strerror}.", "Choose a writable place."
        ) from error


def _label_maps(folder: Path) -> dict[str, Path]:
    """Return the label maps directly in a folder by name without suffix."""
    if not folder.is_dir():
        raise InputError(f"'{folder}' is not a folder.", "Give a folder of label maps.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((suffix for suffix in _SUFFIXES if path.name.lower().endswith(suffix)), None)
        if suffix is None or path.name.startswith(".") or not path.is_file():
            continue
        name = path.name[: -len(suffix)]
        if name in found:
            raise InputError(
                f"'{found[name].name}' and '{path.name}' are two label maps of the same case.", "Keep one of them."
            )
        found[name] = path
    if not found:
        raise InputError(f"'{folder}' has no label maps.", f"Give a folder of {', '.join(_SUFFIXES)} files.")
    return found


def _first(files: dict[str, Path]) -> str:
    return f"for example {next(iter(files.values())).name}"


def _labels_of_references(cases: Iterable[tuple[StructureScore, ...]]) -> set[int]:
    return {score.label for scores in cases for score in scores if score.status in ("scored", "missed")}


def _scores_for(labels: Sequence[int], scores: tuple[StructureScore, ...]) -> Iterable[StructureScore]:
    """Return one score a label; a label that neither map has is not applicable."""
    by_label = {score.label: score for score in scores}
    return (by_label.get(v) or StructureScore(v, "not_applicable", None, None, 0.0, 0.0) for v in labels)
