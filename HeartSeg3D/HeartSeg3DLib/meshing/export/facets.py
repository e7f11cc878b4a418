"""Named groups of triangles with numbers that stay the same from mesh to mesh, and the tetrahedra behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..patch_names import FIXED_NUMBERS
from .content import MeshContent, name_of

_FIRST_OTHER = 1101
"""Patches of other names are numbered from here by the alphabet."""

_PAIRS, _PAIR_STEP = 100_000, 1000
"""A wall without a name has 100000 + 1000 a + b, a and b being the labels of its sides: 102003 is MYO against RV."""

TETRA_FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
"""Corners of a tetrahedron's faces counter-clockwise seen from outside, in the order in which Abaqus numbers them."""


@dataclass(frozen=True)
class FacetGroup:
    """Triangles under one name.

    Attributes:
        name: Patch, such as "LV_ENDO", or the two sides of a wall without a name, such as "LA-AO" or "LA-OUTSIDE".
        number: Tag of the group; the same name has the same number in every mesh with the same patches.
        triangles: Indices of the content's triangles.
        is_patch: Whether it is a patch.
    """

    name: str
    number: int
    triangles: NDArray[np.intp]
    is_patch: bool


def facet_groups(content: MeshContent) -> tuple[FacetGroup, ...]:
    """Return all patches in their order, then the walls that no patch names; every triangle is in one at least."""
    others = sorted(set(content.patches) - set(FIXED_NUMBERS))
    numbers = FIXED_NUMBERS | {name: _FIRST_OTHER + place for place, name in enumerate(others)}
    groups = [FacetGroup(name, numbers[name], chosen, True) for name, chosen in content.patches.items()]
    free = np.ones(len(content.triangles), bool)
    for chosen in content.patches.values():
        free[chosen] = False
    left = np.flatnonzero(free)
    pairs, group_of = np.unique(content.labels[left], axis=0, return_inverse=True)
    for number, (first, second) in enumerate(pairs.tolist()):
        groups.append(FacetGroup(
            f"{name_of(first)}-{name_of(second)}", _PAIRS + _PAIR_STEP * first + second,
            left[group_of.ravel() == number], False,
        ))
    return tuple(groups)


def facet_numbers(content: MeshContent, groups: tuple[FacetGroup, ...]) -> NDArray[np.int32]:
    """Return the (M,) number of each triangle's group, for formats that keep one number a triangle.

    A triangle in several patches has the number of the smallest: a valve's plane stays one beside a base around it.
    """
    numbers = np.zeros(len(content.triangles), np.int32)
    for group in sorted(groups, key=lambda group: -len(group.triangles)):
        numbers[group.triangles] = group.number
    return numbers


def tetrahedra_behind(content: MeshContent) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for each triangle the tetrahedron on the side of its first label, and which of its `TETRA_FACES` it is.

    Raises:
        ValueError: A triangle is no face of a tetrahedron of its first label.
    """
    corners = content.tetrahedra[:, TETRA_FACES]
    on_surface = np.zeros(len(content.points), bool)
    on_surface[content.triangles] = True
    tetra, face = np.nonzero(on_surface[corners].all(axis=2))
    keys = _keys(np.concatenate([corners[tetra, face], content.triangles]), len(content.points))
    # The label makes the key of the same face different on both sides of a wall.
    top = int(max(content.labels.max(), content.tetra_labels.max(initial=0))) + 1
    labels = np.concatenate([content.tetra_labels[tetra], content.labels[:, 0]]).astype(np.int64)
    keys = keys * top + labels
    faces, wanted = keys[: len(tetra)], keys[len(tetra):]
    order = np.argsort(faces)
    place = np.minimum(np.searchsorted(faces, wanted, sorter=order), max(len(order) - 1, 0))
    found = order[place] if len(order) else np.empty(0, np.intp)
    if len(found) != len(wanted) or (faces[found] != wanted).any():
        raise ValueError("a triangle of the surface is no face of a tetrahedron of its label")
    return tetra[found], face[found]


def _keys(triangles: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return a number (R,) for each triangle (R, 3) that depends on which nodes it has, not on their order."""
    nodes = np.sort(triangles, axis=1).astype(np.int64)
    _, first_two = np.unique(nodes[:, 0] * count + nodes[:, 1], return_inverse=True)
    return first_two.astype(np.int64) * count + nodes[:, 2]
