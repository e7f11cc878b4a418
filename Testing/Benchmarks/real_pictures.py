"""A page of slices for each real scan: what the model drew in color, what the reference says in white."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import SimpleITK as sitk
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART

_PAGE, _BRIGHT, _QUIET = "#0e1116", "#f0f2f5", "#949fad"
_MARGIN_MM = 22.0
_TILES, _COLUMNS = 12, 6
_ALL_COLUMNS, _BEYOND = 9, 3
"""Of a scan without a reference, which an eye has to judge, every slice is drawn, and three beyond both ends."""


def draw_slices(path: Path, image: sitk.Image, labels: sitk.Image, reference: sitk.Image | None,
                title: str, dice: Mapping[str, float]) -> None:
    """Write a page of slices along the stack, apex or feet first, as a JPEG: 12, or all where nothing is to compare.

    Args:
        path: JPEG file.
        image: 3-D scan; its third axis is the direction of the stack.
        labels: What was found, on the scan's grid.
        reference: What it was compared with, on the same grid, or None.
        title: First line.
        dice: Dice of structures by id, for the second line.
    """
    values, found = (sitk.GetArrayFromImage(one) for one in (image, labels))
    truth = np.zeros_like(found) if reference is None else sitk.GetArrayFromImage(reference)
    low, high = np.percentile(values, (1, 99.5)) if reference is not None else (-150, 250)
    rows, columns = _crop(found + truth, image.GetSpacing())
    filled = np.flatnonzero((found + truth).any((1, 2)))
    chosen, wide = np.unique(np.linspace(filled[0], filled[-1], _TILES).round().astype(int)), _COLUMNS
    if reference is None:
        chosen, wide = np.arange(max(filled[0] - _BEYOND, 0), min(filled[-1] + _BEYOND + 1, len(found))), _ALL_COLUMNS
    lines = -(-len(chosen) // wide)
    figure, axes = plt.subplots(lines, wide, figsize=(15, 15.3 / wide * lines + 0.85), facecolor=_PAGE, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, number in zip(axes.flat, chosen, strict=False):
        _draw_slice(axis, [array[number, rows, columns] for array in (values, found, truth)], (low, high),
                    image.GetSpacing()[1] / image.GetSpacing()[0])
        axis.text(0.03, 0.96, f"{number + 1}", color=_QUIET, transform=axis.transAxes, va="top", fontsize=9)
    _write_words(figure, title, dice, found, reference is not None)
    figure.savefig(path, dpi=80, facecolor=_PAGE, pil_kwargs={"quality": 88, "subsampling": 0})
    plt.close(figure)


def _crop(drawn: np.ndarray, spacing: tuple[float, ...]) -> tuple[slice, slice]:
    """Rows and columns around all that is drawn."""
    ranges = []
    for axis, step in ((1, spacing[1]), (2, spacing[0])):
        along = np.flatnonzero(drawn.any(tuple(k for k in range(3) if k != axis)))
        margin = round(_MARGIN_MM / step)
        ranges.append(slice(max(int(along[0]) - margin, 0), int(along[-1]) + margin + 1))
    return ranges[0], ranges[1]


def _draw_slice(axis: Axes, planes: list[np.ndarray], window: tuple[float, float], aspect: float) -> None:
    values, found, truth = planes
    axis.imshow(values, cmap="gray", vmin=window[0], vmax=window[1], aspect=aspect, interpolation="bilinear")
    for value in WHOLE_HEART:
        for plane, color, width in ((truth, "white", 0.9), (found, _color(value), 1.5)):
            if (plane == value).any():
                axis.contour(plane == value, [0.5], colors=[color], linewidths=width)


def _color(value: int) -> tuple[float, ...]:
    return tuple(part / 255 for part in STRUCTURES[value].color)


def _write_words(figure: plt.Figure, title: str, dice: Mapping[str, float], found: np.ndarray, compared: bool) -> None:
    lines = figure.get_figheight()
    top = 1 - 0.1 / lines
    figure.text(0.006, top, title, color=_BRIGHT, fontsize=13, weight="bold", va="top")
    scores = ", ".join(f"{id} {score:.2f}" for id, score in dice.items())
    said = f"Dice: {scores}" if scores else "no reference: judged by eye"
    figure.text(0.994, top, said, color=_QUIET, fontsize=11, va="top", ha="right")
    keys = [Line2D([], [], color=_color(value), lw=2, label=STRUCTURES[value].name)
            for value in WHOLE_HEART if (found == value).any()]
    keys += [Line2D([], [], color="white", lw=1, label="reference")] if compared else []
    figure.legend(handles=keys, loc="lower center", ncols=len(keys), frameon=False, labelcolor=_QUIET, fontsize=9)
    figure.subplots_adjust(0.005, 0.32 / lines, 0.995, 1 - 0.42 / lines, 0.02, 0.02)
