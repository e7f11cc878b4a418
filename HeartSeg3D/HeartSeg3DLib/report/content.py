"""What a report says: the facts that go in, and the blocks of the page that HTML and PDF draw alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import SimpleITK as sitk

from HeartSeg3DLib.measurement import HeartFunction, Measurements
from HeartSeg3DLib.report.curve import Drawing
from HeartSeg3DLib.trust import Level, Mark
from HeartSeg3DLib.trust.light import Light

Rgb = tuple[int, int, int]


class Images(Protocol):
    """A row of images, such as a list; it may read each when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> sitk.Image: ...


@dataclass(frozen=True)
class ReportContent:
    """What a report is made of; nothing about the patient but what the title says.

    Attributes:
        title: Name of the scan or label map.
        labels: Label map of every frame, one for a 3-D scan; few are looked at, so it may read on access.
        measurements: Measurements of every frame.
        images: Scan of every frame on the grids of the label maps; None where there is no scan to show.
        function: Function of the heart over the beat.
        marks: Which structures to look at, of the frame at end-diastole.
        warnings: Sentences for the user, those of the function included.
        model: The model in words; empty where nobody knows it.
        facts: How it was made, such as `{"Device": "cpu"}`, in the order of the page.
        trust: Level and sentence of the frame at end-diastole as a whole, None where nobody judged it.
    """

    title: str
    labels: Images
    measurements: Sequence[Measurements]
    images: Images | None = None
    function: HeartFunction | None = None
    marks: Sequence[Mark] = ()
    warnings: Sequence[str] = ()
    model: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    trust: tuple[Level, str] | None = None


@dataclass(frozen=True)
class Heading:
    """Title of a section; the block after it stays on its page."""

    text: str


@dataclass(frozen=True)
class KeyNumbers:
    """The few numbers that a reader looks for first: label, value, unit."""

    items: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Notices:
    """Sentences that a reader must not miss."""

    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Paragraph:
    """Small print."""

    text: str


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        cells: Words, or a light with its sentence.
        swatch: The structure's color.
        amber: Whether words in the last cell say that something was missed.
    """

    cells: tuple[str | Light, ...]
    swatch: Rgb | None = None
    amber: bool = False


@dataclass(frozen=True)
class Table:
    """A table; the first column and a last one of words are left-aligned, numbers right-aligned.

    Attributes:
        columns: Titles.
        widths: Share of the page's width of each column, 1 in all.
        rows: Its lines.
        words_last: Whether the last column holds words.
    """

    columns: tuple[str, ...]
    widths: tuple[float, ...]
    rows: tuple[Row, ...]
    words_last: bool = False

    def left_aligned(self, column: int) -> bool:
        """Whether a column holds words."""
        return column == 0 or (self.words_last and column == len(self.columns) - 1)


@dataclass(frozen=True)
class Picture:
    """A picture in PNG format with its caption."""

    caption: str
    png: bytes


@dataclass(frozen=True)
class Chart:
    """A drawing with its caption."""

    caption: str
    drawing: Drawing


@dataclass(frozen=True)
class Facts:
    """Pairs of a name and a sentence."""

    items: tuple[tuple[str, str], ...]


Block = Heading | KeyNumbers | Notices | Light | Paragraph | Table | Picture | Chart | Facts


@dataclass(frozen=True)
class Page:
    """A report before it is drawn."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]
