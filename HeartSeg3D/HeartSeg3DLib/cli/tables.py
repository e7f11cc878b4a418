"""Tables that several commands show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from HeartSeg3DLib.cli.command_run import CommandRun

if TYPE_CHECKING:
    from HeartSeg3DLib.measurement import HeartFunction, Measurements


def show_measurements(run: CommandRun, measured: Measurements) -> None:
    """Print what was measured of one label map, and say which structures its border cuts off."""
    rows = [(row.id, row.name, f"{row.volume_ml:.1f}" if row.voxels else "-", _number(row.mass_g),
             _number(row.diameter_mm)) for row in measured]
    run.table({"Structure": "left", "Name": "left", "Volume (mL)": "right", "Mass (g)": "right",
               "Diameter (mm)": "right"}, rows)
    cut = [row.name for row in measured if row.touches_border]
    if cut:
        run.say(f"Cut off by the border of the image, so perhaps larger: {', '.join(cut)}.")


def show_function(run: CommandRun, function: HeartFunction) -> None:
    """Print the function of a beating heart: a column for each ventricle, then what belongs to the whole heart.

    Numbers that are not to be relied on say so in their line of the table.
    """
    rows = function.to_rows()
    ids = list(function.ventricles)
    quantities = dict.fromkeys((row.label, row.unit) for row in rows if row.structure in ids)
    values = {(row.label, row.structure): f"{row.value:.1f}" for row in rows}
    run.table({"Function": "left", **dict.fromkeys(ids, "right"), "Unit": "left"},
              [(quantity, *(values[quantity, id] for id in ids), unit) for quantity, unit in quantities])
    mass = [f"{row.quantity.lower()} {row.value:.1f} {row.unit}" for row in rows if row.structure == "MYO"]
    chosen = [" (chosen)" if by_hand else "" for by_hand in (function.ed_by_hand, function.es_by_hand)]
    run.say(f"End-diastole is frame {function.ed_index}{chosen[0]}, end-systole frame {function.es_index}{chosen[1]}, "
            "for both ventricles.")
    if mass:
        run.say(f"{', '.join(mass)}.".capitalize())
    if function.heart_rate is not None:
        run.say(f"Heart rate {function.heart_rate:.0f} per minute, {function.heart_rate_source}.")


def _number(value: float | None) -> str:
    return f"{value:.1f}" if value else ""
