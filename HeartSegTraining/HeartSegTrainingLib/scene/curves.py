"""The curves of a job, from its metrics.csv alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from HeartSeg3DLib.scene.text import _

Columns = Mapping[str, tuple[float, ...]]
"""Figures of a job by their names in metrics.csv, as many each as there are lines; NaN where a line says nothing."""


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: For the legend.
        steps: Training steps.
        values: What was measured there, as many.
    """

    name: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """Curves with a common axis.

    Attributes:
        title: What is shown.
        curves: One or more.
        whole: Whether values lie between 0 and 1, so that the axis shows all of that.
    """

    title: str
    curves: tuple[Curve, ...]
    whole: bool = False


def read_columns(folder: Path) -> Columns:
    """Read metrics.csv of a job folder; empty before its first line."""
    from HeartSegTrainingLib.jobs.curves import read_curves  # needs a package that Slicer may lack
    from HeartSegTrainingLib.jobs.job_folder import JobFolder

    if not folder.is_dir():
        return {}
    rows = read_curves(JobFolder(folder))
    names = list(rows[0]) if rows else []
    return {name: tuple(_number(row[name]) for row in rows) for name in names}


def loss_chart(columns: Columns) -> Chart | None:
    """Return the loss, None before there is one."""
    return _chart(_("Loss"), [_curve(columns, "loss", _("training"))])


def quality_chart(columns: Columns) -> Chart | None:
    """Return what tells whether the training is any good, None before there is something.

    That is Dice for fine-tuning, on what is learned from and on cases that are not. Of training without labels it is
    the Dice of a simple classifier on its features, or without one how far apart images lie (0 is a collapse) and how
    sure the teacher is (1 is not at all).
    """
    dice = _chart("Dice", [_mean_curve(columns, "dice_", _("training")), _curve(columns, "val_dice", _("validation")),
                           _curve(columns, "probe_dice", _("probe"))], whole=True)
    if dice is not None:
        return dice
    return _chart(_("Features"), [_curve(columns, "spread", _("spread")), _curve(columns, "entropy", _("entropy"))],
                  whole=True)


def _chart(title: str, curves: Iterable[Curve | None], *, whole: bool = False) -> Chart | None:
    known = tuple(curve for curve in curves if curve is not None)
    return Chart(title, known, whole) if known else None


def _curve(columns: Columns, name: str, title: str) -> Curve | None:
    return _without_gaps(columns, title, columns.get(name, ()))


def _mean_curve(columns: Columns, prefix: str, title: str) -> Curve | None:
    """Return the mean of `dice_1`, `dice_2` and so on, line by line, over those that say something."""
    chosen = [values for name, values in columns.items()
              if name.startswith(prefix) and name.removeprefix(prefix).isdigit()]
    means = []
    for line in zip(*chosen, strict=True):
        known = [value for value in line if math.isfinite(value)]
        means.append(sum(known) / len(known) if known else math.nan)
    return _without_gaps(columns, title, tuple(means))


def _without_gaps(columns: Columns, title: str, values: tuple[float, ...]) -> Curve | None:
    points = [(step, value) for step, value in zip(columns.get("step", ()), values, strict=False)
              if math.isfinite(value)]
    if not points:
        return None
    steps, known = zip(*points, strict=True)
    return Curve(title, steps, known)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
