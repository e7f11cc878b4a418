"""The body around the heart: without chest and vessels a model fails on real scans, so they are drawn with care."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import Grid, paint_tube, smooth_noise, tissue_set
from .tissues import Tissue as T


@dataclass(frozen=True)
class Body:
    """Placement of the chest in mm: midline x, centre y (posterior positive), half width and half depth; and its age.

    Age runs from 0 in a young adult to 1 in a very old one. It makes the chest deep and bent, stretches the aorta and
    brings calcium and what is implanted. Children are smaller as a whole, see :class:`.deformation.Deformation`.
    """

    midline: float
    centre: float
    half_width: float
    half_depth: float
    age: float


_BARREL = 0.25
"""What a very old chest is deeper than a young one, relative to it: nearly as deep as wide, as in emphysema."""

_KYPHOSIS = 40.0
"""How far the neck and the loins of a very old body come forward, mm: some 45 degrees between the spine's ends."""


def draw_body(rng: np.random.Generator) -> Body:
    """Draw the chest's age, placement and size about a heart at the origin, which lies left of the midline."""
    u, age = rng.uniform, rng.random()
    return Body(-u(10, 30), u(6, 24), u(104, 148), u(70, 104) * (1 + _BARREL * age), age)


def bend(tissue: np.ndarray, grid: Grid, body: Body) -> np.ndarray:
    """Bend a whole body about the level of its heart, as kyphosis does: the farther an axial slice, the more forward.

    Moving whole slices keeps what touches in an axial plane together; the ends of a large heart move by up to 8 mm.

    Args:
        tissue: (n, n, n) uint8 scene, [z, y, x] in LPS.
        grid: Its grid.
        body: Whose age says how bent it is.

    Returns:
        The bent scene; behind its last row, that row goes on.
    """
    beyond = np.clip((np.abs(grid.axis) - 30) / 150, 0, 1)
    forward = _KYPHOSIS * body.age * (1 - np.cos(np.pi * beyond)) / 2
    index = np.arange(grid.size)
    rows = index + np.rint(forward / grid.spacing).astype(int)[:, None]
    return tissue[index[:, None], np.minimum(rows, grid.size - 1)]


def chest_tissue(grid: Grid, body: Body, heart_floor: float, rng: np.random.Generator) -> np.ndarray:
    """Draw body wall, ribs, lungs, spine, sternum, mediastinum, diaphragm and what lies below it.

    Args:
        grid: Grid of the scene.
        body: Placement of the chest.
        heart_floor: z of the lowest heart voxel, mm: the diaphragm follows it.
        rng: Random source.

    Returns:
        (n, n, n) uint8 tissue codes.
    """
    u = rng.uniform
    x, y, z = grid.coordinates()
    across, depth = x - body.midline, y - body.centre
    wobble = smooth_noise(rng, grid, 50) * 0.04
    # The chest narrows towards its upper opening.
    taper = np.sqrt(np.clip(1 - (np.maximum(z - u(20, 60), 0) / u(170, 230)) ** 2, 0.15, 1)).astype(np.float32)
    cavity = np.sqrt((across / body.half_width) ** 2 + (depth / body.half_depth) ** 2) / taper + wobble
    skin = np.sqrt((across / (body.half_width + u(18, 50))) ** 2
                   + (depth / (body.half_depth + u(16, 45))) ** 2) + wobble
    tissue = np.zeros((grid.size,) * 3, np.uint8)
    tissue[skin < 1] = T.SUBCUTANEOUS_FAT
    tissue[(cavity < u(1.09, 1.17)) & (skin < 1)] = T.MUSCLE
    slope = z - u(0.3, 0.7) * depth + 0.15 * np.abs(across)
    rib = np.sin(slope * 2 * np.pi / u(24, 30) + u(0, 6)) > 0.25
    shell = (cavity > 1) & (cavity < 1.07)
    tissue[shell & rib] = T.CORTICAL_BONE
    tissue[(cavity > 1.02) & (cavity < 1.05) & rib] = T.SPONGY_BONE
    inside = cavity < 1
    tissue[inside] = T.LUNG
    patches = smooth_noise(rng, grid, 35) * 8
    below = _abdomen(tissue, grid, body, heart_floor, inside, cavity, patches, rng)
    strip = (np.abs(across - patches * 0.3) < u(14, 32)) & inside & ~below
    tissue[strip & ((depth > 8) | (z > 30) | (depth < -52))] = T.MEDIASTINAL_FAT
    _spine_and_sternum(tissue, grid, body, rng)
    _lung_detail(tissue, grid, body, rng)
    return tissue


def _abdomen(tissue: np.ndarray, grid: Grid, body: Body, floor: float, inside: np.ndarray, cavity: np.ndarray,
             patches: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill what lies under the two domes of the diaphragm; return its mask."""
    u = rng.uniform
    x, y, z = grid.coordinates()
    across, depth = x - body.midline, y - body.centre
    right = u(-5, 25) * np.exp(-(((across + 60) / 55) ** 2) - (depth / 70) ** 2)
    left = u(-15, 10) * np.exp(-(((across - 75) / 50) ** 2) - (depth / 70) ** 2)
    dome = floor + 4 + np.where(across < 10, right, left) - 25 * np.clip(cavity, 0, 1) ** 3
    below = (z < dome) & inside
    liver = below & (across + patches < u(10, 50))
    stomach = below & ~liver & (patches - depth * 0.3 < u(-2, 10))
    tissue[below] = T.SPLEEN
    tissue[stomach] = T.STOMACH
    tissue[liver] = T.LIVER
    bowel = below & (z < dome - u(70, 110))
    folds = smooth_noise(rng, grid, 28)
    tissue[bowel & (folds > 0.2)] = T.SOFT_TISSUE
    tissue[bowel & (folds <= 0.2)] = T.MEDIASTINAL_FAT
    tissue[bowel & (folds > 1.3)] = T.AIRWAY
    for side in (-1, 1):
        kidney = (((across - side * 55) / 28) ** 2 + ((depth - 45) / 24) ** 2 + ((z - dome + 120) / 50) ** 2) < 1
        tissue[kidney & below] = T.KIDNEY
    tissue[below & (np.abs(smooth_noise(rng, grid, 25)) < 0.22) & ~liver] = T.MEDIASTINAL_FAT
    return below


def _spine_and_sternum(tissue: np.ndarray, grid: Grid, body: Body, rng: np.random.Generator) -> None:
    u = rng.uniform
    x, y, z = grid.coordinates()
    across = x - body.midline
    wave = np.sin(z * 2 * np.pi / u(24, 32))
    centre = body.centre + body.half_depth - u(20, 32)
    vertebra = across**2 + (y - centre) ** 2 < (u(16, 21) - 0.8 * (wave > 0.75)) ** 2
    tissue[vertebra] = T.SPONGY_BONE
    tissue[vertebra & (wave > 0.85)] = T.SOFT_TISSUE
    muscle = (across / 30) ** 2 + ((y - centre - 34) / 14) ** 2 + 0 * z < 1
    tissue[muscle] = T.MUSCLE
    tissue[across**2 + (y - centre - 25) ** 2 + 0 * z < 8**2] = T.SOFT_TISSUE
    tissue[np.broadcast_to((np.abs(across) < 5) & (y > centre + 30) & (y < centre + 55), tissue.shape)] = \
        T.CORTICAL_BONE
    front = body.centre - body.half_depth - 3
    sternum = (across / u(14, 20)) ** 2 + ((y - front) / 6) ** 2 + 0 * z < 1
    tissue[sternum & (z > -70)] = T.STERNUM


def _lung_detail(tissue: np.ndarray, grid: Grid, body: Body, rng: np.random.Generator) -> None:
    lung = tissue == T.LUNG
    thin = rng.uniform(0.13, 0.32)
    branch = (np.abs(smooth_noise(rng, grid, 13)) < thin) & (np.abs(smooth_noise(rng, grid, 13)) < thin)
    tissue[branch & lung] = T.LUNG_VESSEL
    if rng.random() < 0.2:
        x, y, _ = grid.coordinates()
        side = (x < body.midline) == (rng.random() < 0.5)
        tissue[lung & side & (y > body.centre + rng.uniform(25, 55))] = T.FLUID


def wrap_heart(tissue: np.ndarray, grid: Grid, distance: np.ndarray, rng: np.random.Generator) -> None:
    """Put epicardial fat of uneven thickness, sometimes pericardium or effusion, around the heart.

    Args:
        tissue: Scene without its heart, changed in place.
        grid: Its grid.
        distance: Distance to the closed outline of the heart, mm.
        rng: Random source.
    """
    bone = np.isin(tissue, (T.SPONGY_BONE, T.STERNUM, T.CORTICAL_BONE))
    # A free wall can lie directly against the lung: the fat's thickness goes down to nothing.
    fat = np.clip(rng.uniform(-2, 8) + smooth_noise(rng, grid, 30) * rng.uniform(1, 5), 0, 18)
    tissue[(distance < fat) & ~bone] = T.MEDIASTINAL_FAT
    if rng.random() < 0.4:
        tissue[(distance > fat) & (distance < fat + rng.uniform(1.2, 2.2)) & ~bone] = T.SOFT_TISSUE
    if rng.random() < 0.12:
        depth = rng.uniform(3, 14)
        tissue[(distance < depth) & ~bone] = T.FLUID


def paint_oesophagus(tissue: np.ndarray, grid: Grid, body: Body, rng: np.random.Generator) -> None:
    """Paint the oesophagus in front of the spine."""
    y = body.centre + body.half_depth - 52
    path = np.array([[body.midline + 8, y, 130.0], [body.midline + 8, y - 4, -60.0]])
    heart = tissue_set(T.LV, T.MYO, T.RV, T.LA, T.RA, T.AORTA, T.PULMONARY_ARTERY, T.ARCH, T.PULMONARY_VEIN,
                       T.LA_WALL, T.RA_WALL, T.RV_WALL, T.SVC, T.IVC, T.PULMONARY_BRANCH)
    paint_tube(tissue, grid, path, rng.uniform(5, 9), T.SOFT_TISSUE, heart)
