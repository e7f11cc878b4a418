"""How a data set lies on disk as its publisher distributes it, said in data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from HeartSeg3DLib.anatomy import BY_ID, WHOLE_HEART

from .index import DatasetRecord

BACKGROUND, IGNORE = "background", "ignore"
"""What a label value can mean beside a structure: nothing of the heart, or something that no loss may count."""

NII = r"\.nii(?P<gz>(?:\.gz)?)"
"""End of a NIfTI file's name; `{gz}` in the template of its label map repeats the ending."""


@dataclass(frozen=True)
class Images:
    """One kind of image in a data set.

    Patterns are regular expressions for the end of a path with / between folders; what stands before it is free, so
    that the folder above the download works as well as the download. Templates are filled with the named groups.

    Attributes:
        path: Pattern of the image files, or with `dicom` of the folders that hold one scan each.
        sequence: See `Entry.sequence`.
        subject: Template of the person.
        case: Template of the case's name; it must differ between all images of the data set.
        labels: Template of the label map or folder of masks; a case without that file has no labels.
        splits: Pattern in the path to split as distributed; the first that is found counts.
        site: Template of the hospital or scanner.
        modality: Where it differs from the data set's.
        dicom: Whether the pattern is for folders of DICOM files; every stack of images in them is a case.
        frames: Whether the labelled frames of a 4-D image are named by the data set's table.
        problem: Why these files cannot be used as distributed, and what to do.
    """

    path: str
    sequence: str
    subject: str = "{subject}"
    case: str = "{subject}"
    labels: str = ""
    splits: tuple[tuple[str, str], ...] = ()
    site: str = ""
    modality: str = ""
    dicom: bool = False
    frames: bool = False
    problem: str = ""


@dataclass(frozen=True)
class SubjectTable:
    """A CSV file of the data set that knows more about each person.

    Attributes:
        file: Pattern of its name.
        key: Column with the subject.
        site: Columns that tell the hospital or scanner, joined.
        frames: Columns with the labelled frames of the cine, counted from 0, and what to call them.
    """

    file: str
    key: str
    site: tuple[str, ...] = ()
    frames: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A data set as distributed.

    Attributes:
        name: Short name, as typed on the command line.
        title: Name shown to people.
        modality: "ct" or "mr".
        images: Kinds of images in it.
        values: Label value to the id of a structure, BACKGROUND or IGNORE.
        ignored: Structures whose drawn extent follows another convention than the project's.
        masks: Structures for which a folder of masks may hold a file; a file that is missing makes them absent.
        lesions: Structures among `values` whose voxels belong to the myocardium, too.
        licence: As its publisher states it; "unknown" where no source was found.
        commercial: False where the licence forbids commercial use, None where that is not known.
        verified: Whether folders, names and values were read from a source.
        source: That source.
        table: CSV file that knows more about each person.
        overlaps: Data sets that share people with this one.
        note: What a person should know, one or two sentences.
    """

    name: str
    title: str
    modality: str
    images: tuple[Images, ...]
    values: Mapping[int, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    lesions: tuple[str, ...] = ()
    licence: str = "unknown"
    commercial: bool | None = None
    verified: bool = False
    source: str = ""
    table: SubjectTable | None = None
    overlaps: tuple[str, ...] = ()
    note: str = ""

    def record(self, root: str) -> DatasetRecord:
        """What an index says about the data set."""
        return DatasetRecord(self.name, root, self.title, self.licence, self.commercial, dict(self.values),
                             self.lesions, self.verified, self.source, self.overlaps, "masks" if self.masks else "")


def annotated(values: Mapping[int, str], ignored: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Structures that a label map of these values says something about, in the order of the table of structures."""
    return in_order(set(values.values()) - {BACKGROUND, IGNORE} - set(ignored))


def not_annotated(present: tuple[str, ...], ignored: tuple[str, ...]) -> tuple[str, ...]:
    """Structures of the whole heart that nobody drew."""
    whole = {id_ for id_, structure in BY_ID.items() if structure.value in WHOLE_HEART}
    return in_order(whole - set(present) - set(ignored))


def in_order(ids: set[str]) -> tuple[str, ...]:
    """Ids in the order of the table of structures."""
    return tuple(id_ for id_ in BY_ID if id_ in ids)
