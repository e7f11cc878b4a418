"""Frames of fiber, fiber normal and sheet: from gradients, turned by angles, interpolated by quaternions.

After the functions "axis", "orient" and "bislerp" of Bayer et al. 2012, doi 10.1007/s10439-012-0593-5. A frame is a
rotation; the columns of its matrix are the three directions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Vectors = NDArray[np.float64]


def axis_frames(upward: Vectors, outward: Vectors) -> Rotation:
    """Return frames of the circumferential, the apico-basal and the transmural direction.

    Args:
        upward: (K, 3) not zero, from apex to base: the second direction.
        outward: (K, 3) through the wall; the third direction is its part across `upward`. Where it has none, any
            direction across is taken: the field that it belongs to has no weight there.

    Returns:
        K frames. Seen from the base, the first direction runs counter-clockwise where the third points outward.
    """
    second = _unit(upward)
    across = outward - np.einsum("ij,ij->i", outward, second)[:, None] * second
    none = np.linalg.norm(across, axis=1) <= 1e-12 * np.linalg.norm(outward, axis=1)
    across[none] = np.cross(second[none], np.eye(3)[np.abs(second[none]).argmin(axis=1)])
    third = _unit(across)
    return Rotation.from_matrix(np.stack([np.cross(second, third), second, third], axis=2))


def turned(frames: Rotation, helix: NDArray[np.float64], sheet: NDArray[np.float64]) -> Rotation:
    """Return frames whose first direction is the fiber and whose third lies in the sheet.

    Args:
        frames: K frames of `axis_frames`.
        helix: (K,) degrees from the circumferential towards the apico-basal direction.
        sheet: (K,) degrees from the transmural direction towards the fiber's normal, about the fiber.
    """
    return frames * Rotation.from_euler("ZX", np.stack([helix, -sheet], axis=1), degrees=True)


def interpolated(first: Rotation, second: Rotation, share: NDArray[np.float64]) -> Rotation:
    """Return frames between two, by the shortest way, where a direction and its opposite are the same.

    Args:
        first: K frames.
        second: K frames.
        share: (K,) 0 for the first, 1 for the second.
    """
    target = second.as_quat()
    candidates = _half_turns(first.as_quat())
    cosines = np.einsum("kci,ki->kc", candidates, target)
    rows = np.arange(len(target))
    best = np.abs(cosines).argmax(axis=1)
    cosine = cosines[rows, best]
    start = candidates[rows, best] * np.where(cosine < 0.0, -1.0, 1.0)[:, None]
    angle = np.arccos(np.clip(np.abs(cosine), 0.0, 1.0))
    weights = np.stack([np.sinc((1.0 - share) * angle / np.pi) * (1.0 - share), np.sinc(share * angle / np.pi) * share])
    return Rotation.from_quat(weights[0, :, None] * start + weights[1, :, None] * target)


def _half_turns(quaternions: Vectors) -> Vectors:
    """Return (K, 4, 4): each quaternion x, y, z, w, and turned by 180 degrees about each of its own directions."""
    x, y, z, w = quaternions.T
    return np.stack([np.stack(turn, axis=1) for turn in ((x, y, z, w), (w, z, -y, -x), (-z, w, x, -y), (y, -x, w, -z))],
                    axis=1)


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
