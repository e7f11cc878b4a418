"""The pose of a scan whose header says nothing about orientation: try the likely ones, keep the most convincing.

Short-axis stacks of public data sets often come with the identity as direction, and mirrored. The labels lie on the
given grid whatever pose wins; the pose only decides how the network is shown the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES

from .frame import Volume, place
from .locate import Decision, Evidence, locate
from .resample import Grid, Step, shrink
from .window import Prediction, ReadyModel, predict

# Typical axes of the heart in LPS: from the apex to the base, and from the left to the right ventricle. They are
# the mean of two four-chamber hearts of adults; single hearts differ by some 20 degrees, which the networks bear.
_BASE = np.array([-0.76, 0.57, 0.31])
_RIGHT = np.array([-0.63, -0.77, 0.08])

AS_STORED = "as the file says"

_SPACING_MM = 2.5
_TURN_DEGREES = 30.0

_PLAUSIBLE_ML = {"LV": (25.0, 400.0), "MYO": (30.0, 400.0), "RV": (25.0, 450.0)}
"""Volumes between which no pose is preferred; wide, because disease goes far and thick slices cut the heart."""


@dataclass(frozen=True)
class Pose:
    """How the scan is assumed to lie in the patient.

    Attributes:
        direction: 3x3 direction matrix, columns = index axes i, j, k in LPS.
        text: For the result and its warning.
    """

    direction: np.ndarray
    text: str


def candidate_poses(header: np.ndarray, spacing: np.ndarray) -> list[Pose]:
    """Return the header's pose and sixteen short-axis poses.

    Args:
        header: Direction matrix of the file.
        spacing: Distance of voxels along i, j, k, mm; the axis with clearly the widest one is taken for the stack's.
    """
    base, right, third = heart_axes()
    stack = int(np.argmax(spacing)) if spacing.max() >= 1.5 * np.median(spacing) else 2
    first, second = (axis for axis in range(3) if axis != stack)
    poses = [Pose(header, AS_STORED)]
    in_plane = [(sign * a, other * b) for a, b in ((right, third), (third, right))
                for sign, other in product((1, -1), repeat=2)]
    for towards, (one, two) in product((1, -1), in_plane):
        direction = np.zeros((3, 3))
        direction[:, stack], direction[:, first], direction[:, second] = towards * base, one, two
        poses.append(Pose(direction, _describe(direction, stack)))
    return poses


def heart_axes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orthonormal axes of a typical heart in LPS: to the base, to the right ventricle, and their cross product."""
    base = _BASE / np.linalg.norm(_BASE)
    right = _RIGHT - (_RIGHT @ base) * base
    right /= np.linalg.norm(right)
    return base, right, np.cross(base, right)


def turned(pose: Pose, degrees: float) -> Pose:
    """Turn a pose about the heart's long axis."""
    base = heart_axes()[0]
    angle = np.deg2rad(degrees)
    cross = np.array([[0, -base[2], base[1]], [base[2], 0, -base[0]], [-base[1], base[0], 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return Pose(rotation @ pose.direction, f"{pose.text}, turned by {degrees:+.0f} degrees")


def _describe(direction: np.ndarray, stack: int) -> str:
    base, right, _ = heart_axes()
    order = "apex to base" if direction[:, stack] @ base > 0 else "base to apex"
    along = [axis for axis in range(3) if axis != stack]
    cosines = {axis: float(direction[:, axis] @ right) for axis in along}
    axis = max(along, key=lambda a: abs(cosines[a]))
    where = {(along[0], True): "right", (along[0], False): "left", (along[1], True): "lower",
             (along[1], False): "upper"}[(axis, cosines[axis] > 0)]
    mirrored = ", mirrored" if np.linalg.det(direction) < 0 else ""
    return f"short-axis stack from {order}, right ventricle on the {where} side{mirrored}"


def estimate_pose(
    stored: np.ndarray,
    spacing: np.ndarray,
    header: np.ndarray,
    fine: ReadyModel,
    locator: ReadyModel,
    decision: Decision,
    step: Step,
) -> Pose:
    """Choose the pose in which the networks see the most convincing heart.

    The locator looks at every candidate; the place of its best finding is where the fine network then looks, coarsely,
    in every candidate. The winner is tried once more turned to both sides.

    Args:
        stored: Voxels in storage order (k, j, i).
        spacing: Distance of voxels along i, j, k, mm.
        header: Direction matrix of the file.
        fine: The segmenter.
        locator: The locator.
        decision: Thresholds of the locator.
        step: Called with the fraction done.
    """
    scan = _SmallScan(*shrink(stored, spacing[::-1], 0.6 * _SPACING_MM))
    candidates = candidate_poses(header, spacing)
    center, best = np.array(scan.array.shape) * 0.5 - 0.5, -1.0
    for number, pose in enumerate(candidates):
        step(0.3 * number / len(candidates))
        volume = scan.posed(pose)
        found = locate(locator, volume, decision, lambda done: None, looks=1)
        if found.box is not None and _conviction(found.evidence) > best:
            best = _conviction(found.evidence)
            center = _stored_index(volume, found.box.center)
    scores = []
    for number, pose in enumerate(candidates):
        step(0.3 + 0.6 * number / len(candidates))
        scores.append(_score(fine, scan.posed(pose), center))
    winner = candidates[int(np.argmax(scores))]
    if winner is candidates[0]:
        return winner
    ranked = [(max(scores), winner)]
    for degrees in (-_TURN_DEGREES, _TURN_DEGREES):
        step(0.9)
        pose = turned(winner, degrees)
        ranked.append((_score(fine, scan.posed(pose), center), pose))
    return max(ranked, key=lambda pair: pair[0])[1]


@dataclass(frozen=True)
class _SmallScan:
    """The scan in storage order, averaged once for all poses."""

    array: np.ndarray
    spacing: np.ndarray

    def posed(self, pose: Pose) -> Volume:
        return place(self.array, self.spacing, np.zeros(3), pose.direction)


def _score(fine: ReadyModel, volume: Volume, center: np.ndarray) -> float:
    side = max(round(fine.card.window_voxels * fine.card.spacing_mm / _SPACING_MM / 16), 1) * 16
    grid = Grid.centered(_position(volume, center), _SPACING_MM, (side, side, side))
    return plausibility(predict(fine, volume, grid, side, lambda done: None), fine.card.labels)


def plausibility(seen: Prediction, labels: Sequence[int]) -> float:
    """How much a prediction looks like a heart, 0 to 1.

    The product of: mean confidence on the labeled cells; the part of touching faces that anatomy allows (the table
    of contacts; a cavity of the left ventricle without myocardium around it is not allowed); and a factor below one
    for each of the left ventricle, its myocardium and the right ventricle whose volume is out of range.
    """
    best, winner = seen.log_probabilities.max(0)
    winner = winner.masked_fill(~seen.inside, 0)
    labeled = winner > 0
    if not bool(labeled.any()):
        return 0.0
    confidence = float(best[labeled].exp().mean())
    values = torch.tensor(labels, device=winner.device)[winner]
    cell_ml = seen.grid.spacing**3 / 1000.0
    fit = 1.0
    for name, (low, high) in _PLAUSIBLE_ML.items():
        if BY_ID[name].value in labels:
            volume = float((values == BY_ID[name].value).sum()) * cell_ml
            fit *= min(1.0, (volume + 0.1) / low, high / (volume + 0.1))
    return confidence * allowed_contacts(values, seen.inside) * fit


def allowed_contacts(values: Tensor, inside: Tensor) -> float:
    """Part of the faces between different labels that anatomy allows, 1 when there is none.

    Args:
        values: (Z, Y, X) label values.
        inside: (Z, Y, X) bool; faces at the border of the field of view do not count.
    """
    size = int(max(*STRUCTURES, int(values.max()))) + 1
    allowed = torch.zeros(size, size, dtype=torch.bool)
    for value, structure in STRUCTURES.items():
        allowed[0, value] = allowed[value, 0] = structure.id != "LV"
        for other in structure.contacts:
            allowed[value, BY_ID[other].value] = allowed[BY_ID[other].value, value] = True
    allowed = allowed.to(values.device)
    good = total = 0
    for axis in range(3):
        one, two = values.narrow(axis, 0, values.shape[axis] - 1), values.narrow(axis, 1, values.shape[axis] - 1)
        seen = inside.narrow(axis, 0, values.shape[axis] - 1) & inside.narrow(axis, 1, values.shape[axis] - 1)
        differ = (one != two) & seen
        total += int(differ.sum())
        good += int(allowed[one[differ], two[differ]].sum())
    return good / total if total else 1.0


def _conviction(evidence: Evidence) -> float:
    return evidence.mean_probability * evidence.peak_probability * min(evidence.volume_ml / 400.0, 1.0)


def _stored_index(volume: Volume, position: np.ndarray) -> np.ndarray:
    """Fractional index in storage order of a position of the model frame."""
    own = volume.rotation.T @ position / volume.spacing
    index = np.zeros(3)
    for axis, stored in enumerate(volume.axes):
        last = volume.shape[axis] - 1
        index[stored] = last - own[axis] if volume.flipped[axis] else own[axis]
    return index


def _position(volume: Volume, index: np.ndarray) -> np.ndarray:
    """Position in the model frame of a fractional index in storage order."""
    own = np.zeros(3)
    for axis, stored in enumerate(volume.axes):
        last = volume.shape[axis] - 1
        own[axis] = last - index[stored] if volume.flipped[axis] else index[stored]
    return volume.rotation @ (own * volume.spacing)
