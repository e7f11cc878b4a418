"""Laplace's equation on tetrahedra by linear finite elements."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ...errors import CheckError

Points = NDArray[np.float64]
Told = Callable[[float], None]
"""Told the finished part of something, 0 to 1."""

_TOLERANCE = 1e-8
_STEPS = 20_000
_STEPS_BETWEEN_WORDS = 25
"""So often progress is told: in a million tetrahedra, a step takes a hundredth of a second."""

_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


class LaplaceSolver:
    """Smooth fields between nodes of known value; no flux through the rest of the boundary.

    Args:
        points: (N, 3) float64, mm.
        tetrahedra: (K, 4) indices into points, positive volume. Every node belongs to one.
    """

    def __init__(self, points: Points, tetrahedra: NDArray[np.int32]) -> None:
        self._tetrahedra = tetrahedra
        self._count = len(points)
        self._slopes, self._volumes = _hat_slopes(points, tetrahedra)
        self._stiffness = self._assembled(self._volumes)

    def conduct(self, conductivity: NDArray[np.float64]) -> None:
        """Make the flux the gradient times a positive conductivity (K,); it is one at first."""
        self._stiffness = self._assembled(self._volumes * conductivity)

    def solve(
        self, fixed: NDArray[np.bool_], values: NDArray[np.float64], progress: Told = lambda _: None,
    ) -> NDArray[np.float64]:
        """Return the field (N,) that has the values where it is fixed.

        Solved by conjugate gradients, preconditioned with the diagonal. Limited to the range of the fixed values, which
        the true solution never leaves.

        Args:
            fixed: (N,) nodes of known value, at least one in each connected part.
            values: (N,), read where fixed.
            progress: Told the finished part, 0 to 1.

        Raises:
            CheckError: The solver did not converge.
        """
        free = np.flatnonzero(~fixed)
        known = np.where(fixed, values, 0.0)
        rows = self._stiffness[free]
        scale = 1.0 / np.sqrt(self._stiffness.diagonal()[free])
        scaled = sparse.diags_array(scale) @ rows[:, free] @ sparse.diags_array(scale)
        found = scale * _conjugate_gradients(scaled.tocsr(), -scale * (rows @ known), progress)
        known[free] = np.clip(found, values[fixed].min(), values[fixed].max())
        return known

    def gradients(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient (K, 3) of a field (N,) in each tetrahedron, per mm.

        It is averaged over the tetrahedra around each node and back: linear elements know gradients better at nodes,
        and tetrahedra with all nodes on one surface have none of their own.
        """
        slopes = np.einsum("kci,kc->ki", self._slopes, values[self._tetrahedra])
        nodes = self._tetrahedra.ravel()
        share = np.repeat(self._volumes, 4)
        total = np.bincount(nodes, share, self._count)
        at_nodes = np.stack([np.bincount(nodes, share * np.repeat(slopes[:, axis], 4), self._count) / total
                             for axis in range(3)], axis=1)
        return at_nodes[self._tetrahedra].mean(axis=1)

    def _assembled(self, weights: NDArray[np.float64]) -> sparse.csr_array:
        """Return the (N, N) stiffness matrix; its rows add up to zero."""
        entries = [weights * np.einsum("ij,ij->i", self._slopes[:, a], self._slopes[:, b]) for a, b in _PAIRS]
        starts, stops = (np.concatenate([self._tetrahedra[:, pair[side]] for pair in _PAIRS]) for side in range(2))
        upper = sparse.coo_array((np.concatenate(entries), (starts, stops)), shape=(self._count, self._count)).tocsr()
        both = upper + upper.T
        return (both - sparse.diags_array(both.sum(axis=1))).tocsr()


def _conjugate_gradients(
    matrix: sparse.csr_array, right: NDArray[np.float64], progress: Told
) -> NDArray[np.float64]:
    """Solve a symmetric positive definite system; SciPy's own renamed its tolerance."""
    solution, residual = np.zeros_like(right), right.copy()
    direction, squared = residual.copy(), _dot(residual, residual)
    first, finished = squared, 0.0
    for step_number in range(_STEPS):
        if squared <= first * _TOLERANCE**2:
            return solution
        if step_number % _STEPS_BETWEEN_WORDS == 0:  # the logarithm of the residual falls evenly, but for detours
            finished = max(finished, 0.5 * float(np.log(squared / first) / np.log(_TOLERANCE)))
            progress(finished)
        image = matrix @ direction
        step = squared / _dot(direction, image)
        solution += step * direction
        residual -= step * image
        before, squared = squared, _dot(residual, residual)
        direction = residual + squared / before * direction
    raise CheckError("The fields that fibers follow could not be computed.",
                     "Check the quality of the tetrahedra, or choose another edge.")


def _dot(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the product of two vectors; threads of a BLAS library wait for each other longer than they compute."""
    return float(np.einsum("i,i->", first, second))


def _hat_slopes(points: Points, tetrahedra: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the gradients (K, 4, 3) per mm of the functions that are 1 at one corner, and the volumes (K,) in mm^3."""
    corner = points[tetrahedra]
    b, c, d = (corner[:, place] - corner[:, 0] for place in (1, 2, 3))
    slopes = np.empty((len(tetrahedra), 4, 3))
    slopes[:, 1], slopes[:, 2], slopes[:, 3] = np.cross(c, d), np.cross(d, b), np.cross(b, c)
    determinants = np.einsum("ij,ij->i", b, slopes[:, 1])
    slopes[:, 1:] /= determinants[:, None, None]
    slopes[:, 0] = -slopes[:, 1:].sum(axis=1)
    return slopes, determinants / 6.0
