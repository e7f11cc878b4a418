"""Rotation about the three axes."""

from __future__ import annotations

import numpy as np


def rotation(rng: np.random.Generator, *, degrees: float = 15.0) -> np.ndarray:
    """Draw a (3, 3) rotation, axes z, y, x: by up to `degrees` about each axis, one after the other.

    Example:
        >>> turn = rotation(np.random.default_rng(0))
        >>> bool(np.allclose(turn @ turn.T, np.eye(3)) and np.linalg.det(turn) > 0)
        True
    """
    result = np.eye(3)
    for axis, angle in enumerate(np.radians(rng.uniform(-degrees, degrees, 3))):
        first, second = (index for index in range(3) if index != axis)
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result
