"""Tables that several commands show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from HeartSeg3DLib.cli.command_run import CommandRun

if TYPE_CHECKING:
    from HeartSeg3DLib.measurement import Measurements


def show_measurements(run: CommandRun, measured: Measurements) -> None:
    """Print what was measured of one label map, and say which structures its border cuts off."""
    rows = [(row.id, row.name, f"{row.volume_ml:.1f}" if row.voxels else "-", _number(row.mass_g),
             _number(row.diameter_mm)) for row in measured]
    run.table({"Structure": "left", "Name": "left", "Volume (mL)": "right", "Mass (g)": "right",
               "Diameter (mm)": "right"}, rows)
    cut = [row.name for row in measured if row.touches_border]
    if cut:
        run.say(f"Cut off by the border of the image, so perhaps larger: {', '.join(cut)}.")


def _number(value: float | None) -> str:
    return f"{value:.1f}" if value else ""
