"""Puts a report together: which blocks a page has, in which order, and what stands in them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from HeartSeg3DLib import __version__
from HeartSeg3DLib.anatomy import MYOCARDIAL_DENSITY_G_PER_ML, STRUCTURES
from HeartSeg3DLib.measurement import HeartFunction, StructureMeasurement
from HeartSeg3DLib.measurement.function import SURFACE_AREA_SOURCE
from HeartSeg3DLib.report.content import (
    Block,
    Chart,
    Facts,
    Heading,
    KeyNumber,
    KeyNumbers,
    Lights,
    Notices,
    Page,
    Paragraph,
    Picture,
    ReportContent,
    Row,
    Table,
)
from HeartSeg3DLib.report.curve import volume_curve
from HeartSeg3DLib.report.picture import render_overview
from HeartSeg3DLib.trust import Mark
from HeartSeg3DLib.trust.light import Light

_OTHER_COLOR = (150, 150, 150)
_COARSE_MM = 5.0
_NOTHING = "\N{EN DASH}"
_PHASES = {"ED": "End-diastole", "ES": "End-systole"}
_NO_LETTERS = "Sides of the patient are not marked: the file does not say how the patient lay in the scanner."


def page_of(content: ReportContent) -> Page:
    """Return the page of a report.

    Raises:
        InputError: An image and its label map do not lie on one grid.
    """
    return Page(content.title, _subtitle(content), tuple(_blocks(content)))


def _subtitle(content: ReportContent) -> str:
    labels = content.labels[0]
    size = " \N{MULTIPLICATION SIGN} ".join(str(count) for count in labels.GetSize())
    spacing = " \N{MULTIPLICATION SIGN} ".join(f"{step:.2f}" for step in labels.GetSpacing())
    frames = f" \N{MIDDLE DOT} {len(content.labels)} frames" if len(content.labels) > 1 else ""
    return f"{size} voxels of {spacing} mm{frames}"


def _blocks(content: ReportContent) -> Iterator[Block]:
    function = content.function
    if function is not None:
        yield KeyNumbers(_key_numbers(function))
    if content.warnings:
        yield Notices(tuple(content.warnings))
    if function is not None:
        yield Heading("Function")
        yield Chart("Volume of the ventricles over the heartbeat. ED end-diastole, ES end-systole.",
                    volume_curve(function))
        yield _function_table(function)
        yield Paragraph("End-diastole is the frame with the largest left ventricle and end-systole the one with the "
                        "smallest, unless chosen by hand; the right ventricle is measured at the same two frames.")
    yield Heading("Pictures")
    yield from _pictures(content)
    yield Heading("Structures")
    lights = {phase: judged.light for phase, judged in zip(content.shown, content.judgements, strict=False)}
    known = {phase: light for phase, light in lights.items() if light is not None}
    if known:
        yield Lights.of(known)
    yield _volume_table(content)
    if function is not None:
        yield Paragraph("ED end-diastole, ES end-systole; diameters are those at end-diastole.")
    yield Heading("How it was measured")
    yield Facts(tuple(_facts(content)))


def _key_numbers(function: HeartFunction) -> tuple[KeyNumber, ...]:
    left, doubt = function.ventricles["LV"], function.fraction_remark
    found = [KeyNumber("LV ejection fraction", f"{left.ejection_fraction_percent:.0f}", "%", doubt),
             KeyNumber("LV at end-diastole", f"{left.edv_ml:.0f}", "mL"),
             KeyNumber("LV at end-systole", f"{left.esv_ml:.0f}", "mL"),
             KeyNumber("LV stroke volume", f"{left.stroke_volume_ml:.0f}", "mL")]
    if "RV" in function.ventricles:
        right = function.ventricles["RV"].ejection_fraction_percent
        found.append(KeyNumber("RV ejection fraction", f"{right:.0f}", "%", doubt))
    if function.myocardial_mass_g is not None:
        found.append(KeyNumber("LV mass", f"{function.myocardial_mass_g:.0f}", "g"))
    return tuple(found)


def _function_table(function: HeartFunction) -> Table:
    names = {"LV": "Left ventricle", "RV": "Right ventricle", "MYO": "Left ventricle"}
    columns = [one.name for one in function.ventricles.values()]
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in function.to_rows():
        if row.structure:
            unit = row.unit.replace("m2", "m\N{SUPERSCRIPT TWO}")
            cells.setdefault((row.label, unit), {})[names[row.structure]] = f"{row.value:.1f}"
    rows = tuple(Row((quantity, *(found.get(column, _NOTHING) for column in columns), unit))
                 for (quantity, unit), found in cells.items())
    number = 0.2
    return Table(("", *columns, "Unit"), (1 - number * len(columns) - 0.16, *[number] * len(columns), 0.16), rows,
                 words_last=True)


def _volume_table(content: ReportContent) -> Table:
    frames = [content.measurements[index] for index in content.shown.values()]
    others = [{row.id: row for row in frame} for frame in frames]
    sizes = {"Mass": content.function is None and any(one.mass_g for one in frames[0]),
             "Diameter": any(one.diameter_mm for one in frames[0])}
    title = ", ".join(name for name, there in sizes.items() if there).capitalize()
    rows = []
    for one in frames[0]:
        volumes = [found[one.id].volume_ml if one.id in found else 0.0 for found in others]
        rows.append(Row(
            (one.name, *(f"{volume:.1f}" if volume else _NOTHING for volume in volumes),
             *((_size(content, one),) if title else ()), _lights(content, one)),
            swatch=STRUCTURES[one.label].color if one.label in STRUCTURES else _OTHER_COLOR,
        ))
    volume_columns = {"Volume (mL)": 0.099} if content.function is None else {"ED (mL)": 0.085, "ES (mL)": 0.085}
    size_column = {title: 0.112 if title == "Diameter" else 0.108} if title else {}
    widths = {"Structure": 0.252, **volume_columns, **size_column}
    return Table((*widths, "Remark"), (*widths.values(), 1.0 - sum(widths.values())), tuple(rows), words_last=True)


def _size(content: ReportContent, row: StructureMeasurement) -> str:
    """Return the diameter of a vessel or the mass of the myocardium, which few structures have, else nothing."""
    if row.diameter_mm:
        return f"{row.diameter_mm:.{0 if _coarse(content) else 1}f} mm"
    beats = content.function is not None  # then the mass of both phases stands in the table of function
    return f"{row.mass_g:.1f} g" if row.mass_g and not beats else ""


def _coarse(content: ReportContent) -> bool:
    """Whether slices lie so far apart that tenths of a millimeter say nothing of a vessel's diameter."""
    return content.measurements[0].slice_distance_mm >= _COARSE_MM


def _lights(content: ReportContent, row: StructureMeasurement) -> Lights:
    """Return the lights of a structure in the frames that are shown."""
    marks = [{mark.id: mark for mark in judged.marks} for judged in content.judgements]
    return Lights.of({phase: _light(row.name, marks[number].get(row.id) if number < len(marks) else None)
                      for number, phase in enumerate(content.shown)})


def _light(name: str, mark: Mark | None) -> Light:
    """Return the light of a structure; its sentence does not repeat the name, which begins the line of the table."""
    if mark is None:
        return Light("grey", "Not judged.")
    words = mark.sentence.removeprefix(f"{name}: ")
    return Light(mark.level, words[:1].upper() + words[1:])


def _pictures(content: ReportContent) -> Iterator[Picture]:
    for phase, index in content.shown.items():
        labels = content.labels[index]
        frame = f"{_PHASES[phase]}, frame {index}" if phase else ""
        image = _blank(labels) if content.images is None else content.images[index]
        caption = f"{frame}. {_caption(content)}" if frame else _caption(content)
        yield Picture(caption, _png(image, labels, frame or content.title, content.orientation_known))


def _caption(content: ReportContent) -> str:
    view = "from the front left" if content.orientation_known else "in 3-D"
    drawn = f"Three planes through the scan, and the heart {view}." if content.images is not None else \
        "Drawn from the label map alone, without the scan."
    return drawn if content.orientation_known else f"{drawn} {_NO_LETTERS}"


def _blank(labels: sitk.Image) -> sitk.Image:
    """Return a black image to draw a label map on where there is no scan."""
    image = sitk.Image(labels.GetSize(), sitk.sitkUInt8)
    image.CopyInformation(labels)
    return image


def _png(image: sitk.Image, labels: sitk.Image, title: str, orientation_known: bool) -> bytes:
    with tempfile.TemporaryDirectory(prefix="heartseg-report-") as folder:
        path = Path(folder) / "overview.png"
        render_overview(image, labels, path, title, orientation_known=orientation_known)
        return path.read_bytes()


def _facts(content: ReportContent) -> Iterator[tuple[str, str]]:
    if content.model:
        yield "Model", content.model
    yield from content.facts.items()
    function = content.function
    if function is not None:
        for name, index, by_hand in (("End-diastole", function.ed_index, function.ed_by_hand),
                                     ("End-systole", function.es_index, function.es_by_hand)):
            yield name, f"Frame {index}, {'chosen by hand' if by_hand else 'found automatically'} (counted from 0)"
        if function.heart_rate is not None:
            yield "Heart rate", f"{function.heart_rate:.0f} per minute, {function.heart_rate_source}"
        if function.body_surface_area_m2 is not None:
            yield "Body surface area", (f"{function.body_surface_area_m2:.2f} m\N{SUPERSCRIPT TWO} "
                                        f"({SURFACE_AREA_SOURCE})")
    yield "Volumes", "Number of voxels times the volume of a voxel; papillary muscles as the model draws them."
    yield "Mass", f"Volume of the left ventricle's myocardium times {MYOCARDIAL_DENSITY_G_PER_ML} g/mL."
    apart = f"; rough, with slices {content.measurements[0].slice_distance_mm:.0f} mm apart" if _coarse(content) else ""
    yield "Diameters", f"Largest sphere that fits into the vessel{apart}."
    yield "Software", f"HeartSeg {__version__}"
