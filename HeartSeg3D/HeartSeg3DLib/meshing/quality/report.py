"""Verdicts and figures of a mesh, ready to be written as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Check:
    """One figure held against its limit.

    Attributes:
        name: What is checked, a phrase that a person understands.
        value: Worst figure found.
        limit: What it may be at most, or at least.
        passed: Whether it is.
        hard: Whether a mesh that fails is unfit for use; other checks are aims.
        where: Names or labels that fail.
    """

    name: str
    value: float
    limit: float
    passed: bool
    hard: bool
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeshReport:
    """Result of the independent checks of one mesh.

    Attributes:
        kind: "surface" or "tetrahedra".
        checks: All verdicts, hard ones first.
        whole: Figures of the whole mesh.
        labels: Figures by label value.
    """

    kind: str
    checks: tuple[Check, ...]
    whole: Mapping[str, object]
    labels: Mapping[int, Mapping[str, object]] = field(default_factory=dict)

    @property
    def fit_for_use(self) -> bool:
        """Whether every hard check passed."""
        return all(check.passed for check in self.checks if check.hard)

    @property
    def failures(self) -> tuple[Check, ...]:
        """Hard checks that failed."""
        return tuple(check for check in self.checks if check.hard and not check.passed)

    @property
    def missed_aims(self) -> tuple[Check, ...]:
        """Aims that were missed."""
        return tuple(check for check in self.checks if not check.hard and not check.passed)

    @property
    def written(self) -> tuple[int, ...]:
        """Labels that are written; all that have figures, where nobody said which."""
        entry = self.whole.get("written")
        return tuple(entry["labels"]) if isinstance(entry, Mapping) else tuple(self.labels)

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain numbers, texts, lists and dictionaries."""
        return {
            "kind": self.kind,
            "fit_for_use": self.fit_for_use,
            "checks": [asdict(check) for check in self.checks],
            "whole": dict(self.whole),
            "labels": {str(value): dict(figures) for value, figures in self.labels.items()},
        }

    def to_json(self) -> str:
        """Return the report as JSON text; a figure that is no number raises a ValueError."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"


def at_most(name: str, figures: Mapping[str, float], limit: float, *, hard: bool = False) -> Check:
    """Hold the largest of the figures, by where they were found, against a limit."""
    failing = tuple(place for place, value in figures.items() if not value <= limit)
    return Check(name, max(figures.values(), default=0.0), limit, not failing, hard, failing)


def at_least(name: str, figures: Mapping[str, float], limit: float, *, hard: bool = False) -> Check:
    """Hold the smallest of the figures, by where they were found, against a limit."""
    failing = tuple(place for place, value in figures.items() if not value >= limit)
    return Check(name, min(figures.values(), default=0.0), limit, not failing, hard, failing)
