"""The heart in 3-D with OpenGL, in a process of its own: a broken driver may end that process, never this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from HeartSeg3DLib.report.canvas import Color, Picture
from HeartSeg3DLib.report.heart_field import SURFACE, HeartField

_PROGRAM = Path(__file__).with_name("opengl_process.py")
_PATIENCE_SECONDS = 120
"""Without a graphics card a picture takes seconds; a driver that hangs never comes back."""


def draw_heart(heart: HeartField, pixels_per_voxel: float, background: Color) -> Picture | None:
    """Draw the heart as `software_view.draw_heart` does, or return None where OpenGL does not work."""
    with tempfile.TemporaryDirectory(prefix="heartseg-") as name:
        folder = Path(name)
        _write_request(folder, heart, pixels_per_voxel, background)
        try:
            subprocess.run(
                [sys.executable, str(_PROGRAM), str(folder)],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=_PATIENCE_SECONDS,
            )
            colors = np.load(folder / "picture.npy", allow_pickle=False)
        except (subprocess.SubprocessError, OSError):
            return None
    return colors.astype(np.float32) / 255


def _write_request(folder: Path, heart: HeartField, pixels_per_voxel: float, background: Color) -> None:
    for number, structure in enumerate(heart.structures):
        np.save(folder / f"{number}.npy", structure.field, allow_pickle=False)
    request = {
        "surface": SURFACE,
        "size": heart.size,
        "pixels": [round(count * pixels_per_voxel) for count in heart.size[1:]],
        "background": background,
        "structures": [
            {"start": item.start, "color": item.color, "see_through": item.see_through} for item in heart.structures
        ],
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")


def _environment() -> dict[str, str]:
    """Return this process's environment without a display, so that no window flashes up and no dead one is asked."""
    return {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
