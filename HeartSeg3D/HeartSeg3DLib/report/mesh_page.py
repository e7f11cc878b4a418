"""A page about a mesh: verdicts of its checks, pictures, and figures by structure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.meshing.patch_names import meaning_of
from HeartSeg3DLib.meshing.quality import Check, MeshReport
from HeartSeg3DLib.report.content import (
    Block,
    Facts,
    Heading,
    KeyNumber,
    KeyNumbers,
    Notices,
    Page,
    Paragraph,
    Picture,
    Row,
    Table,
)
from HeartSeg3DLib.report.fiber_section import FiberSection, fiber_blocks
from HeartSeg3DLib.report.html_page import to_html

_MM3_PER_ML = 1000.0
_CAPTION = ("Above, the surface in the color of its triangles' shape; below, the voxels and, as a white line, the "
            "outline of the mesh.")
_EXPLAINED = ("Volumes and distances are compared with the voxels that were meshed, after cleaning and with their "
              "walls. The checks use none of the code that makes meshes.")


@dataclass(frozen=True)
class MeshPage:
    """What the page is made of.

    Attributes:
        title: Name of the label map.
        report: Verdicts and figures.
        patches: Number of triangles by the name of the surface.
        warnings: Sentences for the user.
        facts: How it was made, in the order of the page.
        png: Picture of the mesh.
        fibers: Its fibers, where it has any.
    """

    title: str
    report: MeshReport
    patches: Mapping[str, int]
    warnings: tuple[str, ...]
    facts: Mapping[str, str]
    png: bytes
    fibers: FiberSection | None = None


def mesh_html(content: MeshPage) -> str:
    """Return the page as one HTML document that needs nothing else."""
    kind = "Tetrahedra" if content.report.kind == "tetrahedra" else "Surfaces"
    return to_html(Page(content.title, f"{kind} for simulation: quality of the mesh", tuple(_blocks(content))))


def written_cells(report: MeshReport) -> str:
    """Return how many tetrahedra, or triangles of surfaces, a mesh has, and how many of them are written."""
    cells = _cells(report)
    total, written = report.whole[cells], _part(report.whole.get("written"), cells)
    few = f", of which {_thousands(written)} are written" if written not in (None, total) else ""
    return f"{_thousands(total)} {cells}{few}"


def _cells(report: MeshReport) -> str:
    return "tetrahedra" if report.kind == "tetrahedra" else "triangles"


def _blocks(content: MeshPage) -> Iterator[Block]:
    report = content.report
    yield KeyNumbers(_key_numbers(content))
    notices = tuple(f"Not fit for use: {_sentence(check)}" for check in report.failures)
    if notices or content.warnings:
        yield Notices((*notices, *content.warnings))
    yield Heading("Mesh")
    yield Picture(_CAPTION, content.png)
    yield Heading("Structures")
    yield _structures(report)
    yield Heading("Checks")
    yield Table(("Check", "Worst", "Limit", "Verdict"), (0.52, 0.11, 0.11, 0.26),
                tuple(_check_row(check) for check in report.checks), words_last=True)
    yield Paragraph(_EXPLAINED)
    if content.fibers is not None:
        yield from fiber_blocks(content.fibers)
    yield Heading("Named surfaces")
    yield Facts(tuple((name, surface_fact(name, count)) for name, count in content.patches.items()))
    yield Heading("How it was made")
    yield Facts(tuple(content.facts.items()))


def surface_fact(name: str, triangles: int) -> str:
    """Return how many triangles a named surface has, and what it is."""
    meaning = meaning_of(name)
    return f"{_thousands(triangles)} triangles{'; ' if meaning else ''}{meaning}"


def _key_numbers(content: MeshPage) -> tuple[KeyNumber, ...]:
    report = content.report
    hard = [check for check in report.checks if check.hard]
    aims = [check for check in report.checks if not check.hard]
    numbers = [KeyNumber("Hard checks passed", f"{sum(check.passed for check in hard)}", f"of {len(hard)}"),
               KeyNumber("Aims reached", f"{sum(check.passed for check in aims)}", f"of {len(aims)}")]
    for name in ("triangles", "tetrahedra"):
        if name in report.whole:
            written = _part(report.whole.get("written"), name)
            unit = f"{_thousands(written)} written" if written not in (None, report.whole[name]) else ""
            numbers.append(KeyNumber(name.capitalize(), _thousands(report.whole[name]), unit))
    if (pieces := _part(report.whole.get("written"), "pieces")) is not None:
        numbers.append(KeyNumber("Pieces", _thousands(pieces), ""))
    if content.fibers is not None:
        numbers.append(KeyNumber("Muscle with fibers", f"{100 * content.fibers.figures.share:.0f}", "%"))
    return tuple(numbers)


def _structures(report: MeshReport) -> Table:
    with_tetrahedra = report.kind == "tetrahedra"
    column = "tetrahedron_scaled_jacobian" if with_tetrahedra else "triangle_scaled_jacobian"
    cells = _cells(report)
    rows = []
    for value, figures in report.labels.items():
        known = STRUCTURES.get(value)
        left_out = "" if value in report.written else ", not written"
        rows.append(Row((
            f"{known.name if known else f'Label {value}'}{left_out}", _thousands(figures.get(cells, 0)),
            _number(figures.get("volume_mm3"), 1, _MM3_PER_ML), _number(figures.get("volume_error_percent"), 2),
            _number(_part(figures.get("voxel_distance_mm"), "maximum"), 2),
            _number(_part(figures.get(column), "minimum"), 2), _number(_part(figures.get(column), "mean"), 2),
            _thousands(figures.get("parts")),
        ), known.color if known else None))
    return Table(("Structure", cells.capitalize(), "Volume (mL)", "Error (%)", "Distance (mm)", "Shape, least", "Mean",
                  "Pieces"), (0.27, 0.12, 0.12, 0.10, 0.13, 0.12, 0.07, 0.07), tuple(rows))


def _check_row(check: Check) -> Row:
    verdict = "passed" if check.passed else "failed" if check.hard else "aim missed"
    where = ", ".join(_place(place) for place in check.where)
    return Row((check.name[0].upper() + check.name[1:], f"{check.value:.4g}", f"{check.limit:.4g}",
                f"{verdict}: {where}" if where else verdict), amber=not check.passed)


def _sentence(check: Check) -> str:
    return f"{check.name}, {check.value:g} ({', '.join(_place(place) for place in check.where)})."


def _place(place: str) -> str:
    known = STRUCTURES.get(int(place)) if place.isdigit() else None
    return known.id if known else place


def _part(figure: object, name: str) -> object:
    return figure.get(name) if isinstance(figure, Mapping) else None


def _number(figure: object, digits: int, divisor: float = 1.0) -> str:
    if not isinstance(figure, int | float):
        return "-"
    return f"{round(figure / divisor, digits) + 0.0:.{digits}f}"  # 0.0 takes the sign off a zero


def _thousands(figure: object) -> str:
    return f"{figure:,}".replace(",", " ") if isinstance(figure, int) else "-"
