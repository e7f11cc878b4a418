"""Procedural parametric hearts: seven structures and their walls from a dozen numbers, no patient data.

Proportions follow the centroids and extents of two four-chamber hearts in their own heart frame (base, right
ventricle, up; origin at the centre of the left ventricle), see :func:`.geometry.heart_axes`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np
from scipy import ndimage

from .geometry import Grid, curve, distance_within, heart_axes, smooth_noise

GRID = Grid(size=184, spacing=1.0)
"""Grid of a parametric heart: 184 mm cube at 1 mm."""


@dataclass(frozen=True)
class HeartParameters:
    """Shape of one heart; every number is in [0, 1] and spans the range written beside it.

    Attributes:
        lv_length: Long axis of the left ventricle, 0.8-1.22 of the average.
        lv_width: Its short axes at end diastole, 0.72-1.4: small to dilated.
        wall: Mean left ventricular wall at end diastole, 4.5-16 mm, 0.7 times that where the cavity is at its widest;
            most are thin, some are hypertrophic. In places it is 0.55 to 1.4 times its mean.
        contraction: Phase of the beat; up to 0.6 is end diastole, then the ventricles contract to end systole.
        rv_size: Right ventricle, 0.7-1.32.
        rv_wall: Its free wall, 1.2-5.5 mm.
        la_size: Left atrium, 0.85-1.6.
        ra_size: Right atrium, 0.9-1.55; large where the left one is, as in most patients.
        aorta: Radius of the aortic root, 10.5-21 mm.
        pulmonary: Radius of the pulmonary trunk, 9.5-19 mm.
        azimuth: Turn of the heart about the body axis, -30 to 30 degrees.
        elevation: Lie of the long axis, -24 to 26 degrees (vertical to horizontal heart).
        roll: Turn about the long axis, -20 to 20 degrees.
        scale: Whole heart, 0.87-1.14.
    """

    lv_length: float
    lv_width: float
    wall: float
    contraction: float
    rv_size: float
    rv_wall: float
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
"""The region of parameter space kept for measurement (16 % of all hearts); it goes into the model card.

Right ventricles above 1.07 and left atria above 1.3 of the average."""


_ATRIA_ALIKE = 0.5
"""Share of the right atrium's size that follows the left one's: healthy adults' ratio stays within 1.11 and 1.71."""


def draw_parameters(rng: np.random.Generator, *, held_out: bool = False) -> HeartParameters:
    """Draw a heart inside or outside the held-out region."""
    names = [field.name for field in fields(HeartParameters)]
    while True:
        drawn = dict(zip(names, map(float, rng.random(len(names))), strict=True))
        drawn["ra_size"] = (1 - _ATRIA_ALIKE) * drawn["ra_size"] + _ATRIA_ALIKE * drawn["la_size"]
        parameters = HeartParameters(**drawn)
        if parameters.held_out() == held_out:
            return parameters


def _between(fraction: float, low: float, high: float) -> float:
    return low + fraction * (high - low)


_END_DIASTOLE = 0.6
"""Share of all hearts that are caught at end diastole."""


_UNEVEN_WALL = 0.3
"""Largest standard deviation of the left ventricle's wall over its surface, relative to its mean: regions that an
infarct thinned, a septum that is thicker than the free wall."""


@dataclass(frozen=True)
class _Sizes:
    """Lengths in mm, and sizes of chambers relative to the average, of a heart in its phase of the beat."""

    length: float
    radius: float
    wall: float
    rv: float
    la: float
    ra: float

    @property
    def plane(self) -> float:
        """Height of the mitral plane above the centre of the left ventricle."""
        return 34 * self.length

    @property
    def side(self) -> float:
        """Outer radius of the left ventricle."""
        return self.radius + self.wall


def _sizes(p: HeartParameters) -> _Sizes:
    """Contraction shortens the ventricles, narrows their cavities and thickens the wall; the atria fill."""
    phase = max(p.contraction - _END_DIASTOLE, 0.0) / (1 - _END_DIASTOLE)
    return _Sizes(
        length=_between(p.lv_length, 0.8, 1.22) * (1 - 0.13 * phase),
        radius=25.5 * _between(p.lv_width, 0.72, 1.4) * (1 - 0.4 * phase),
        wall=_between(p.wall**1.5, 4.5, 16) * (1 - 0.3 * p.lv_width) * (1 - 0.1 * phase) + 6.5 * phase,
        rv=_between(p.rv_size, 0.7, 1.32) * (1 - 0.2 * phase),
        la=_between(p.la_size, 0.85, 1.6) * (1 + 0.1 * phase),
        ra=_between(p.ra_size, 0.9, 1.55) * (1 + 0.08 * phase))


def _rotation(axis: int, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    first, second = [k for k in range(3) if k != axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def heart_frame(parameters: HeartParameters) -> np.ndarray:
    """Return the (3, 3) rows base, right, up of this heart in LPS, turned as its parameters say."""
    axes = heart_axes() @ _rotation(2, _between(parameters.azimuth, -30, 30)).T
    lie = _between(parameters.elevation, -24, 26)
    roll = _between(parameters.roll, -20, 20)
    # In the heart's own axes: 1 is the right ventricle, so a turn about it lowers the base; 0 is the long axis.
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


def _ventricles(q: np.ndarray, size: _Sizes, wall: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of the ventricles; q is (3, ...) in heart axes, mm, and so is the left wall's thickness in each place."""
    base, right, up = q
    length, radius, rv, plane, side = size.length, size.radius, size.rv, size.plane, size.side
    long_axis = 55 * length
    # The cavity is a half ellipsoid towards the apex and a barrel towards the base.
    along = np.where(base < 8, (base - 8) / long_axis, (base - 8) / (1.15 * long_axis))
    cavity = np.sqrt(along**2 + (right**2 + up**2) / radius**2) < 1
    outer_along = np.where(base < 8, (base - 8) / (long_axis + 0.75 * wall), (base - 8) / (1.2 * long_axis))
    outer = np.sqrt(outer_along**2 + (right**2 + up**2) / (radius + wall) ** 2) < 1
    body = _ellipsoid(q, (2 * length, side * 0.72 + 10 * rv, 1.0),
                      (54 * length * rv**0.5, 33 * rv, 38 * rv**0.8)) < 1
    outflow_centre = (26 * length, side * 0.75 + 2, side * 0.85 + 4)
    outflow = _ellipsoid(q, outflow_centre, (24, 17 * rv**0.5, 20)) < 1
    tricuspid = plane + 1 + 0.10 * (right - 40)
    return {
        "LV": cavity & (base < plane), "MYO": outer & (base < plane + 4),
        "RV": (body & (base < tricuspid)) | (outflow & (base < plane + 10)),
    }


def _great_vessels(p: HeartParameters, frame: np.ndarray, plane: float, side: float) -> dict[str, tuple]:
    """Control points (heart axes, mm) and radii of the aortic root and the pulmonary trunk."""
    aorta, pulmonary = _between(p.aorta, 10.5, 21), _between(p.pulmonary, 9.5, 19)
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
    scale = _between(p.scale, 0.87, 1.14)
    # The centre of the left ventricle lies left of and below the centre of the whole heart.
    centre = np.array([26.0, 4.0, -14.0])
    shift = [smooth_noise(rng, GRID, 38) * rng.uniform(0.6, 2.2) for _ in range(3)]
    world = [(axis + noise - c) / scale for axis, noise, c in zip((x, y, z), shift, centre, strict=True)]
    q = np.stack([sum(row[k] * world[k] for k in range(3)) for row in frame]).astype(np.float32)
    size = _sizes(p)
    wall = size.wall * np.clip(1 + rng.uniform(0, _UNEVEN_WALL) * smooth_noise(rng, GRID, 32), 0.55, 1.4)
    ventricles, plane, side, la, ra = _ventricles(q, size, wall), size.plane, size.side, size.la, size.ra
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
    return _add_walls(_largest_pieces(labels), _between(p.rv_wall, 1.2, 5.5), rng)


def _largest_pieces(labels: np.ndarray) -> np.ndarray:
    """Remove crumbs that the priority rules cut off, for each structure."""
    for value in range(1, 8):
        pieces, count = ndimage.label(labels == value)
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            labels[(pieces > 0) & (pieces != sizes.argmax())] = 0
    return labels


def _add_walls(labels: np.ndarray, rv_wall: float, rng: np.random.Generator) -> np.ndarray:
    """Wrap the right ventricle, the atria and the vessels in walls that grow into the background only."""
    for cavity, wall, low, high in ((3, 103, rv_wall, rv_wall), (4, 104, 1.2, 2.5), (5, 105, 1.2, 2.5),
                                    (6, 106, 1.2, 2.2), (7, 107, 1.0, 2.0)):
        region, distance = distance_within(labels == cavity, 7)
        near = labels[region]
        near[(distance <= rng.uniform(low, high)) & (near == 0)] = wall
    return labels
