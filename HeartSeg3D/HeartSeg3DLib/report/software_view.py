"""The heart in 3-D without OpenGL: rays, light from two lamps and the sky, and shade in the grooves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeartSeg3DLib.report.canvas import Color, Picture
from HeartSeg3DLib.report.heart_field import HeartField
from HeartSeg3DLib.report.rays import Hits, cast_rays

Floats = NDArray[np.float32]

_SAMPLES = 2
"""Rays along each side of a pixel, so that edges are smooth."""
_THINNEST_WALL = 0.7
"""In voxels; where wall and chamber end in the same surface, that surface is the chamber's."""
_GAMMA = 2.2
"""Light adds up linearly; colors are stored as a screen shows them."""

# Unit vectors (right, down, depth) towards the lights; depth grows away from the viewer.
_KEY_LIGHT = np.array([-0.45, -0.61, -0.65], np.float32)
_FILL_LIGHT = np.array([0.87, -0.10, -0.48], np.float32)
_HIGHLIGHT = np.array([-0.25, -0.34, -0.91], np.float32)
"""Halfway between the key light and the viewer, where a shiny surface reflects the light."""


def draw_heart(heart: HeartField, pixels_per_voxel: float, background: Color) -> Picture:
    """Draw the heart.

    Args:
        heart: Structures in the camera's frame.
        pixels_per_voxel: Scale of the picture, which shows the whole field.
        background: sRGB, 0 to 1.

    Returns:
        Colors [y, x, rgb].
    """
    rows, columns = (round(count * pixels_per_voxel) * _SAMPLES for count in heart.size[1:])
    light = np.empty((rows, columns, 3), np.float32)
    light[:] = np.power(background, _GAMMA)
    nearest = np.full((rows, columns), np.inf, np.float32)
    drawn = [(item, cast_rays(item, (rows, columns), pixels_per_voxel * _SAMPLES)) for item in heart.structures]
    for structure, hits in drawn:
        if not structure.see_through:
            _draw_solid(light, nearest, hits, structure.color)
    light *= _openness(nearest, pixels_per_voxel * _SAMPLES)[..., None]
    for structure, hits in drawn:
        if structure.see_through:
            _draw_wall(light, nearest, hits, structure.color)
    screen = np.clip(light, 0, 1) ** (1 / _GAMMA)
    return screen.reshape(rows // _SAMPLES, _SAMPLES, columns // _SAMPLES, _SAMPLES, 3).mean(axis=(1, 3))


def _draw_solid(light: Floats, nearest: Floats, hits: Hits, color: Color) -> None:
    visible = hits.depth < nearest[tuple(hits.pixels)]
    pixels = tuple(hits.pixels[:, visible])
    nearest[pixels] = hits.depth[visible]
    light[pixels] = _shade(hits.normal[visible], color)


def _draw_wall(light: Floats, nearest: Floats, hits: Hits, color: Color) -> None:
    """Draw a wall like glass: clear where one looks straight through, dense where it turns away."""
    visible = hits.depth < nearest[tuple(hits.pixels)] - _THINNEST_WALL
    pixels, normal = tuple(hits.pixels[:, visible]), hits.normal[visible]
    opacity = 0.12 + 0.58 * (1 - np.clip(-normal[:, 2:], 0, 1)) ** 2
    light[pixels] += opacity * (_shade(normal, color) - light[pixels])


def _shade(normal: Floats, color: Color) -> Floats:
    """Return the light (point, rgb) from surface points with the given unit normals (right, down, depth)."""
    key = np.clip((normal @ _KEY_LIGHT + 0.15) / 1.15, 0, 1)
    fill = np.clip(normal @ _FILL_LIGHT, 0, 1)
    sky = 0.5 - 0.5 * normal[:, 1]
    shine = np.clip(normal @ _HIGHLIGHT, 0, 1) ** 40
    diffuse = 0.16 + 0.12 * sky + 0.95 * key + 0.22 * fill
    return np.power(color, _GAMMA).astype(np.float32) * diffuse[:, None] + 0.18 * shine[:, None]


def _openness(depth: Floats, pixels_per_voxel: float) -> Floats:
    """Return how much of the sky each pixel [y, x] sees, 1 for all of it.

    A point that lies deeper than its surroundings sees less (unsharp masking of the depth buffer, Luft, Colditz and
    Deussen 2006, doi 10.1145/1141911.1142016). It varies slowly, so half of the pixels along each side are enough.
    """
    hit = np.isfinite(depth)
    if not hit.any():
        return np.ones_like(depth)
    voxels = np.where(hit, depth, depth[hit].max() + 6)[::2, ::2]
    openness = np.ones_like(voxels)
    for radius, strength in ((3, 0.35), (9, 0.45), (22, 0.35)):
        surroundings = ndimage.gaussian_filter(voxels, radius * pixels_per_voxel / 4, truncate=2.5)
        openness *= 1 - strength * np.clip((voxels - surroundings) / radius, 0, 1)
    return np.where(hit, ndimage.zoom(openness, 2, order=1), 1)
