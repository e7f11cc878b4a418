"""A report as A4 pages in PDF, drawn from the same blocks as the HTML page."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.notice import NOTE_SENTENCE
from HeartSeg3DLib.report.content import (
    Block,
    Chart,
    Facts,
    Heading,
    KeyNumbers,
    Lights,
    Notices,
    Page,
    Paragraph,
    Picture,
    Row,
    Table,
)
from HeartSeg3DLib.report.curve import Dot, Line
from HeartSeg3DLib.report.pdf_writer import A4, PdfWriter, Rgb, text_width, wrapped, writable
from HeartSeg3DLib.trust.light import Light

_MARGIN = 50.0
_WIDTH = A4[0] - 2 * _MARGIN
_BOTTOM = A4[1] - _MARGIN
_INK: Rgb = (40, 48, 58)
_QUIET: Rgb = (103, 113, 124)
_RULE: Rgb = (226, 230, 233)
_ACCENT: Rgb = (11, 107, 117)
_AMBER: Rgb = (178, 106, 0)
_PALE: Rgb = (253, 247, 236)
_SIZE, _SMALL, _TINY, _LEADING = 9.0, 8.2, 7.4, 1.38
_PADDING = 8.0
_LAMP = 14.0
"""Width of a lamp and the space after it."""
_PHASE = 33.0
"""Width of the names of phases before a lamp and the space after them."""
_TERM = 100.0
_UNWRITABLE = "Letters that this PDF's font does not have are shown as question marks; the HTML report has them all."


def to_pdf(page: Page) -> bytes:
    """Return the page as a PDF document."""
    layout = _Layout(page)
    for number, block in enumerate(page.blocks):
        layout.add(block, page.blocks[number + 1:])
    layout.pdf.footer(NOTE_SENTENCE, _SMALL, _QUIET, _MARGIN)
    return layout.pdf.to_bytes()


@dataclass(frozen=True)
class _Line:
    """One line of words, and what stands before it: the names of phases and a lamp."""

    text: str
    indent: float = 0.0
    phase: str = ""
    light: Light | None = None


class _Layout:
    """Lays blocks below one another and begins a page where the next one does not fit."""

    def __init__(self, page: Page) -> None:
        self.pdf = PdfWriter(page.title)
        self.pdf.new_page()
        self.y = _MARGIN + 8
        self.pdf.text("HeartSeg report", _MARGIN, self.y, 9, _ACCENT, bold=True)
        self.y += 22
        for line in wrapped(page.title, 18, _WIDTH, bold=True):
            self.pdf.text(line, _MARGIN, self.y, 18, _INK, bold=True)
            self.y += 22
        self._lines(page.subtitle, _SMALL, _QUIET)
        if not writable(page.title):
            self._lines(_UNWRITABLE, _SMALL, _QUIET)
        self.pdf.line(((_MARGIN, self.y), (A4[0] - _MARGIN, self.y)), _ACCENT, 1.2)
        self.y += 6

    def add(self, block: Block, following: Sequence[Block] = ()) -> None:
        """Draw a block; a heading moves to the next page with what follows it."""
        if isinstance(block, Heading):
            self._need(34 + _kept_with_heading(following))
        self._add(block)

    @singledispatchmethod
    def _add(self, block: object) -> None:
        raise TypeError(f"no way to draw {type(block).__name__}")

    @_add.register
    def _(self, block: Heading) -> None:
        self.y += 26
        self.pdf.text(block.text, _MARGIN, self.y, 12.5, _INK, bold=True)
        self.y += 8

    @_add.register
    def _(self, block: KeyNumbers) -> None:
        self.y += 14
        step = _WIDTH / len(block.items)
        doubts = [wrapped(item.doubt, _TINY, step - _PADDING) if item.doubt else [] for item in block.items]
        for number, (name, value, unit, _) in enumerate(block.items):
            x = _MARGIN + number * step
            self.pdf.text(name, x, self.y, _TINY, _QUIET)
            self.pdf.text(value, x, self.y + 20, 19, _INK if number else _ACCENT, bold=True)
            self.pdf.text(unit, x + text_width(value, 19, bold=True) + 3, self.y + 20, 9, _QUIET)
            for count, line in enumerate(doubts[number]):
                self.pdf.text(line, x, self.y + 31 + count * _TINY * _LEADING, _TINY, _AMBER, bold=True)
        self.y += 28 + max(map(len, doubts)) * _TINY * _LEADING

    @_add.register
    def _(self, block: Notices) -> None:
        lines = [line for text in block.sentences for line in wrapped(text, _SIZE, _WIDTH - 26)]
        height = len(lines) * _SIZE * _LEADING + 12
        self._need(min(height + 10, 400))
        self.y += 10
        for start in range(0, len(lines), 40):
            part = lines[start:start + 40]
            height = len(part) * _SIZE * _LEADING + 12
            self._need(height)
            self.pdf.box(_MARGIN, self.y, _WIDTH, height, _PALE)
            self.pdf.box(_MARGIN, self.y, 2.4, height, _AMBER)
            for number, line in enumerate(part):
                self.pdf.text(line, _MARGIN + 14, self.y + 15 + number * _SIZE * _LEADING, _SIZE, _INK)
            self.y += height

    @_add.register
    def _(self, block: Lights) -> None:
        lines = list(_light_lines(block, _WIDTH))
        self._need(len(lines) * _SIZE * _LEADING + 60)  # the head of the table below stays with it
        self.y += 8
        for line in lines:
            self._line(line, _MARGIN, self.y, _INK)
            self.y += _SIZE * _LEADING

    @_add.register
    def _(self, block: Paragraph) -> None:
        self.y += 10
        self._lines(block.text, _SMALL, _QUIET)

    @_add.register
    def _(self, block: Table) -> None:
        edges = _edges(block)
        if _height(block) <= _BOTTOM - _MARGIN:
            self._need(_height(block))
        self.y += 8
        self._cells(block, Row(block.columns), edges, head=True)
        for row in block.rows:
            if self._need(_row_height(row, edges)):
                self._cells(block, Row(block.columns), edges, head=True)
            self._cells(block, row, edges)

    @_add.register
    def _(self, block: Picture) -> None:
        self._need(_height(block))
        pixels = _pixels(block.png)
        height = _WIDTH * pixels.shape[0] / pixels.shape[1]
        self.y += 8
        self.pdf.image(pixels, _MARGIN, self.y, _WIDTH, height)
        self.y += height + 13
        self._lines(block.caption, _SMALL, _QUIET)

    @_add.register
    def _(self, block: Chart) -> None:
        self._need(_height(block))
        left, top = _MARGIN, self.y + 6
        scale = _WIDTH / block.drawing.width
        for shape in block.drawing.shapes:
            if isinstance(shape, Line):
                points = [(left + x * scale, top + y * scale) for x, y in shape.points]
                self.pdf.line(points, shape.color, shape.width * scale, shape.dashed)
            elif isinstance(shape, Dot):
                self.pdf.dot(left + shape.x * scale, top + shape.y * scale, shape.radius * scale, shape.color)
            else:
                self.pdf.text(shape.text, left + shape.x * scale, top + shape.y * scale, shape.size * scale,
                              shape.color, bold=shape.bold, align=shape.align)
        self.y = top + block.drawing.height * scale + 12
        self._lines(block.caption, _SMALL, _QUIET)

    @_add.register
    def _(self, block: Facts) -> None:
        self.y += 8
        for name, text in block.items:
            lines = wrapped(text, _SIZE, _WIDTH - _TERM)
            self._need(len(lines) * _SIZE * _LEADING)
            self.pdf.text(name, _MARGIN, self.y + _SIZE, _SIZE, _QUIET)
            for line in lines:
                self.pdf.text(line, _MARGIN + _TERM, self.y + _SIZE, _SIZE, _INK)
                self.y += _SIZE * _LEADING
            self.y += 2

    def _need(self, height: float) -> bool:
        """Begin a page if less than this height is left; return whether that was so."""
        if self.y + height <= _BOTTOM:
            return False
        self.pdf.new_page()
        self.y = _MARGIN
        return True

    def _lines(self, text: str, size: float, color: Rgb) -> None:
        for line in wrapped(text, size, _WIDTH):
            self.pdf.text(line, _MARGIN, self.y, size, color)
            self.y += size * _LEADING

    def _line(self, line: _Line, x: float, y: float, color: Rgb) -> None:
        """Draw a line of lights whose upper left corner is at (x, y)."""
        if line.light is not None:
            self.pdf.text(line.phase, x, y + 11, _SIZE, color, bold=True)
            self.pdf.dot(x + line.indent - _LAMP + 4, y + 8, 4, line.light.color)
        self.pdf.text(line.text, x + line.indent, y + 11, _SIZE, color)

    def _cells(self, table: Table, row: Row, edges: Sequence[float], head: bool = False) -> None:
        size = _SMALL if head else _SIZE
        last = len(row.cells) - 1
        indent = 14.0 if row.swatch else 0.0
        if row.swatch:
            self.pdf.box(_MARGIN, self.y + 3.6, 8, 8, row.swatch)
        for number, cell in enumerate(row.cells):
            words = table.left_aligned(number)
            color = _QUIET if head or (words and number == last) else _INK
            if row.amber and number == last:
                color = _AMBER
            x = edges[number] + (indent if number == 0 else 2 * _PADDING) if words else edges[number + 1]
            for count, line in enumerate(_cell_lines(cell, number, edges)):
                y = self.y + count * _SIZE * _LEADING
                if isinstance(cell, Lights):
                    self._line(line, x, y, color)
                else:
                    self.pdf.text(line.text, x, y + 11, size, color, bold=head, align="left" if words else "right")
        self.y += _row_height(row, edges)
        self.pdf.line(((_MARGIN, self.y), (A4[0] - _MARGIN, self.y)), _QUIET if head else _RULE, 0.6)


def _cell_lines(cell: str | Lights, column: int, edges: Sequence[float]) -> list[_Line]:
    width = edges[column + 1] - edges[column] - (2 * _PADDING if column else _PADDING)
    if isinstance(cell, Lights):
        return list(_light_lines(cell, width))
    return [_Line(text) for text in wrapped(cell, _SIZE, width)]


def _light_lines(lights: Lights, width: float) -> Iterator[_Line]:
    """Yield the lines of lights one below the other; their words begin at the same place."""
    indent = _LAMP + (_PHASE if any(when for when, _ in lights.items) else 0.0)
    for when, light in lights.items:
        first, *rest = wrapped(light.text, _SIZE, width - indent)
        yield _Line(first, indent, when, light)
        yield from (_Line(text, indent) for text in rest)


def _edges(table: Table) -> list[float]:
    """Return where the columns of a table begin, and where the last one ends."""
    return [_MARGIN + _WIDTH * sum(table.widths[:number]) for number in range(len(table.widths) + 1)]


def _row_height(row: Row, edges: Sequence[float]) -> float:
    lines = max(len(_cell_lines(cell, number, edges)) for number, cell in enumerate(row.cells))
    return lines * _SIZE * _LEADING + 4


def _height(block: Block) -> float:
    """Return how high a block is; for those that may be divided, the least that should follow a heading."""
    if isinstance(block, Picture):
        return _WIDTH * 9 / 16 + 36
    if isinstance(block, Chart):
        return block.drawing.height * _WIDTH / block.drawing.width + 36
    if isinstance(block, Table):
        return 8 + sum(_row_height(row, _edges(block)) for row in (Row(block.columns), *block.rows))
    if isinstance(block, Facts):
        return 8 + sum(len(wrapped(text, _SIZE, _WIDTH - _TERM)) * _SIZE * _LEADING + 2 for _, text in block.items)
    if isinstance(block, Lights):
        return 8 + len(list(_light_lines(block, _WIDTH))) * _SIZE * _LEADING
    return 60.0


def _kept_with_heading(following: Sequence[Block]) -> float:
    """Return the height of what stays on a heading's page: the next block, and after lights the one below them."""
    height = 0.0
    for block in following:
        height += _height(block)
        if not isinstance(block, Lights):
            break
    return height if height <= _BOTTOM - _MARGIN - 34 else 60.0


def _pixels(png: bytes) -> NDArray[np.uint8]:
    """Return the pixels [y, x, rgb] of a PNG picture."""
    with tempfile.TemporaryDirectory(prefix="heartseg-report-") as folder:
        path = Path(folder) / "picture.png"
        path.write_bytes(png)
        pixels: NDArray[np.uint8] = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    return pixels
