"""What the walls of the chambers look like inside: papillary muscles, trabeculae, scars.

Papillary muscles and trabeculae look like muscle, alone or mixed with blood, and belong to the cavity: readers draw the
border of the compact myocardium, and a network has to learn that from thick and dense ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .geometry import Grid, paint_tube, smooth_noise, tissue_set
from .tissues import Tissue as T


@dataclass(frozen=True)
class _Ventricle:
    """Frame of the left ventricle in the scene, mm, LPS.

    Attributes:
        centre: (3,) centre of its cavity.
        axis: (3,) unit vector from base to apex.
        right: (3,) unit vector across it, towards the right ventricle.
        length: Distance from the centre to the apex of the cavity.
        radius: Radius of the cavity at its middle.
    """

    centre: np.ndarray
    axis: np.ndarray
    right: np.ndarray
    length: float
    radius: float

    @classmethod
    def of(cls, tissue: np.ndarray, grid: Grid) -> _Ventricle:
        cavity = grid.points(tissue == T.LV)
        centre = cavity.mean(0)
        axis = centre - grid.points(tissue == T.LA).mean(0)
        axis /= np.linalg.norm(axis)
        right = grid.points(tissue == T.RV).mean(0) - centre
        right -= (right @ axis) * axis
        along = (cavity - centre) @ axis
        across = np.linalg.norm(cavity - centre - along[:, None] * axis, axis=1)
        middle = np.abs(along) < 4
        return cls(centre, axis, right / np.linalg.norm(right), float(np.quantile(along, 0.995)),
                   float(np.quantile(across[middle], 0.9)) if middle.any() else float(across.max()))

    def point(self, along: float, across: float, angle: float) -> np.ndarray:
        """Return a point: shares of length and radius, and the angle in degrees from the right ventricle."""
        turn = np.deg2rad(angle)
        side = np.cos(turn) * self.right + np.sin(turn) * np.cross(self.axis, self.right)
        return self.centre + along * self.length * self.axis + across * self.radius * side

    def towards_apex(self, grid: Grid, region: tuple[slice, ...]) -> np.ndarray:
        """Return 0 at the centre and above, 1 at the apex, for the voxels of a region."""
        x, y, z = grid.coordinates()
        along = sum(((c - m) * a) for c, m, a in zip((x, y, z), self.centre, self.axis, strict=True))[region]
        return np.clip(along / self.length, 0, 1)


def add_muscle_detail(tissue: np.ndarray, grid: Grid, rng: np.random.Generator) -> None:
    """Paint papillary muscles, moderator band, trabeculae and sometimes a scar, in place."""
    ventricle = _Ventricle.of(tissue, grid)
    _paint_papillary_muscles(tissue, grid, ventricle, rng)
    u = rng.uniform
    # Chamber, its trabeculae, depth in mm at the base and what comes on top towards the apex, share of the layer.
    for chamber, code, depth, more, share in (
            (T.LV, T.LV_TRABECULAE, u(0.0, 4.0), u(0, 9), u(0.15, 0.7)),
            (T.RV, T.RV_TRABECULAE, u(1, 8), u(4, 16), u(0.12, 0.6)),
            (T.RA, T.RA_TRABECULAE, u(1, 7), 0.0, u(0.05, 0.3))):
        _paint_trabeculae(tissue, grid, ventricle, rng, chamber, code, (depth, more, share))
    if rng.random() < 0.6:
        centre = grid.points(tissue == T.RV).mean(0)
        low = centre + 0.35 * ventricle.length * ventricle.axis
        band = np.array([low - 22 * ventricle.right, low + rng.normal(0, 3, 3), low + 26 * ventricle.right])
        paint_tube(tissue, grid, band, u(1.2, 3.2), T.RV_TRABECULAE, ~tissue_set(T.RV))
    if rng.random() < 0.3:
        _paint_scar(tissue, grid, ventricle, rng)


def _paint_papillary_muscles(tissue: np.ndarray, grid: Grid, ventricle: _Ventricle, rng: np.random.Generator) -> None:
    """Two groups on the free wall, 120 degrees from the septum on either side, of one to three muscles each."""
    u = rng.uniform
    everything_but_lv = ~tissue_set(T.LV)
    for middle in (120, 240):
        for _ in range(int(rng.integers(1, 4))):
            angle = middle + u(-22, 22)
            tip = ventricle.point(u(-0.25, 0.1), u(0.45, 0.75), angle)
            body = ventricle.point(u(0.2, 0.4), u(0.6, 0.85), angle + u(-8, 8))
            foot = ventricle.point(u(0.5, 0.75), u(0.65, 0.85), angle + u(-8, 8))
            thick = ventricle.radius * u(0.1, 0.27)
            paint_tube(tissue, grid, np.stack([tip, body, foot]), [0.6 * thick, thick, 0.9 * thick], T.PAPILLARY,
                       everything_but_lv)


def _paint_trabeculae(tissue: np.ndarray, grid: Grid, ventricle: _Ventricle, rng: np.random.Generator, chamber: T,
                      code: T, layer: tuple[float, float, float]) -> None:
    depth, more, share = layer
    found = ndimage.find_objects((tissue == chamber).view(np.uint8))
    if not found:
        return
    region = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in found[0])
    mask = tissue[region] == chamber
    inside = ndimage.distance_transform_edt(mask) * grid.spacing
    noise = np.abs(smooth_noise(rng, grid, float(rng.uniform(7, 13)))[region])
    reach = depth + more * ventricle.towards_apex(grid, region)
    tissue[region][mask & (inside < reach) & (noise < share)] = code


def _paint_scar(tissue: np.ndarray, grid: Grid, ventricle: _Ventricle, rng: np.random.Generator) -> None:
    """A scar reaches from the cavity outwards, in the territory of one artery."""
    centre = ventricle.point(float(rng.uniform(-0.2, 0.8)), 1.1, float(rng.uniform(0, 360)))
    x, y, z = grid.coordinates()
    size = rng.uniform(10, 24)
    near = sum(((c - m) / size) ** 2 for c, m in zip((x, y, z), centre, strict=True)) < 1
    found = ndimage.find_objects((near & (tissue == T.MYO)).view(np.uint8))
    if not found:
        return
    region = tuple(slice(max(s.start - 12, 0), s.stop + 12) for s in found[0])
    cavity = np.isin(tissue[region], (T.LV, T.PAPILLARY, T.LV_TRABECULAE))
    outwards = ndimage.distance_transform_edt(~cavity) * grid.spacing
    scar = near[region] & (tissue[region] == T.MYO) & (outwards < rng.uniform(3, 9))
    tissue[region][scar] = T.SCAR
