"""Great vessels, veins and appendage around a heart, drawn from where the heart's own parts lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chest import Body
from .geometry import Grid, paint_tube, tissue_set
from .tissues import Tissue as T

_CHAMBERS = (T.LV, T.MYO, T.RV, T.LA, T.RA, T.AORTA, T.PULMONARY_ARTERY, T.RV_WALL, T.LA_WALL, T.RA_WALL,
             T.PAPILLARY, T.APPENDAGE)


def _mean(grid: Grid, mask: np.ndarray) -> np.ndarray:
    return grid.points(mask).mean(0)


def _end(grid: Grid, mask: np.ndarray, fraction: float, top: bool = True) -> np.ndarray:
    """Mean position of the uppermost (or lowest) fraction of a mask."""
    points = grid.points(mask)
    height = points[:, 2]
    keep = height >= np.quantile(height, 1 - fraction) if top else height <= np.quantile(height, fraction)
    return points[keep].mean(0)


@dataclass
class VesselPaths:
    """Control points in mm (LPS) and radii of every vessel of one scene."""

    ascending: np.ndarray
    arch: np.ndarray
    trunk: np.ndarray
    right_branch: np.ndarray
    left_branch: np.ndarray
    svc: np.ndarray
    ivc: np.ndarray
    neck: list[np.ndarray]
    veins: list[tuple[np.ndarray, float]]
    appendage: np.ndarray
    right_appendage: np.ndarray
    airways: list[np.ndarray]
    aorta_radius: float
    descending_radius: float
    pulmonary_radius: float


def plan_vessels(tissue: np.ndarray, grid: Grid, body: Body, rng: np.random.Generator) -> VesselPaths:
    """Plan the vessels of a scene that holds a heart.

    Args:
        tissue: Scene with the heart's tissues.
        grid: Its grid.
        body: The chest they run in; with its age the aorta is longer.
        rng: Random source.
    """
    u = rng.uniform
    root, root_top = _mean(grid, tissue == T.AORTA), _end(grid, tissue == T.AORTA, 0.15)
    trunk_start, trunk_top = _mean(grid, tissue == T.PULMONARY_ARTERY), _end(grid, tissue == T.PULMONARY_ARTERY, 0.2)
    aorta_radius = min(max(u(11, 18.5), 0.8 * _radius(grid, tissue == T.AORTA)), 22)
    unfolding = body.age * u(0, 1)
    top = root_top + [u(-10, 3), u(-5, 8), u(20, 60) + 6 * unfolding]
    radius = u(9.5, 18)
    la = grid.points(tissue == T.LA)
    la_top = np.quantile(la[:, 2], 0.97)
    fork = trunk_top + [u(-3, 6), u(10, 20), u(3, 11)]
    fork[2] = max(fork[2], la_top + 0.75 * radius + 4)
    svc_start = _end(grid, tissue == T.RA, 0.08)
    # The right branch runs behind the ascending aorta and the caval vein, above the roof of the left atrium.
    behind = max(fork[1] + 4, top[1] + aorta_radius + 0.75 * radius + 2)
    # What descends lies beside the spine, which is farther back in an old, deep chest.
    down = max(body.centre + u(42, 64) + 20 * body.age, behind + 0.75 * radius + 0.8 * aorta_radius)
    arch = _plan_arch(top, body.midline, down, unfolding, rng)
    level = max(fork[2] - 4, la_top + 0.75 * radius + 1)
    right = np.array([fork, [(fork[0] + top[0]) / 2, (fork[1] + behind) / 2 + 2, (fork[2] + level) / 2],
                      [top[0] - 6, behind, level], [svc_start[0] - 6, behind + 2, level - 4],
                      [svc_start[0] - 42, behind + 6, level - 20]])
    left = np.array([fork, fork + [18, 17, 3], fork + [38, 34, -2], fork + [56, 45, -26]])
    ivc_start = _end(grid, tissue == T.RA, 0.08, top=False)
    svc = np.array([svc_start + [0, 2, -4], svc_start + [-2, 4, 25], svc_start + [u(-8, 0), 2, 60],
                    svc_start + [0, 2, 110]])
    ivc = np.array([ivc_start + [0, 0, 6], ivc_start + [0, 8, -15], ivc_start + [2, 16, -45],
                    ivc_start + [4, 20, -200]])
    fork_airway = fork + [-16, 26, 20]
    airways = [np.array([fork_airway, fork_airway + [0, 6, 120]]),
               np.array([fork_airway, fork_airway + [-30, 8, -22]]),
               np.array([fork_airway, fork_airway + [38, 8, -26]])]
    return VesselPaths(np.array([root, root_top, top]), arch, np.array([trunk_start, trunk_top, fork]), right, left,
                       svc, ivc, _plan_neck(arch, rng), _plan_veins(la, rng), _plan_appendage(la, rng),
                       _plan_right_appendage(grid.points(tissue == T.RA), rng), airways, aorta_radius,
                       aorta_radius * u(0.7, 0.95), radius)


def _radius(grid: Grid, mask: np.ndarray) -> float:
    """Rough radius of a short vessel stub: from its volume and height."""
    points = grid.points(mask)
    height = max(np.ptp(points[:, 2]), 10.0)
    return float(np.sqrt(len(points) * grid.spacing**3 / (np.pi * height)))


def _plan_arch(top: np.ndarray, midline: float, down_y: float, unfolding: float,
               rng: np.random.Generator) -> np.ndarray:
    """Plan the arch and the descending aorta, whose depth is given; rarely the arch turns to the right.

    An aorta that has grown longer with age unfolds (0 for not at all, 1 for most): its arch is higher and wider, and
    what descends swings out to the side.
    """
    u = rng.uniform
    side, rise = (-1 if rng.random() < 0.03 else 1), u(0.7, 1.8) + 0.3 * unfolding
    down_x = midline + side * (u(16, 36) + 8 * unfolding)
    return np.array([top, top + [6 * side, 10, 12 * rise], top + [16 * side, 28, 15 * rise],
                     [down_x - 2 * side, down_y - 14, top[2] + 7 * rise], [down_x, down_y, top[2] - 14],
                     [down_x + u(-8, 6) + 12 * side * unfolding, down_y + 4, 0], [midline + 8, down_y + 6, -110],
                     [midline + 6, down_y + 8, -230]])


def _plan_neck(arch: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Plan two or three arteries that leave the arch upward; two where the first ones share a trunk."""
    starts = [arch[1], (arch[1] + arch[2]) / 2, arch[2]][1 if rng.random() < 0.2 else 0:]
    return [np.array([start, start + [lean, -2, 30], start + [2.5 * lean, -4, 120]])
            for start, lean in zip(starts, (-14, 2, 10), strict=False)]


def _plan_veins(la: np.ndarray, rng: np.random.Generator) -> list[tuple[np.ndarray, float]]:
    """Plan three to five pulmonary veins with their radii: two a side, now and then a common trunk or a middle vein.

    At most one side has a common trunk, more often the left one; a middle vein is one of the right lung.
    """
    u = rng.uniform
    behind = np.quantile(la[:, 1], 0.7)
    common = rng.choice((-1, 0, 1), p=(0.05, 0.8, 0.15))
    veins = []
    for side, quantile in ((-1, 0.06), (1, 0.94)):
        start = np.quantile(la[:, 0], quantile)
        if side == common:
            courses = [(0.5, 0.0, u(6.5, 9.5))]
        else:
            courses = [(0.25, -12.0, u(4, 7.5)), (0.75, 12.0, u(4, 7.5))]
            if side == -1 and rng.random() < 0.15:
                courses.append((0.5, 0.0, u(2.5, 4.5)))
        for level, rise, radius in courses:
            height = np.quantile(la[:, 2], level)
            veins.append((np.array([[start - side * 7, behind - 4, height],
                                    [start + side * 14, behind + 5, height + u(-4, 6)],
                                    [start + side * 48, behind + 20, height + rise]]), radius))
    return veins


def _plan_appendage(la: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Plan the left atrial appendage: short or long, straight or bent."""
    start = np.array([np.quantile(la[:, 0], 0.9), np.quantile(la[:, 1], 0.2), np.quantile(la[:, 2], 0.8)])
    reach = rng.uniform(0.7, 1.5)
    return np.array([start, start + np.array([8, -14, 4]) * reach,
                     start + np.array([8, -30, 2]) * reach + rng.uniform(-7, 7, 3)])


def _plan_right_appendage(ra: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Plan the right atrial appendage, a wide cone to the front and left, towards the root of the aorta."""
    start = np.array([np.quantile(ra[:, 0], 0.6), np.quantile(ra[:, 1], 0.15), np.quantile(ra[:, 2], 0.75)])
    return np.array([start, start + np.array([7, -9, 7]), start + np.array([15, -14, 11]) * rng.uniform(0.8, 1.3)])


def paint_veins(tissue: np.ndarray, grid: Grid, paths: VesselPaths, rng: np.random.Generator) -> None:
    """Paint caval and pulmonary veins, the left atrial appendage and the airways."""
    u = rng.uniform
    chambers = tissue_set(*_CHAMBERS)
    svc_radius, ivc_radius, wall = u(7, 11), u(9, 13), u(0.8, 1.8)
    for extra, upper, lower in ((wall, T.PULMONARY_WALL, T.PULMONARY_WALL), (0, T.SVC, T.IVC)):
        paint_tube(tissue, grid, paths.svc, svc_radius + extra, upper, chambers)
        paint_tube(tissue, grid, paths.ivc, ivc_radius + extra, lower, chambers)
    keep = tissue_set(*(c for c in _CHAMBERS if c != T.LA_WALL), T.SVC, T.IVC)
    for vein, radius in paths.veins:
        paint_tube(tissue, grid, vein, radius, T.PULMONARY_VEIN, keep)
    if rng.random() < 0.85:
        grown = [u(6, 11), u(5, 9), u(3, 6)]
        paint_tube(tissue, grid, paths.appendage, grown, T.APPENDAGE, keep)
    if rng.random() < 0.8:
        paint_tube(tissue, grid, paths.right_appendage, [u(8, 12), u(6, 9), u(3, 5)], T.RA,
                   tissue_set(*(c for c in _CHAMBERS if c != T.RA_WALL), T.SVC))
    for path, radius in zip(paths.airways, (9.0, 6.5, 6.0), strict=True):
        paint_tube(tissue, grid, path, radius, T.AIRWAY, tissue_set(*_CHAMBERS, T.SVC, T.PULMONARY_VEIN))


def paint_arteries(tissue: np.ndarray, grid: Grid, paths: VesselPaths, rng: np.random.Generator) -> None:
    """Paint aorta and pulmonary artery, walls first, then lumen.

    Labels end at visible places: the aorta where the arch turns away, the right pulmonary branch beyond the caval
    vein, the left one where it turns down.
    """
    wall = rng.uniform(1.0, 2.2)
    chambers = tissue_set(*_CHAMBERS, T.SVC, T.IVC, T.PULMONARY_VEIN)
    proximal = tissue_set(*(c for c in _CHAMBERS if c != T.AORTA), T.SVC, T.PULMONARY_VEIN)
    for extra, far, near in ((wall, T.AORTIC_WALL, T.AORTIC_WALL), (0.0, T.ARCH, T.AORTA)):
        radii = [paths.aorta_radius + extra] * 3 + [paths.descending_radius + extra] * 5
        paint_tube(tissue, grid, paths.arch, radii, far, chambers)
        paint_tube(tissue, grid, paths.ascending, paths.aorta_radius + extra, near, proximal | tissue_set(T.AORTA))
    for artery in paths.neck:
        paint_tube(tissue, grid, artery, rng.uniform(3, 6.5), T.ARCH, chambers | tissue_set(T.AORTA, T.AORTIC_WALL))
    radius = paths.pulmonary_radius
    keep = chambers | tissue_set(T.AORTA, T.ARCH)
    for extra, far, near in ((wall * 0.7, T.PULMONARY_WALL, T.PULMONARY_WALL),
                             (0.0, T.PULMONARY_BRANCH, T.PULMONARY_ARTERY)):
        right = [radius * r + extra for r in (0.78, 0.75, 0.72, 0.66, 0.45)]
        left = [radius * r + extra for r in (0.78, 0.74, 0.62, 0.5)]
        keep_here = keep if not extra else keep | tissue_set(T.AORTIC_WALL)
        paint_tube(tissue, grid, paths.right_branch, right, far, keep_here)
        paint_tube(tissue, grid, paths.left_branch, left, far, keep_here)
        paint_tube(tissue, grid, paths.right_branch[:4], right[:4], near, keep_here)
        paint_tube(tissue, grid, paths.left_branch[:3], left[:3], near, keep_here)
        paint_tube(tissue, grid, paths.trunk, radius + extra, near, keep_here)
