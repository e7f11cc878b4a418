"""What the page about a mesh says about its fibers: a picture, their angle through the wall, and figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES
from HeartSeg3DLib.meshing.fibers import RULE, FiberAngles
from HeartSeg3DLib.meshing.quality.fiber_angles import LAYERS, FiberFigures, FiberLayer
from HeartSeg3DLib.report.content import Block, Chart, Facts, Heading, Picture, Row, Table
from HeartSeg3DLib.report.helix_chart import NAMES, helix_chart

_CAPTION = ("Fibers on the epicardium and, below, on the endocardium of the heart cut open, in the color of their "
            "helix angle; the cut wall shows how they turn from one side to the other.")
_CHART = ("Helix angle through the wall, measured from the mesh between 15 and 80 % of the long axis: median and range "
          "from the 10th to the 90th percentile of each layer. Angles are to the long axis of the left ventricle; the "
          "rule follows the way from the apex to all valves, so they scatter about what was asked for.")
_DEGREE = "\N{DEGREE SIGN}"
_PLACES = {0: "endocardium", LAYERS // 2: "middle", LAYERS - 1: "epicardium"}
"""Layers in the table."""


@dataclass(frozen=True)
class FiberSection:
    """Fibers of a mesh as the page shows them.

    Attributes:
        angles: Angles that were asked for.
        figures: What was measured.
        png: Their picture.
    """

    angles: FiberAngles
    figures: FiberFigures
    png: bytes

    def to_dict(self) -> dict[str, object]:
        """Return rule, angles and figures as plain numbers, texts and dictionaries."""
        return {"rule": RULE, "angles_degrees": asdict(self.angles), **self.figures.to_dict()}


def fiber_blocks(section: FiberSection) -> Iterator[Block]:
    """Return the blocks of the section."""
    angles, figures = section.angles, section.figures
    yield Heading("Fibers")
    yield Picture(_CAPTION, section.png)
    yield Chart(_CHART, helix_chart(angles, figures.left, figures.right))
    yield _layers(section)
    yield Facts((
        ("Muscle with fibers", f"{100 * figures.share:.1f} % of the elements of {_names(figures)}"),
        ("Fibers asked for", _asked(angles.endocardium, angles.epicardium)),
        ("Sheets asked for", _asked(angles.sheet_endocardium, angles.sheet_epicardium)),
        ("Out of the wall", f"{figures.out_of_wall[0]:.1f}{_DEGREE} in the median, {figures.out_of_wall[1]:.1f}"
                            f"{_DEGREE} at the 95th percentile"),
        ("Rule", f"{RULE}."),
    ))


def _layers(section: FiberSection) -> Table:
    """Return the angles at the two surfaces and in the middle of each wall."""
    rows = []
    for id, layers in (("LV", section.figures.left), ("RV", section.figures.right)):
        by_number = {round(layer.depth[0] * LAYERS): layer for layer in layers}
        rows += [_row(f"{NAMES[id]}, {place}", by_number[number], section.angles, BY_ID[id].color)
                 for number, place in _PLACES.items() if number in by_number]
    return Table(("Helix angle (degrees)", "Elements", "10 %", "Median", "90 %", "Asked for"),
                 (0.34, 0.14, 0.12, 0.13, 0.12, 0.15), tuple(rows))


def _row(name: str, layer: FiberLayer, angles: FiberAngles, color: tuple[int, int, int]) -> Row:
    depth = sum(layer.depth) / 2
    asked = angles.endocardium + (angles.epicardium - angles.endocardium) * depth
    numbers = (f"{number:.0f}" for number in (layer.low, layer.median, layer.high, asked))
    return Row((name, f"{layer.elements:,}".replace(",", " "), *numbers), color)


def _asked(inside: float, outside: float) -> str:
    return f"{inside:g}{_DEGREE} at the endocardium, {outside:g}{_DEGREE} at the epicardium"


def _names(figures: FiberFigures) -> str:
    return " and ".join(STRUCTURES[value].name.lower() for value in figures.elements)
