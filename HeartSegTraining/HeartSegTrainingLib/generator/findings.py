"""What years and surgeons leave in a chest: calcium, clots, dissections, leads, artificial valves, stents, wires."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from .chest import Body
from .geometry import Grid, paint_tube, smooth_noise, tissue_set
from .tissues import HEART, LABEL_OF_TISSUE, METALS
from .tissues import Tissue as T

_THINNEST = 0.6
"""Radius of a wire in voxels, below which it would fall between them."""

_NECK_ARTERY = 6.5
"""Radius in mm of the widest artery of the neck, which looks like the arch that it leaves."""

_HEART_AND_METAL = (LABEL_OF_TISSUE > 0) | tissue_set(*HEART, *METALS)


def add_findings(tissue: np.ndarray, grid: Grid, body: Body, rng: np.random.Generator) -> list[str]:
    """Paint findings in place, each with its own chance; return the names of those that found a place."""
    found = []
    for name, young, old, paint in _FINDINGS:
        if rng.random() < young + (old - young) * body.age:
            before = tissue.copy()
            paint(tissue, grid, body, rng)
            if (tissue != before).any():
                found.append(name)
    return found


def _coronaries(tissue: np.ndarray, grid: Grid, _body: Body, rng: np.random.Generator) -> None:
    spots = (np.abs(smooth_noise(rng, grid, 16)) < 0.2) & (np.abs(smooth_noise(rng, grid, 16)) < 0.2)
    near = ndimage.binary_dilation(np.isin(tissue, (T.MYO, T.RV_WALL, T.RA_WALL, T.LA_WALL)), iterations=4)
    tissue[spots & near & (tissue == T.MEDIASTINAL_FAT)] = T.CORONARY


def _wall_calcium(tissue: np.ndarray, grid: Grid, body: Body, rng: np.random.Generator) -> None:
    spots = smooth_noise(rng, grid, 6) > rng.uniform(2.3, 3.2) - body.age
    tissue[spots & np.isin(tissue, (T.AORTIC_WALL, T.CORONARY))] = T.CALCIUM


def _valve_calcium(tissue: np.ndarray, grid: Grid, _body: Body, rng: np.random.Generator) -> None:
    """Spots in the lowest part of the aorta, where its valve is."""
    points, where = grid.points(tissue == T.AORTA), np.argwhere(tissue == T.AORTA)
    low = points[:, 2] < np.quantile(points[:, 2], 0.15)
    spots = smooth_noise(rng, grid, 6)[tuple(where.T)] > rng.uniform(1.0, 2.0)
    tissue[tuple(where[low & spots].T)] = T.VALVE_CALCIUM


def _clot(tissue: np.ndarray, grid: Grid, _body: Body, rng: np.random.Generator) -> None:
    """The tip of the appendage, which contrast did not reach or a clot fills."""
    where = np.argwhere(tissue == T.APPENDAGE)
    if len(where):
        height = where @ rng.standard_normal(3)
        tissue[tuple(where[height > np.quantile(height, rng.uniform(0.4, 0.9))].T)] = T.THROMBUS


def _dissection(tissue: np.ndarray, grid: Grid, _body: Body, rng: np.random.Generator) -> None:
    """A flap that turns around the middle of the ascending aorta."""
    mask = tissue == T.AORTA
    points = grid.points(mask)
    level = np.rint(points[:, 2] / grid.spacing).astype(int)
    level -= level.min()
    count = np.maximum(np.bincount(level), 1)
    middle = np.stack([np.bincount(level, points[:, k]) / count for k in range(2)], 1)[level]
    angle = rng.uniform(0, 2 * np.pi) + points[:, 2] * rng.uniform(-0.04, 0.04)
    across = points[:, :2] - middle
    from_flap = across[:, 0] * np.cos(angle) + across[:, 1] * np.sin(angle) - rng.uniform(-4, 4)
    where = np.argwhere(mask)
    tissue[tuple(where[from_flap > 0].T)] = T.FALSE_LUMEN
    tissue[tuple(where[np.abs(from_flap) < rng.uniform(0.8, 1.6)].T)] = T.FLAP


def _artificial_valve(tissue: np.ndarray, grid: Grid, _body: Body, rng: np.random.Generator) -> None:
    """A cage of metal along the wall of the lowest part of the aorta."""
    mask = tissue == T.AORTA
    height = grid.points(mask)[:, 2]
    shell = mask & ~ndimage.binary_erosion(mask, iterations=1) & (np.abs(smooth_noise(rng, grid, 7)) < 0.7)
    _, _, z = grid.coordinates()
    tissue[shell & (z < height.min() + rng.uniform(12, 35))] = T.PROSTHESIS


def _coronary_stent(tissue: np.ndarray, grid: Grid, _body: Body, rng: np.random.Generator) -> None:
    """Metal along up to 30 mm of the largest piece of a coronary artery."""
    pieces, count = ndimage.label(tissue == T.CORONARY, np.ones((3, 3, 3)))
    if count:
        where = np.argwhere(pieces == np.bincount(pieces.ravel())[1:].argmax() + 1)
        away = np.linalg.norm(where - where[rng.integers(len(where))], axis=1) * grid.spacing
        tissue[tuple(where[away < rng.uniform(6, 15)].T)] = T.METAL


def _stent_graft(tissue: np.ndarray, grid: Grid, _body: Body, rng: np.random.Generator) -> None:
    """Rings of thin metal along 6 to 14 cm of the wall of the aortic arch or the descending aorta."""
    found = ndimage.find_objects((tissue == T.ARCH).view(np.uint8))
    if not found:
        return
    region = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in found[0])
    depth = ndimage.distance_transform_edt(tissue[region] == T.ARCH) * grid.spacing
    wide = _NECK_ARTERY + grid.spacing
    core = depth > wide
    if not core.any():
        return
    aorta = ndimage.distance_transform_edt(~core) * grid.spacing < wide + grid.spacing
    shell = np.argwhere(aorta & (depth > 0) & (depth <= grid.spacing))
    middles = np.argwhere(core)
    away = np.linalg.norm(shell - middles[rng.integers(len(middles))], axis=1) * grid.spacing
    zigzag = smooth_noise(rng, grid, 9)[region][tuple(shell.T)]
    strut = np.sin(away * 2 * np.pi / rng.uniform(8, 14) + zigzag) > 0.2
    tissue[region][tuple(shell[strut & (away < rng.uniform(30, 70))].T)] = T.METAL


def _lead(tissue: np.ndarray, grid: Grid, _body: Body, rng: np.random.Generator) -> None:
    """A pacemaker's lead through the upper caval vein and the right atrium to the apex of the right ventricle."""
    vein = grid.points(tissue == T.SVC)
    if not len(vein):
        return
    atrium, rv = grid.points(tissue == T.RA).mean(0), grid.points(tissue == T.RV)
    away = rv[np.argmax(np.linalg.norm(rv - atrium, axis=1))]
    top = vein[vein[:, 2] > np.quantile(vein[:, 2], 0.9)].mean(0)
    end = rv.mean(0) + (away - rv.mean(0)) * rng.uniform(0.5, 0.95)
    path = np.stack([top, vein.mean(0), atrium + rng.normal(0, 6, 3), (atrium + rv.mean(0)) / 2 - [0, 0, 8], end])
    radius = max(rng.uniform(0.9, 1.6), _THINNEST * grid.spacing)
    for inside, code in ((T.RA, T.LEAD_RA), (T.RV, T.LEAD_RV), (T.SVC, T.METAL)):
        trabeculae = {T.RA: T.RA_TRABECULAE, T.RV: T.RV_TRABECULAE}.get(inside, inside)
        paint_tube(tissue, grid, path, radius, code, ~tissue_set(inside, trabeculae))


def _wires(tissue: np.ndarray, grid: Grid, body: Body, rng: np.random.Generator) -> None:
    """Wires that hold the sternum together after surgery."""
    front = body.centre - body.half_depth - 3
    for level in np.arange(-60, 70, rng.uniform(20, 30)):
        angle = np.linspace(0, 2 * np.pi, 9)
        ring = np.stack([body.midline + 15 * np.cos(angle), front + 8 * np.sin(angle), level + 0 * angle], 1)
        paint_tube(tissue, grid, ring, max(0.9, _THINNEST * grid.spacing), T.METAL, _HEART_AND_METAL)


_FINDINGS: tuple[tuple[str, float, float, Callable[[np.ndarray, Grid, Body, np.random.Generator], None]], ...] = (
    ("coronary arteries", 0.8, 0.8, _coronaries), ("calcium of walls", 0.05, 0.75, _wall_calcium),
    ("calcium of the aortic valve", 0.02, 0.22, _valve_calcium), ("clot", 0.05, 0.25, _clot),
    ("dissection", 0.02, 0.04, _dissection), ("artificial valve", 0.01, 0.07, _artificial_valve),
    ("coronary stent", 0.01, 0.11, _coronary_stent), ("stent graft", 0.01, 0.03, _stent_graft),
    ("lead", 0.02, 0.12, _lead), ("wires", 0.02, 0.1, _wires))
"""Name, chance in a young and in a very old body, and what paints it, in the order in which they are painted."""
