"""A picture to draw on: blocks of color, other pictures, and text without a display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""Colors [y, x, rgb] in sRGB from 0 to 1, y down."""
Color = tuple[float, float, float]
Align = Literal["left", "center", "right"]

_DOTS_PER_INCH = 72  # At which a point is a pixel.


class Canvas:
    """A picture in pixels with y down; drawing outside its edges is cut off."""

    def __init__(self, width: int, height: int, color: Color) -> None:
        self.pixels: Picture = np.empty((height, width, 3), np.float32)
        self.pixels[:] = color

    def paste(self, picture: Picture, x: int, y: int) -> None:
        """Lay a picture on the canvas, its upper left corner at (x, y)."""
        self._blend(np.ones(picture.shape[:2], np.float32), picture, x, y)

    def fill(self, x: int, y: int, width: int, height: int, color: Color, opacity: float = 1.0) -> None:
        """Fill a rectangle."""
        self._blend(np.full((height, width), opacity, np.float32), color, x, y)

    def dot(self, x: int, y: int, diameter: int, color: Color) -> None:
        """Draw a smooth-edged disc, its box's upper left corner at (x, y)."""
        radius = diameter / 2
        offset = np.arange(diameter) + 0.5 - radius
        distance = np.hypot(offset[:, None], offset[None, :])
        self._blend(np.clip(radius - distance + 0.5, 0, 1).astype(np.float32), color, x, y)

    def text(
        self, text: str, x: int, y: int, size: int, color: Color, *, align: Align = "left", bold: bool = False
    ) -> None:
        """Write one line; (x, y) is the lower end of its left edge, center or right edge, descenders included."""
        coverage = _letters(text, size, bold)
        height, width = coverage.shape
        left = {"left": x, "center": x - width // 2, "right": x - width}[align]
        self._blend(coverage, color, left, y - height)

    def outlined_text(self, text: str, x: int, y: int, size: int, color: Color, *, align: Align = "left") -> None:
        """Write one bold line with a dark edge that keeps it readable on any picture."""
        for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1), (0, 2), (0, -2), (2, 0), (-2, 0)):
            self.text(text, x + dx, y + dy, size, (0.0, 0.0, 0.0), align=align, bold=True)
        self.text(text, x, y, size, color, align=align, bold=True)

    def to_bytes(self) -> NDArray[np.uint8]:
        """Return the picture as bytes [y, x, rgb]."""
        return (np.clip(self.pixels, 0, 1) * 255 + 0.5).astype(np.uint8)

    def _blend(self, opacity: NDArray[np.float32], color: Picture | Sequence[float], x: int, y: int) -> None:
        height, width = opacity.shape
        top, left = max(0, -y), max(0, -x)
        bottom = min(height, self.pixels.shape[0] - y)
        right = min(width, self.pixels.shape[1] - x)
        if top >= bottom or left >= right:
            return
        part = np.s_[top:bottom, left:right]
        below = self.pixels[y + top : y + bottom, x + left : x + right]
        paint = np.asarray(color, np.float32)
        below += opacity[part][..., None] * ((paint[part] if paint.ndim == 3 else paint) - below)


def _letters(text: str, size: int, bold: bool) -> NDArray[np.float32]:
    """Return the coverage [y, x] of a line of text, 0 to 1; all lines of a size end at the same depth."""
    # VTK brings a font and draws it without OpenGL or a display.
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkRenderingCore import vtkTextProperty
    from vtkmodules.vtkRenderingFreeType import vtkFreeTypeTools

    if not text.strip():
        return np.zeros((size, 0), np.float32)
    style = vtkTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(size)
    style.SetBold(bold)
    style.SetColor(1, 1, 1)
    image = vtkImageData()
    tools = vtkFreeTypeTools.GetInstance()
    tools.ScaleToPowerTwoOff()
    tools.RenderString(style, text, _DOTS_PER_INCH, image, [0, 0])
    width, height, _ = image.GetDimensions()
    colors = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
    return colors[::-1, :, 3].astype(np.float32) / 255
