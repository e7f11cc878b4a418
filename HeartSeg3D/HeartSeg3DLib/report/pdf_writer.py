"""Writes PDF files with the fonts that every reader has, lines, and pictures: what a report needs and no more.

Neither Slicer's Python nor a plain installation brings a library that writes PDF without a display.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.report.content import NO_BREAK, keep_units

Rgb = tuple[int, int, int]

A4 = (595.28, 841.89)
"""Points."""

# Adobe's font metrics of Helvetica and Helvetica-Bold, thousandths of the size, from the space to the tilde.
_REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, *[556] * 10, 278, 278, 584, 584,
    584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611,
    722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)
_BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, *[556] * 10, 333, 333, 584, 584,
    584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611,
    722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556,
    278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
)
_OTHER = {"\N{EN DASH}": 556, "\N{MIDDLE DOT}": 278, "\N{MULTIPLICATION SIGN}": 584, "\N{SUPERSCRIPT TWO}": 333}
_ROUND = 0.5523
"""Length of the handles with which four Bezier curves make a circle, in radii."""


def writable(text: str) -> bool:
    """Return whether the fonts have every letter of a text (Western European ones)."""
    composed = unicodedata.normalize("NFC", text)
    return composed.encode("cp1252", "ignore").decode("cp1252") == composed


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a line in points."""
    return sum(_letter_width(letter, bold) for letter in unicodedata.normalize("NFC", text)) * size / 1000.0


def wrapped(text: str, size: float, width: float, bold: bool = False) -> list[str]:
    """Break a text into lines that fit into a width in points; words that are too long are cut.

    A number and its unit stay in one line.
    """
    lines, line = [], ""
    for word in (part.replace(NO_BREAK, " ") for part in re.split("[ \t\n]+", keep_units(text).strip())):
        longer = f"{line} {word}" if line else word
        if text_width(longer, size, bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while text_width(word, size, bold) > width and len(word) > 1:
            fits = max(1, next(n for n in range(1, len(word) + 1) if text_width(word[:n], size, bold) > width) - 1)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return [*lines, line] if line or not lines else lines


class PdfWriter:
    """A document that is drawn page by page; x and y in points from the upper left corner.

    Args:
        title: Title that readers show.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._pages: list[list[str]] = []
        self._images: list[bytes] = []
        self._on: list[str] = []

    def new_page(self) -> None:
        """Begin a page; everything drawn afterwards stands on it."""
        self._on = []
        self._pages.append(self._on)

    def footer(self, left: str, size: float, color: Rgb, margin: float) -> None:
        """Write a line and the number of the page at the foot of every page."""
        for number, page in enumerate(self._pages, start=1):
            self._on = page
            self.text(left, margin, A4[1] - margin / 2, size, color)
            self.text(f"{number} / {len(self._pages)}", A4[0] - margin, A4[1] - margin / 2, size, color, align="right")

    def text(self, text: str, x: float, y: float, size: float, color: Rgb, *, bold: bool = False,
             align: str = "left") -> None:
        """Write a line with its baseline at y."""
        width = text_width(text, size, bold)
        start = x - {"left": 0.0, "center": 0.5, "right": 1.0}[align] * width
        letters = unicodedata.normalize("NFC", text).encode("cp1252", "replace")
        escaped = letters.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)").decode("latin-1")
        self._draw(f"BT /{'B' if bold else 'R'} {size:g} Tf {_fill(color)} {_at(start, y)} Td ({escaped}) Tj ET")

    def line(self, points: Sequence[tuple[float, float]], color: Rgb, width: float, dashed: bool = False) -> None:
        """Draw a line through points."""
        path = " ".join(f"{_at(*point)} {'l' if number else 'm'}" for number, point in enumerate(points))
        self._draw(f"{_channels(color)} RG {width:g} w 1 j {'[3 3]' if dashed else '[]'} 0 d {path} S")

    def box(self, x: float, y: float, width: float, height: float, color: Rgb) -> None:
        """Fill a rectangle given by its upper left corner."""
        self._draw(f"{_fill(color)} {_at(x, y + height)} {width:.2f} {height:.2f} re f")

    def dot(self, x: float, y: float, radius: float, color: Rgb) -> None:
        """Fill a circle."""
        r, k = radius, radius * _ROUND
        arcs = (((k, -r), (r, -k), (r, 0)), ((r, k), (k, r), (0, r)), ((-k, r), (-r, k), (-r, 0)),
                ((-r, -k), (-k, -r), (0, -r)))
        curves = " ".join(" ".join(_at(x + dx, y + dy) for dx, dy in arc) + " c" for arc in arcs)
        self._draw(f"{_fill(color)} {_at(x, y - r)} m {curves} f")

    def image(self, pixels: NDArray[np.uint8], x: float, y: float, width: float, height: float) -> None:
        """Draw a picture [y, x, rgb] with its upper left corner at x and y."""
        rows, columns, _ = pixels.shape
        head = (f"/Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /DeviceRGB "
                "/BitsPerComponent 8")
        self._images.append(_stream(np.ascontiguousarray(pixels).tobytes(), head))
        across = f"{width:.2f} 0 0 {height:.2f} {_at(x, y + height)}"
        self._draw(f"q {across} cm /I{len(self._images)} Do Q")

    def to_bytes(self) -> bytes:
        """Return the file."""
        first_image, first_page = 6, 6 + len(self._images)
        pages = [first_page + 2 * number for number in range(len(self._pages))]
        images = " ".join(f"/I{number + 1} {first_image + number} 0 R" for number in range(len(self._images)))
        fonts = "".join(f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>\n"
                        for name in ("Helvetica", "Helvetica-Bold")).splitlines()
        objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
                   f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{n} 0 R' for n in pages)}] >>".encode(),
                   fonts[0].encode(), fonts[1].encode(),
                   b"<< /Title <feff" + self._title.encode("utf-16-be").hex().encode() + b"> /Producer (HeartSeg) >>",
                   *self._images]
        for number, content in zip(pages, self._pages, strict=True):
            objects += [(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {A4[0]} {A4[1]}] /Contents {number + 1} 0 R "
                         f"/Resources << /Font << /R 3 0 R /B 4 0 R >> /XObject << {images} >> >> >>").encode(),
                        _stream("\n".join(content).encode("latin-1"), "")]
        return _file(objects)

    def _draw(self, command: str) -> None:
        self._on.append(command)


def _letter_width(letter: str, bold: bool) -> int:
    base = unicodedata.normalize("NFD", letter)[0]
    if " " <= base <= "~":
        return (_BOLD if bold else _REGULAR)[ord(base) - 32]
    return _OTHER.get(letter, 611)


def _at(x: float, y: float) -> str:
    return f"{x:.2f} {A4[1] - y:.2f}"


def _channels(color: Rgb) -> str:
    return " ".join(f"{channel / 255:.3f}" for channel in color)


def _fill(color: Rgb) -> str:
    return f"{_channels(color)} rg"


def _stream(data: bytes, head: str) -> bytes:
    packed = zlib.compress(data, 9)
    return f"<< {head} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode() + packed + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    """Return numbered objects behind each other and the table of where each begins."""
    parts, starts, length = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"], [], 15
    for number, body in enumerate(objects, start=1):
        starts.append(length)
        parts.append(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")
        length += len(parts[-1])
    table = "".join(f"{start:010d} 00000 n \n" for start in starts)
    count = len(objects) + 1
    parts.append(f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<< /Size {count} /Root 1 0 R /Info 5 0 R >>\n"
                 f"startxref\n{length}\n%%EOF\n".encode())
    return b"".join(parts)
