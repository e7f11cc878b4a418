"""Where the heart is: the locator network over the whole volume, and the rule that says "no heart here"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from HeartSeg3DLib.errors import InputError, ModelError

from .frame import Volume
from .resample import Grid, Step
from .window import Box, Prediction, ReadyModel, predict


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
        box: Around the finding, margin included, clipped to the field of view; None when nothing was found.
        evidence: The numbers behind it.
        grid: Cells of the locator.
        mask: Cells of the finding, bool (Z, Y, X).
    """

    box: Box | None
    evidence: Evidence
    grid: Grid
    mask: np.ndarray


def locate(model: ReadyModel, volume: Volume, decision: Decision, step: Step) -> Finding:
    """Find the heart in a whole volume.

    Args:
        model: The locator; every channel but 0 counts as heart.
        volume: The image in the model frame.
        decision: Thresholds.
        step: Called with the fraction done.
    """
    lower, upper = volume.extent()
    window, spacing = int(model.card.window_voxels), float(model.card.spacing_mm)
    counts = np.ceil((upper - lower) / spacing - 1e-6).astype(int)
    z, y, x = (max(int(n), window) for n in counts)
    grid = Grid.centered(0.5 * (lower + upper), spacing, (z, y, x))
    side = max(int(window * decision.one_pass), window)
    prediction = predict(model, volume, grid, side, step)
    return judge(prediction, lower, upper, decision)


def judge(prediction: Prediction, lower: np.ndarray, upper: np.ndarray, decision: Decision) -> Finding:
    """Pick the component with the largest probability mass and put a box around it.

    Args:
        prediction: Output of the locator.
        lower: Lower corner of the field of view (z, y, x), mm.
        upper: Upper corner.
        decision: Thresholds.
    """
    background = prediction.log_probabilities[0].exp()
    heart = (1.0 - background).masked_fill(~prediction.inside, 0.0).cpu().numpy()
    certain = heart >= decision.probability
    # Dilated by one cell before labeling: a heart cut by an artifact or a thin septum stays one.
    labels, count = ndimage.label(ndimage.binary_dilation(certain, np.ones((3, 3, 3))))
    grid = prediction.grid
    if count == 0:
        return Finding(None, NOTHING, grid, certain)
    labels[~certain] = 0
    mass = ndimage.sum_labels(heart, labels, np.arange(1, count + 1))
    mask = labels == 1 + int(np.argmax(mass))
    inside = heart[mask]
    cell_ml = grid.spacing**3 / 1000.0
    evidence = Evidence(float(mask.sum() * cell_ml), float(inside.mean()), float(inside.max()))
    where = np.argwhere(mask)
    start = np.array(grid.start)
    box = Box(start + (where.min(0) - 0.5) * grid.spacing, start + (where.max(0) + 0.5) * grid.spacing)
    return Finding(box.grown(decision.margin_mm).clipped(lower, upper), evidence, grid, mask)


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
        "Check that the scan shows the heart, that the modality is right (--modality ct or mr) and that the file's "
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
