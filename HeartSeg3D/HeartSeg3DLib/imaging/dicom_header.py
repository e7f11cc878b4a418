"""Reads the header of a DICOM file up to its pixels, nested sequences included.

SimpleITK leaves sequences out, and the positions of an enhanced multi-frame image stand in sequences. Encoding rules:
DICOM PS3.5 section 7 (data set) and PS3.10 section 7 (file).
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

Dataset = dict[int, "bytes | list[Dataset]"]

_PIXEL_GROUP = 0x7FE0
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_LENGTH = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_LONGEST_VALUE = 1 << 12
_LONGEST_HEADER = 1 << 26  # of a deflated file: a small one may claim to unpack to a thousand times its size
_DEEPEST = 16
_IMPLICIT = "1.2.840.10008.1.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
SHARED_GROUPS, PER_FRAME_GROUPS = 0x52009229, 0x52009230
FRAME_CONTENT, PLANE_POSITION, PLANE_ORIENTATION = 0x00209111, 0x00209113, 0x00209116
PIXEL_MEASURES, PIXEL_TRANSFORMATION, CARDIAC_SYNCHRONIZATION = 0x00289110, 0x00289145, 0x00189118
_SEQUENCES = frozenset((SHARED_GROUPS, PER_FRAME_GROUPS, FRAME_CONTENT, PLANE_POSITION, PLANE_ORIENTATION,
                        PIXEL_MEASURES, PIXEL_TRANSFORMATION, CARDIAC_SYNCHRONIZATION))


class NotDicomError(Exception):
    """The file is not DICOM."""


class DamagedDicomError(NotDicomError):
    """The file begins as DICOM but its header cannot be followed."""


@dataclass(frozen=True)
class _Encoding:
    explicit: bool
    order: str


@dataclass(frozen=True)
class DicomHeader:
    """Elements of a file before its pixels.

    Attributes:
        elements: Tag (group << 16 | element) to raw value, or to the items of a sequence.
        order: "<" or ">", byte order of binary values.
    """

    elements: Dataset
    order: str

    def text(self, tag: int, within: Dataset | None = None) -> str:
        """Value as text, empty where absent."""
        value = (self.elements if within is None else within).get(tag, b"")
        return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else ""

    def texts(self, tag: int, within: Dataset | None = None) -> list[str]:
        """Parts of a multi-valued text."""
        text = self.text(tag, within)
        return [part.strip() for part in text.split("\\")] if text else []

    def numbers(self, tag: int, within: Dataset | None = None) -> list[float]:
        """Values of a decimal or integer string, empty where absent or not finite numbers."""
        try:
            values = [float(part) for part in self.texts(tag, within)]
        except ValueError:
            return []
        return values if all(math.isfinite(value) for value in values) else []

    def binary(self, tag: int, code: str, within: Dataset | None = None) -> list[float]:
        """Values of a binary element; `code` is the struct letter of one value (H, I, f, d)."""
        value = (self.elements if within is None else within).get(tag, b"")
        width = struct.calcsize(code)
        if not isinstance(value, bytes) or len(value) < width:
            return []
        return list(struct.unpack_from(f"{self.order}{len(value) // width}{code}", value))

    def items(self, tag: int, within: Dataset | None = None) -> list[Dataset]:
        """Items of a sequence."""
        value = (self.elements if within is None else within).get(tag, [])
        return value if isinstance(value, list) else []


def read_dicom_header(path: Path) -> DicomHeader:
    """Reads the elements before the pixels; values over 4 kB and unneeded sequences are left out.

    Raises:
        NotDicomError: The file is not DICOM.
        DamagedDicomError: It is, but its header cannot be followed.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(132)
        marked = start[128:] == b"DICM"
        # files from before 1993 and some exports start with the data set itself
        if not marked and start[:2] != b"\x08\0":
            raise NotDicomError(str(path))
        try:
            return _read_file(file) if marked else _read_bare(file, start)
        except (struct.error, zlib.error, ValueError, DamagedDicomError) as error:
            raise (DamagedDicomError if marked else NotDicomError)(str(path)) from error


def _read_bare(file: BinaryIO, start: bytes) -> DicomHeader:
    file.seek(0)
    encoding = _Encoding(start[4:6].isalpha() and start[4:6].isupper(), "<")
    return DicomHeader(_data_set(file, encoding, _UNDEFINED, 0), "<")


def _read_file(file: BinaryIO) -> DicomHeader:
    meta = DicomHeader(_data_set(file, _Encoding(True, "<"), _UNDEFINED, 0, only_group=2), "<")
    syntax = meta.text(0x00020010)
    body: BinaryIO = file
    if syntax == _DEFLATED:
        body = io.BytesIO(zlib.decompressobj(wbits=-15).decompress(file.read(), _LONGEST_HEADER))
    encoding = _Encoding(syntax != _IMPLICIT, ">" if syntax == _BIG_ENDIAN else "<")
    elements = _data_set(body, encoding, _UNDEFINED, 0)
    return DicomHeader({**meta.elements, **elements}, encoding.order)


def _data_set(file: BinaryIO, encoding: _Encoding, length: int, depth: int, only_group: int | None = None) -> Dataset:
    """Elements up to `length` bytes, the end of the item, the pixels or the end of the file."""
    if depth > _DEEPEST:
        raise DamagedDicomError
    elements: Dataset = {}
    end = _UNDEFINED if length == _UNDEFINED else file.tell() + length
    while file.tell() < end:
        head = file.read(8)
        if not head:
            break
        group, element = struct.unpack_from(f"{encoding.order}2H", head)
        tag = group << 16 | element
        if group == _PIXEL_GROUP or tag == _ITEM_END or (only_group is not None and group != only_group):
            file.seek(-8 if tag != _ITEM_END else 0, io.SEEK_CUR)
            break
        representation, size = _length(file, head, encoding)
        if representation == b"SQ" or tag in _SEQUENCES or size == _UNDEFINED:
            nested = _Encoding(False, "<") if representation == b"UN" else encoding
            items = _items(file, nested, size, depth + 1)
            if tag in _SEQUENCES:
                elements[tag] = items
        elif size > _LONGEST_VALUE:
            file.seek(size, io.SEEK_CUR)
        else:
            value = file.read(size)
            if len(value) < size:
                raise DamagedDicomError
            elements[tag] = value
    return elements


def _length(file: BinaryIO, head: bytes, encoding: _Encoding) -> tuple[bytes, int]:
    """Value representation (empty where implicit) and length of the element whose first 8 bytes were read."""
    if not encoding.explicit:
        return b"", struct.unpack_from(f"{encoding.order}I", head, 4)[0]
    representation = head[4:6]
    if representation in _LONG_LENGTH:
        return representation, struct.unpack(f"{encoding.order}I", file.read(4))[0]
    if not representation.isalpha():
        raise DamagedDicomError
    return representation, struct.unpack_from(f"{encoding.order}H", head, 6)[0]


def _items(file: BinaryIO, encoding: _Encoding, length: int, depth: int) -> list[Dataset]:
    """Items of a sequence of known or undefined length."""
    items: list[Dataset] = []
    end = _UNDEFINED if length == _UNDEFINED else file.tell() + length
    while file.tell() < end:
        head = file.read(8)
        group, element, size = struct.unpack(f"{encoding.order}2HI", head)
        tag = group << 16 | element
        if tag == _SEQUENCE_END:
            break
        if tag != _ITEM:
            raise DamagedDicomError
        items.append(_data_set(file, encoding, size, depth))
    return items
