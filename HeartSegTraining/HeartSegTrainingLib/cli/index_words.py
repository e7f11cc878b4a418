"""What `heartseg index` says about findings and splits."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from HeartSeg3DLib.cli.command_run import CommandRun

if TYPE_CHECKING:
    from HeartSegTrainingLib.datasets import Finding, Index, SplitReport

_SHOWN = 10


def say_findings(run: CommandRun, findings: list[Finding], cases: int, aside: int) -> None:
    """Print errors and broken cases to stderr, notes to stdout, each kind of remedy once."""
    bad = [finding for finding in findings if finding.kind != "note"]
    for finding in bad[:_SHOWN]:
        run.warn(f"{finding.sentence} {finding.remedy}", finding.about)
    if len(bad) > _SHOWN:
        run.warn(f"{len(bad) - _SHOWN} more like these; --json lists all.")
    notes: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        if finding.kind == "note":
            notes[finding.remedy].append(finding.sentence)
    for remedy, sentences in notes.items():
        for sentence in sentences[:_SHOWN]:
            run.say(sentence)
        if len(sentences) > _SHOWN:
            run.say(f"{len(sentences) - _SHOWN} more like these.")
        run.say(f"  {remedy}")
    broken = len({finding.about for finding in findings if finding.kind == "broken"})
    errors = sum(finding.kind == "error" for finding in findings)
    moved = f" ({aside} moved to quarantine.jsonl)" if aside else ""
    run.say(f"{cases} cases checked: {broken} broken{moved}, {errors} contradictions.")


def say_split(run: CommandRun, report: SplitReport, index: Index, out: Path) -> None:
    """Print the folds, who was moved to testing, and what pretraining must not see."""
    if report.fold_cases:
        run.table({"Fold": "left", "Cases that validate": "right"},
                  [(str(fold), str(number)) for fold, number in enumerate(report.fold_cases)])
    else:
        run.say("Nobody has labels, so there are no folds: this index is for pretraining.")
    run.say(f"{report.test_cases} cases for testing, {report.unlabelled} without labels for pretraining alone: {out}")
    if report.moved:
        run.say(f"{len(report.moved)} cases went to testing with their person ({', '.join(report.moved[:3])}).")
    for sentence in report.shared:
        run.warn(f"{sentence}: the whole of it is kept out of pretraining.")
    for reason, number in sorted(report.kept_out.items()):
        run.say(f"Kept out of pretraining: {number} cases, because {reason}.")
    free = sum(entry.usable and not entry.kept_from_pretraining for entry in index.entries)
    run.say(f"{free} cases may be pretrained on.")
    run.report({"index": str(out), "note": index.note, "fold_cases": report.fold_cases,
                "test_cases": report.test_cases, "unlabelled": report.unlabelled, "moved_to_testing": report.moved,
                "kept_out_of_pretraining": report.kept_out, "shared_people": report.shared, "pretraining_cases": free})
