"""What the cases of an evaluation say together, and how it is written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import replacing
from HeartSeg3DLib.notice import NOTE

from .hausdorff import Definition
from .pair import StructureScore

CASES_FILE = "cases.csv"
SUMMARY_FILE = "summary.json"


@dataclass(frozen=True)
class Evaluation:
    """All scores of an evaluation.

    Attributes:
        cases: Scores by case name; every case has the same structures in the same order.
        unmatched_predictions: Names of predictions without a reference.
        unmatched_references: Names of references without a prediction.
        failed: Why a matched pair could not be compared, by case name.
        ignored_labels: Predicted label values that no reference has, and in how many cases they occur.
        definition: Definition of HD95.
    """

    cases: Mapping[str, tuple[StructureScore, ...]]
    unmatched_predictions: tuple[str, ...] = ()
    unmatched_references: tuple[str, ...] = ()
    failed: Mapping[str, InputError] = field(default_factory=dict)
    ignored_labels: Mapping[int, int] | None = None
    definition: Definition = "max-of-directed"

    def structures(self) -> dict[str, dict[str, Any]]:
        """Return the figures of each structure by id.

        Means run over the `n` cases in which prediction or reference has the structure; of these,
        `n_missed` (Dice 0, HD95 = image diagonal) have it in the reference alone and `n_spurious` in the
        prediction alone. `n_not_applicable` cases have it in neither and count nowhere else.
        """
        by_structure: dict[str, list[StructureScore]] = {}
        for scores in self.cases.values():
            for score in scores:
                by_structure.setdefault(score.id, []).append(score)
        return {id: _figures(scores) for id, scores in by_structure.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        structures = self.structures()
        means = [figures["dice_mean"] for figures in structures.values() if figures["dice_mean"] is not None]
        return {
            "note": NOTE,
            "software": f"HeartSeg {__version__}",
            "hd95_definition": f"{self.definition}, mm; one mask empty: image diagonal; both empty: not applicable",
            "n_cases": len(self.cases),
            "mean_dice_over_structures": float(np.mean(means)) if means else None,
            "structures": structures,
            "unmatched_predictions": list(self.unmatched_predictions),
            "unmatched_references": list(self.unmatched_references),
            "failed": {case: str(error) for case, error in self.failed.items()},
            "predicted_labels_in_no_reference": {str(k): v for k, v in (self.ignored_labels or {}).items()},
        }

    def write(self, folder: Path) -> None:
        """Write `cases.csv` and `summary.json` into an existing folder.

        Raises:
            UsageError: The folder cannot be written.
        """
        files = {CASES_FILE: self._case_table(), SUMMARY_FILE: json.dumps(self.to_dict(), indent=2) + "\n"}
        for name, text in files.items():
            with replacing(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="")

    def _case_table(self) -> str:
        text = io.StringIO(newline="")
        table = csv.writer(text)
        columns = ["case", "structure", "label", "status", "dice", "hd95_mm"]
        table.writerow([*columns, "reference_volume_mL", "predicted_volume_mL"])
        for case, scores in self.cases.items():
            for score in scores:
                numbers = (score.dice, score.hd95_mm, score.reference_ml, score.predicted_ml)
                cells = ["NA" if number is None else f"{number:.6g}" for number in numbers]
                table.writerow([case, score.id, score.label, score.status, *cells])
        return text.getvalue()


def _figures(scores: Sequence[StructureScore]) -> dict[str, Any]:
    statuses = [score.status for score in scores]
    applicable = [score for score in scores if score.status != "not_applicable"]
    differences = [score.predicted_ml - score.reference_ml for score in applicable]
    return {
        "label": scores[0].label,
        "n": len(applicable),
        "n_missed": statuses.count("missed"),
        "n_spurious": statuses.count("spurious"),
        "n_not_applicable": statuses.count("not_applicable"),
        **_distribution("dice", [score.dice for score in applicable if score.dice is not None]),
        **_distribution("hd95_mm", [score.hd95_mm for score in applicable if score.hd95_mm is not None]),
        **_distribution("volume_difference_mL", differences),
    }


def _distribution(name: str, values: Sequence[float]) -> dict[str, float | None]:
    """Return mean, sample standard deviation and median; None where too few values."""
    return {
        f"{name}_mean": float(np.mean(values)) if values else None,
        f"{name}_sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        f"{name}_median": float(np.median(values)) if values else None,
    }
