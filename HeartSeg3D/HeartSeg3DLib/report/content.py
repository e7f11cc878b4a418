"""What a report says: the facts that go in, and the blocks of the page that HTML and PDF draw alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import SimpleITK as sitk

from HeartSeg3DLib.measurement import HeartFunction, Measurements
from HeartSeg3DLib.report.curve import Drawing
from HeartSeg3DLib.trust.light import Judgement, Light

Rgb = tuple[int, int, int]

NO_BREAK = "\N{NO-BREAK SPACE}"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|mL|mm|ms|g)(?!\w))")


def keep_units(text: str) -> str:
    """Return a text in which no line breaks between a number and its unit.

    Example:
        >>> keep_units("12 % of 5 mL").split(" ")
        ['12\\xa0%', 'of', '5\\xa0mL']
    """
    return _BEFORE_UNIT.sub(NO_BREAK, text)


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
        judgements: How far the frames that are shown can be trusted: the only one, or those at end-diastole and at
            end-systole in this order.
        warnings: Sentences for the user, those of the function included.
        model: The model in words; empty where nobody knows it.
        facts: How it was made, such as `{"Device": "cpu"}`, in the order of the page.
        orientation_known: Whether pictures may say where right and left, front and back of the patient are.
    """

    title: str
    labels: Images
    measurements: Sequence[Measurements]
    images: Images | None = None
    function: HeartFunction | None = None
    judgements: Sequence[Judgement] = ()
    warnings: Sequence[str] = ()
    model: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    orientation_known: bool = True

    @property
    def shown(self) -> dict[str, int]:
        """The frames that are shown: the only one, or those of both phases by their short names."""
        return {"": 0} if self.function is None else dict(zip(("ED", "ES"), self.function.phases, strict=True))


@dataclass(frozen=True)
class Heading:
    """Title of a section; the block after it stays on its page."""

    text: str


class KeyNumber(NamedTuple):
    """A number that a reader looks for first; `doubt` says in a few words why not to rely on it."""

    name: str
    value: str
    unit: str
    doubt: str = ""


@dataclass(frozen=True)
class KeyNumbers:
    """The few numbers that a reader looks for first."""

    items: tuple[KeyNumber, ...]


@dataclass(frozen=True)
class Notices:
    """Sentences that a reader must not miss."""

    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Paragraph:
    """Small print."""

    text: str


@dataclass(frozen=True)
class Lights:
    """Lights of the frames that are shown, each behind the short names of the phases it is of.

    Where there is one frame its name is empty; phases of which the same is said share a light.
    """

    items: tuple[tuple[str, Light], ...]

    @classmethod
    def of(cls, lights: Mapping[str, Light]) -> Lights:
        """Join phases of which the same is said.

        Example:
            >>> fine, bad = Light("green", "Fine."), Light("red", "Wrong.")
            >>> [when for when, _ in Lights.of({"ED": fine, "ES": fine}).items]
            ['ED, ES']
            >>> [when for when, _ in Lights.of({"ED": fine, "ES": bad}).items]
            ['ED', 'ES']
        """
        phases: dict[Light, list[str]] = {}
        for phase, light in lights.items():
            phases.setdefault(light, []).append(phase)
        return cls(tuple((", ".join(names), light) for light, names in phases.items()))


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        cells: Words, or lights with their sentences.
        swatch: The structure's color.
        amber: Whether words in the last cell say that something was missed.
    """

    cells: tuple[str | Lights, ...]
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


Block = Heading | KeyNumbers | Notices | Lights | Paragraph | Table | Picture | Chart | Facts


@dataclass(frozen=True)
class Page:
    """A report before it is drawn."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]
