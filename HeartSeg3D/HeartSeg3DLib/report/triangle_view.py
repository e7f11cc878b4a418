"""Triangles in 3-D without OpenGL: each is sampled densely, and every pixel keeps the sample nearest to the viewer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.report.canvas import Color, Picture

_SAMPLES = 2
"""Samples along each side of a pixel, so that edges are smooth."""

_CHUNK = 250_000
_DEPTH_STEPS = 2**30
_NOTHING = np.iinfo(np.int64).max

# Unit vectors (right, down, depth) towards the lights; depth grows away from the viewer.
_KEY_LIGHT = np.array([-0.45, -0.61, -0.65])
_FILL_LIGHT = np.array([0.87, -0.10, -0.48])


def draw_triangles(
    corners: NDArray[np.float64], colors: NDArray[np.float64], pixels: tuple[int, int], scale: float, background: Color,
    normals: NDArray[np.float64] | None = None,
) -> Picture:
    """Draw triangles as they are seen along the depth axis, both sides alike.

    Args:
        corners: (M, 3, 3) in mm along (right, down, depth), (0, 0) in the middle of the picture.
        colors: (M, 3) sRGB, 0 to 1.
        pixels: Rows and columns of the picture.
        scale: Pixels a millimeter.
        background: sRGB, 0 to 1.
        normals: (M, 3) unit normals that light falls on, in place of the triangles' own.

    Returns:
        Colors [y, x, rgb].
    """
    rows, columns = (count * _SAMPLES for count in pixels)
    places = corners * [scale * _SAMPLES, scale * _SAMPLES, 1.0] + [columns / 2, rows / 2, 0.0]
    nearest = _nearest(places, rows, columns)
    hit = nearest != _NOTHING
    picture = np.empty((rows * columns, 3), np.float32)
    picture[:] = background
    facing = _normals(corners) if normals is None else normals
    shaded = np.clip(colors * _light(facing)[:, None], 0.0, 1.0).astype(np.float32)
    picture[hit] = shaded[nearest[hit] & 0xFFFFFFFF]
    return picture.reshape(pixels[0], _SAMPLES, pixels[1], _SAMPLES, 3).mean(axis=(1, 3))


def _nearest(places: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.int64]:
    """Return for each sample of the picture the depth and number of the nearest triangle, packed into one integer."""
    nearest = np.full(rows * columns, _NOTHING, np.int64)
    if not len(places):
        return nearest
    low, high = float(places[..., 2].min()), float(places[..., 2].max())
    sides = np.linalg.norm((places - np.roll(places, 1, axis=1))[..., :2], axis=2).max(axis=1)
    parts = np.ceil(sides).astype(int) + 1
    for count in np.unique(parts):
        weights = _weights(int(count))
        of_size = np.flatnonzero(parts == count)
        step = max(1, _CHUNK // len(weights))
        for start in range(0, len(of_size), step):
            numbers = of_size[start : start + step]
            x, y, z = (_mixed(places[numbers, :, axis], weights) for axis in range(3))
            inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
            depth = (z[inside] - low) / max(high - low, 1e-9) * _DEPTH_STEPS
            number = np.broadcast_to(numbers[:, None], inside.shape)[inside]
            keys = depth.astype(np.int64) << 32 | number
            np.minimum.at(nearest, y[inside].astype(np.intp) * columns + x[inside].astype(np.intp), keys)
    return nearest


def _mixed(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values (m, s) between corners' values (m, 3) for weights (s, 3), faster than a product of matrices."""
    first, second, third = (np.multiply.outer(values[:, corner], weights[:, corner]) for corner in range(3))
    first += second
    first += third
    return first


def _weights(count: int) -> NDArray[np.float64]:
    """Return barycentric weights (s, 3) of places spread evenly over a triangle, `count` along each side."""
    first, second = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
    inside = first + second <= count
    one, other = first[inside] / count, second[inside] / count
    return np.column_stack([one, other, 1.0 - one - other])


def _normals(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit normals (M, 3) of triangles."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny))


def _light(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the light (M,) on places with these unit normals, on the side that the viewer sees."""
    normal = np.where(normals[:, 2:] > 0, -normals, normals)
    key = np.clip((normal @ _KEY_LIGHT + 0.15) / 1.15, 0, 1)
    return np.asarray(0.42 + 0.55 * key + 0.18 * np.clip(normal @ _FILL_LIGHT, 0, 1))
