"""Procedural parametric hearts: seven structures and their walls from a dozen numbers, no patient data.

Proportions follow the centroids and extents of two four-chamber hearts in their own heart frame (base, right
ventricle, up; origin at the centre of the left ventricle), see :func:`.geometry.heart_axes`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np
from scipy import ndimage

from .geometry import Grid, curve, heart_axes, smooth_noise

GRID = Grid(size=184, spacing=1.0)
"""Grid of a parametric heart: 184 mm cube at 1 mm."""


@dataclass(frozen=True)
class HeartParameters:
    """Shape of one heart; every number is in [0, 1] and spans the range written beside it.

    Attributes:
        lv_length: Long axis of the left ventricle, 0.82-1.18 of the average.
        lv_width: Its short axes, 0.8-1.16.
        wall: Left ventricular wall, 6-13 mm.
        rv_size: Right ventricle, 0.74-1.14.
        la_size: Left atrium, 0.78-1.42.
        ra_size: Right atrium, 0.78-1.38.
        aorta: Radius of the aortic root, 11.5-18.5 mm.
        pulmonary: Radius of the pulmonary trunk, 10-16 mm.
        azimuth: Turn of the heart about the body axis, -22 to 22 degrees.
        elevation: Lie of the long axis, -16 to 18 degrees (horizontal to vertical heart).
        roll: Turn about the long axis, -14 to 14 degrees.
        scale: Whole heart, 0.86-1.1.
    """

    lv_length: float
    lv_width: float
    wall: float
    rv_size: float
    la_size: float
    ra_size: float
    aorta: float
    pulmonary: float
    azimuth: float
    elevation: float
    roll: float
    scale: float

    def held_out(self) -> bool:
        """True inside the region that no training heart may come from: large right ventricle, large left atrium."""
        return self.rv_size > HELD_OUT["rv_size"][0] and self.la_size > HELD_OUT["la_size"][0]

    def as_dict(self) -> dict[str, float]:
        """Return the parameters as a plain dictionary."""
        return asdict(self)


HELD_OUT: dict[str, tuple[float, float]] = {"rv_size": (0.6, 1.0), "la_size": (0.6, 1.0)}
"""The region of parameter space kept for measurement (16 % of all hearts); it goes into the model card."""


def draw_parameters(rng: np.random.Generator, *, held_out: bool = False) -> HeartParameters:
    """Draw a heart inside or outside the held-out region."""
    names = [field.name for field in fields(HeartParameters)]
    while True:
        parameters = HeartParameters(**dict(zip(names, map(float, rng.random(len(names))), strict=True)))
        if parameters.held_out() == held_out:
            return parameters


def _between(fraction: float, low: float, high: float) -> float:
    return low + fraction * (high - low)


def _rotation(axis: int, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    first, second = [k for k in range(3) if k != axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def heart_frame(parameters: HeartParameters) -> np.ndarray:
    """Return the (3, 3) rows base, right, up of this heart in LPS, turned as its parameters say."""
    axes = heart_axes() @ _rotation(2, _between(parameters.azimuth, -22, 22)).T
    lie = _between(parameters.elevation, -16, 18)
    roll = _between(parameters.roll, -14, 14)
    # In the heart's own axes: 1 is the right ventricle, so a turn about it raises the base; 0 is the long axis.
    return (_rotation(1, lie) @ _rotation(0, roll)) @ axes


def _ellipsoid(point: np.ndarray, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    """Normalised distance: 1 on the surface. point is (3, ...)."""
    shape = (3,) + (1,) * (point.ndim - 1)
    offset = (point - np.reshape(np.asarray(centre, np.float32), shape)) / np.reshape(
        np.asarray(radii, np.float32), shape)
    return np.sqrt((offset**2).sum(0))


def _tube(grid: Grid, controls: np.ndarray, radii: list[float]) -> np.ndarray:
    mask = np.zeros((grid.size,) * 3, bool)
    centres, radius, _ = curve(controls, radii, grid.spacing)
    for centre, size in zip(grid.index(centres), radius / grid.spacing, strict=True):
        low = np.maximum(np.floor(centre - size).astype(int), 0)
        high = np.minimum(np.ceil(centre + size).astype(int) + 1, grid.size)
        region = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        offsets = np.ogrid[region]
        mask[region] |= sum((o - c) ** 2 for o, c in zip(offsets, centre, strict=True)) < size**2
    return mask


def _ventricles(q: np.ndarray, p: HeartParameters) -> dict[str, np.ndarray]:
    """Masks of the ventricles and their planes; q is (3, ...) in heart axes, mm."""
    base, right, up = q
    length, width = _between(p.lv_length, 0.82, 1.18), _between(p.lv_width, 0.8, 1.16)
    wall, rv = _between(p.wall, 6, 13), _between(p.rv_size, 0.74, 1.14)
    long_axis, radius, plane = 55 * length, 25.5 * width, 34 * length
    # The cavity is a half ellipsoid towards the apex and a barrel towards the base.
    along = np.where(base < 8, (base - 8) / long_axis, (base - 8) / (1.15 * long_axis))
    cavity = np.sqrt(along**2 + (right**2 + up**2) / radius**2) < 1
    outer_along = np.where(base < 8, (base - 8) / (long_axis + 0.75 * wall), (base - 8) / (1.2 * long_axis))
    outer = np.sqrt(outer_along**2 + (right**2 + up**2) / (radius + wall) ** 2) < 1
    side = radius + wall
    body = _ellipsoid(q, (2 * length, side * 0.72 + 10 * rv, 1.0),
                      (54 * length * rv**0.5, 33 * rv, 38 * rv**0.8)) < 1
    outflow_centre = (26 * length, side * 0.75 + 2, side * 0.85 + 4)
    outflow = _ellipsoid(q, outflow_centre, (24, 17 * rv**0.5, 20)) < 1
    tricuspid = plane + 1 + 0.10 * (right - 40)
    return {
        "LV": cavity & (base < plane), "MYO": outer & (base < plane + 4),
        "RV": (body & (base < tricuspid)) | (outflow & (base < plane + 10)),
        "plane": np.float32(plane), "side": np.float32(side),
    }


def _great_vessels(p: HeartParameters, frame: np.ndarray, plane: float, side: float) -> dict[str, tuple]:
    """Control points (heart axes, mm) and radii of the aortic root and the pulmonary trunk."""
    aorta, pulmonary = _between(p.aorta, 11.5, 18.5), _between(p.pulmonary, 10, 16)
    up, back, left = frame @ np.array([0, 0, 1.0]), frame @ np.array([0, 1.0, 0]), frame @ np.array([1.0, 0, 0])
    valve = np.array([plane - 1, 13.0, 9.0])
    root = valve + np.array([14.0, 9, 8])
    trunk = np.array([plane + 3, side * 0.62, side + 6])
    return {
        "AO": (np.stack([valve, root, root + 20 * up]), [aorta * 0.85, aorta * 1.08, aorta]),
        "PA": (np.stack([trunk - 6 * up, trunk + 5 * up, trunk + 18 * up + 9 * back + 3 * left]),
               [pulmonary * 0.95, pulmonary, pulmonary]),
    }


def parametric_heart(parameters: HeartParameters, rng: np.random.Generator) -> np.ndarray:
    """Draw one heart.

    Args:
        parameters: Its shape.
        rng: Source of the small irregularities of its surface.

    Returns:
        (184, 184, 184) uint8 [z, y, x] at 1 mm in LPS, canonical label values 1-7 and walls 103-107.
    """
    p, frame = parameters, heart_frame(parameters)
    x, y, z = GRID.coordinates()
    scale = _between(p.scale, 0.86, 1.1)
    # The centre of the left ventricle lies left of and below the centre of the whole heart.
    centre = np.array([26.0, 4.0, -14.0])
    shift = [smooth_noise(rng, GRID, 38) * rng.uniform(0.6, 2.2) for _ in range(3)]
    world = [(axis + noise - c) / scale for axis, noise, c in zip((x, y, z), shift, centre, strict=True)]
    q = np.stack([sum(row[k] * world[k] for k in range(3)) for row in frame]).astype(np.float32)
    ventricles = _ventricles(q, p)
    plane, side = float(ventricles["plane"]), float(ventricles["side"])
    la, ra = _between(p.la_size, 0.78, 1.42), _between(p.ra_size, 0.78, 1.38)
    left = _ellipsoid(q, (plane + 21 * la, 3, -6), (25 * la, 25 * la**0.9, 20.5 * la))
    right = _ellipsoid(q, (plane + 17 * ra, side + 7 * ra, -17), (23 * ra, 23 * ra, 26 * ra))
    vessels = _great_vessels(p, frame, plane, side)

    def tube(name: str) -> np.ndarray:
        controls, radii = vessels[name]
        return _tube(GRID, controls * scale @ frame + centre, [r * scale for r in radii])

    mitral = (_ellipsoid(q, (plane + 3, -4, -4), (12, 15, 15)) < 1) & (q[0] >= plane)
    aorta, trunk = tube("AO"), tube("PA")
    labels = np.zeros((GRID.size,) * 3, np.uint8)
    # Painted from the back to the front: what comes later wins.
    atria = np.where(left < right, 4, 5).astype(np.uint8)
    septum = (np.abs(left - right) < 0.05) & (np.minimum(left, right) < 1)
    labels[(np.minimum(left, right) < 1)] = atria[np.minimum(left, right) < 1]
    labels[septum] = 104
    labels[ventricles["RV"]] = 3
    labels[trunk] = 7
    labels[aorta & (q[0] >= plane)] = 6
    labels[ventricles["MYO"] & ~(aorta & (q[0] >= plane))] = 2
    labels[mitral & ~aorta] = 4
    labels[aorta & (q[0] >= plane)] = 6
    labels[ventricles["LV"]] = 1
    return _add_walls(_largest_pieces(labels), rng)


def _largest_pieces(labels: np.ndarray) -> np.ndarray:
    """Remove crumbs that the priority rules cut off, for each structure."""
    for value in range(1, 8):
        pieces, count = ndimage.label(labels == value)
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            labels[(pieces > 0) & (pieces != sizes.argmax())] = 0
    return labels


def _add_walls(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Wrap the right ventricle, the atria and the vessels in walls that grow into the background only."""
    for cavity, wall, low, high in ((3, 103, 2.0, 4.5), (4, 104, 1.2, 2.5), (5, 105, 1.2, 2.5),
                                    (6, 106, 1.2, 2.2), (7, 107, 1.0, 2.0)):
        distance = ndimage.distance_transform_edt(labels != cavity)
        labels[(distance <= rng.uniform(low, high)) & (labels == 0)] = wall
    return labels
