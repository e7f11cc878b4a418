"""Where the heart is: the locator network over the whole volume, and the rule that says "no heart here"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from HeartSeg3DLib.errors import InputError, ModelError

from .frame import Volume
from .resample import Grid, Step
from .window import Box, Prediction, ReadyModel, predict

LOOKS = 3
"""Looks of the locator at one scan. Between the sample and its three oblique frames the middle of the box moves by up
to 6 mm after one look, 1.0 mm after two, 0.14 mm after three, and no less after four."""

_TAIL = 0.001
"""Part of a finding's probability mass beyond each face of its box: a box around the cells above a threshold would
move by a whole cell when one of them changes."""


@dataclass(frozen=True)
class Decision:
    """When a finding counts as a heart: data of the locator's model card (``conventions["decision"]``).

    Attributes:
        probability: From here on a cell counts as heart.
        min_volume_ml: Smallest volume of such cells, mL.
        min_mean_probability: Smallest mean probability over these cells.
        min_peak_probability: Smallest highest probability.
        min_labeled_ml: Smallest volume that the segmenter must label, mL.
        min_agreement: Smallest part of the segmenter's labels that lies within one locator cell of the finding.
        margin_mm: What is added around the finding.
        one_pass: Largest side that the locator sees at once, in multiples of its training window.
    """

    probability: float = 0.5
    min_volume_ml: float = 20.0
    min_mean_probability: float = 0.6
    min_peak_probability: float = 0.8
    min_labeled_ml: float = 10.0
    min_agreement: float = 0.3
    margin_mm: float = 10.0
    one_pass: float = 2.0

    @classmethod
    def from_card(cls, conventions: Mapping[str, Any]) -> Decision:
        """Read the rule from a model card; what the card leaves out keeps its default.

        Raises:
            ModelError: The card names a threshold that this version does not know.
        """
        given = dict(conventions.get("decision") or {})
        unknown = sorted(set(given) - {field.name for field in fields(cls)})
        if unknown:
            raise ModelError(f"The locator's card has unknown thresholds: {', '.join(unknown)}.",
                             "Update HeartSeg or choose another model.")
        return cls(**{name: float(value) for name, value in given.items()})


@dataclass(frozen=True)
class Evidence:
    """What the locator, and later the segmenter, saw of the heart.

    Attributes:
        volume_ml: Volume of the finding, mL.
        mean_probability: Mean probability over the finding.
        peak_probability: Highest probability of the finding.
        labeled_ml: Volume that the segmenter labeled, mL; -1 before it ran.
        agreement: Part of that volume that lies within one locator cell of the finding; -1 before it ran.
    """

    volume_ml: float
    mean_probability: float
    peak_probability: float
    labeled_ml: float = -1.0
    agreement: float = -1.0

    def to_dict(self) -> dict[str, float]:
        """Plain numbers."""
        return asdict(self)


NOTHING = Evidence(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Finding:
    """The most likely heart of a volume.

    Attributes:
        box: Around the finding, margin included; None when nothing was found. It may reach beyond the image.
        center: Center of the probability mass (z, y, x), mm; None when nothing was found.
        evidence: The numbers behind it.
        grid: Cells of the locator.
        mask: Cells of the finding, bool (Z, Y, X).
    """

    box: Box | None
    center: np.ndarray | None
    evidence: Evidence
    grid: Grid
    mask: np.ndarray


def locate(model: ReadyModel, volume: Volume, decision: Decision, step: Step, looks: int = LOOKS) -> Finding:
    """Find the heart in a volume.

    The first look takes in the whole volume and decides whether there is a heart. A network answers a shift of its
    window with slightly other cells, and where the first window lies depends on how the image is stored. Each further
    look has one window around the middle of what the last one found, and only moves the box.

    Args:
        model: The locator; every channel but 0 counts as heart.
        volume: The image in the model frame.
        decision: Thresholds.
        step: Called with the fraction done.
        looks: How often to look; one where a box good to a centimeter will do.
    """
    first = last = _look_everywhere(model, volume, decision, lambda done: step(done / looks))
    window = int(model.card.window_voxels)
    for number in range(1, looks):
        step(number / looks)
        if last.center is None:
            break
        grid = Grid.centered(last.center, float(model.card.spacing_mm), (window, window, window))
        last = judge(predict(model, volume, grid, window, lambda done: None), decision)
        first = replace(first, box=last.box or first.box)
    return first


def _look_everywhere(model: ReadyModel, volume: Volume, decision: Decision, step: Step) -> Finding:
    lower, upper = volume.extent()
    window, spacing = int(model.card.window_voxels), float(model.card.spacing_mm)
    counts = np.ceil((upper - lower) / spacing - 1e-6).astype(int)
    z, y, x = (max(int(n), window) for n in counts)
    grid = Grid.centered(0.5 * (lower + upper), spacing, (z, y, x))
    side = max(int(window * decision.one_pass), window)
    return judge(predict(model, volume, grid, side, step), decision)


def judge(prediction: Prediction, decision: Decision) -> Finding:
    """Pick the component with the largest probability mass and put a box around it.

    Args:
        prediction: Output of the locator.
        decision: Thresholds.
    """
    background = prediction.log_probabilities[0].exp()
    heart = (1.0 - background).masked_fill(~prediction.inside, 0.0).cpu().numpy()
    certain = heart >= decision.probability
    # Dilated by one cell before labeling: a heart cut by an artifact or a thin septum stays one.
    labels, count = ndimage.label(ndimage.binary_dilation(certain, np.ones((3, 3, 3))))
    grid = prediction.grid
    if count == 0:
        return Finding(None, None, NOTHING, grid, certain)
    labels[~certain] = 0
    mass = ndimage.sum_labels(heart, labels, np.arange(1, count + 1))
    mask = labels == 1 + int(np.argmax(mass))
    inside = heart[mask]
    cell_ml = grid.spacing**3 / 1000.0
    evidence = Evidence(float(mask.sum() * cell_ml), float(inside.mean()), float(inside.max()))
    near = ndimage.binary_dilation(mask, np.ones((3, 3, 3)))
    box, center = _box_of_mass(np.where(near, heart, 0.0), grid)
    return Finding(box.grown(decision.margin_mm), center, evidence, grid, mask)


def _box_of_mass(mass: np.ndarray, grid: Grid) -> tuple[Box, np.ndarray]:
    """Box that holds all but the tails of a mass (Z, Y, X) along each axis, and the center of the mass, mm."""
    lower, upper, center = np.zeros(3), np.zeros(3), np.zeros(3)
    for axis in range(3):
        profile = mass.sum(tuple(other for other in range(3) if other != axis), dtype=np.float64)
        share = np.concatenate([[0.0], profile.cumsum() / profile.sum()])
        borders = grid.lower[axis] + grid.spacing * np.arange(len(share))
        lower[axis], upper[axis] = np.interp([_TAIL, 1.0 - _TAIL], share, borders)
        center[axis] = (profile / profile.sum()) @ (borders[:-1] + 0.5 * grid.spacing)
    return Box(lower, upper), center


def is_heart(evidence: Evidence, decision: Decision) -> bool:
    """Whether the evidence so far passes every threshold that applies to it."""
    found = (
        evidence.volume_ml >= decision.min_volume_ml
        and evidence.mean_probability >= decision.min_mean_probability
        and evidence.peak_probability >= decision.min_peak_probability
    )
    if evidence.labeled_ml < 0:
        return found
    return (
        found
        and evidence.labeled_ml >= decision.min_labeled_ml
        and evidence.agreement >= decision.min_agreement
    )


def no_heart() -> InputError:
    """The error for an image without a heart."""
    return InputError(
        "No heart found in this image.",
        "Check that the scan shows the heart, that the right kind of scan (CT or MR) is chosen and that the scan's "
        "orientation and spacing are right.",
    )


def with_labels(finding: Finding, labeled: torch.Tensor, grid: Grid) -> Evidence:
    """Add what the segmenter labeled to the evidence.

    Args:
        finding: The locator's finding.
        labeled: Cells of the segmenter with any label, bool (Z, Y, X).
        grid: Where these cells lie.
    """
    where = labeled.nonzero().cpu().numpy()
    volume_ml = len(where) * grid.spacing**3 / 1000.0
    if len(where) == 0:
        return Evidence(**{**finding.evidence.to_dict(), "labeled_ml": 0.0, "agreement": 0.0})
    near = ndimage.binary_dilation(finding.mask, np.ones((3, 3, 3)))
    positions = np.array(grid.start) + grid.spacing * where
    index = np.round((positions - np.array(finding.grid.start)) / finding.grid.spacing).astype(int)
    valid = ((index >= 0) & (index < np.array(near.shape))).all(1)
    hits = near[tuple(index[valid].T)].sum()
    agreement = float(hits) / len(where)
    return Evidence(**{**finding.evidence.to_dict(), "labeled_ml": volume_ml, "agreement": agreement})
