"""The NIfTI-1 header as it stands in the file.

ITK repairs a zero spacing in silence, reads missing voxels as zeros and does not tell whether the file states an
orientation at all, so what must be judged is read here.
Field offsets: nifti1.h, https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
_HEADER_BYTES = 348
_CHUNK = 1 << 20
DEFLATE_MAX_RATIO = 1032
"""Deflate cannot shrink data further than 1032:1 (zlib's technical notes, zlib.net/zlib_tech.html)."""

_BYTES_PER_VOXEL = {2: 1, 4: 2, 8: 4, 16: 4, 32: 8, 64: 8, 128: 3, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8,
                    1536: 16, 1792: 16, 2048: 32, 2304: 4}
_FLOATS = {16: "f4", 64: "f8"}
_MS_PER_TIME_UNIT = {8: 1000.0, 16: 1.0, 24: 0.001}
_REMEDY = "Export or download the file again."


@dataclass(frozen=True)
class NiftiHeader:
    """Header fields that decide whether a NIfTI file can be trusted.

    Attributes:
        dimensions: Voxels along each axis, 1 to 7 values.
        spacing: pixdim of the first three axes, unchecked, unit as in the file.
        qform_code: 0 where the header has no quaternion.
        sform_code: 0 where the header has no affine.
        sform: (3, 4) affine, voxel index to RAS, meaningful where sform_code > 0.
        time_step_ms: Time between frames in ms, None where the header does not say.
        start: Offset of the first voxel in the uncompressed file.
        float_type: How a floating-point voxel is stored, None for voxels that always are finite numbers.
        total_bytes: Length that the uncompressed file must have.
    """

    dimensions: tuple[int, ...]
    spacing: tuple[float, ...]
    qform_code: int
    sform_code: int
    sform: np.ndarray
    time_step_ms: float | None
    start: int
    float_type: np.dtype | None
    total_bytes: int


def read_nifti_header(path: Path) -> NiftiHeader:
    """Reads the header of a .nii or .nii.gz file, either byte order.

    Raises:
        InputError: The file is not NIfTI-1, is damaged, or its header makes no sense.
    """
    raw = _first_bytes(path)
    order = _byte_order(raw, path)
    if raw[344:348] != b"n+1\0":
        raise InputError(f"{path.name} is not a single-file NIfTI image.", "Convert it to .nii.gz or .nrrd.")
    rank, *sizes = struct.unpack_from(f"{order}8h", raw, 40)
    datatype, = struct.unpack_from(f"{order}h", raw, 70)
    if not 1 <= rank <= 7 or min(sizes[:rank]) < 1 or datatype not in _BYTES_PER_VOXEL:
        raise InputError(f"The header of {path.name} makes no sense: size {sizes[:max(rank, 0)]}, "
                         f"data type {datatype}.", _REMEDY)
    pixdim = struct.unpack_from(f"{order}8f", raw, 76)
    offset, = struct.unpack_from(f"{order}f", raw, 108)
    qform_code, sform_code = struct.unpack_from(f"{order}2h", raw, 252)
    sform = np.array(struct.unpack_from(f"{order}12f", raw, 280)).reshape(3, 4)
    voxels = math.prod(sizes[:rank])
    start = int(offset) if math.isfinite(offset) and offset >= _HEADER_BYTES else _HEADER_BYTES + 4
    return NiftiHeader(tuple(sizes[:rank]), pixdim[1:4], qform_code, sform_code, sform,
                       _time_step(pixdim[4], raw[123]), start,
                       np.dtype(_FLOATS[datatype]).newbyteorder(order) if datatype in _FLOATS else None,
                       start + voxels * _BYTES_PER_VOXEL[datatype])


def check_voxels(path: Path, header: NiftiHeader) -> bool:
    """Makes sure that every voxel the header promises is in the file and, if compressed, undamaged.

    Returns:
        Whether some voxels are no finite numbers. ITK's reader makes them 0, which is water in a CT, and says nothing.

    Raises:
        InputError: The file ends early or its checksum is wrong.
    """
    on_disk = path.stat().st_size
    compressed = _is_gzip(path)
    if on_disk * (DEFLATE_MAX_RATIO if compressed else 1) < header.total_bytes:
        raise incomplete(path)
    if not compressed and header.float_type is None:
        return False
    total, rest, finite = -header.start, b"", True
    for block in _unpacked(path, header.total_bytes) if compressed else _blocks(path):
        voxels = rest + block[max(0, -total):]
        total += len(block)
        if header.float_type is not None:
            whole = len(voxels) - len(voxels) % header.float_type.itemsize
            finite = finite and bool(np.isfinite(np.frombuffer(voxels[:whole], header.float_type)).all())
            rest = voxels[whole:]
    if total + header.start < header.total_bytes:
        raise incomplete(path)
    return not finite


def not_finite(path: Path, header: NiftiHeader, frame: int) -> np.ndarray:
    """Mask (z, y, x) of the voxels of one frame that are no finite numbers in the file."""
    x, y, z = header.dimensions[:3]
    kind = header.float_type
    if kind is None:
        return np.zeros((z, y, x), bool)
    length = x * y * z * kind.itemsize
    with gzip.open(path) if _is_gzip(path) else path.open("rb") as file:
        file.seek(header.start + frame * length)
        return ~np.isfinite(np.frombuffer(file.read(length), kind)).reshape(z, y, x)


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(1 << 16)
    if raw[:2] != GZIP_MAGIC:
        return raw
    if path.suffix.lower() != ".gz":
        raise InputError(f"{path.name} is compressed although its name does not say so.",
                         f"Rename it to {path.name}.gz.")
    try:
        return zlib.decompressobj(wbits=31).decompress(raw, 1 << 16)
    except zlib.error as error:
        raise InputError(f"{path.name} is damaged: its compressed data cannot be unpacked.", _REMEDY) from error


def _byte_order(raw: bytes, path: Path) -> Literal["<", ">"]:
    orders: tuple[Literal["<"], Literal[">"]] = ("<", ">")
    for order in orders:
        if len(raw) >= _HEADER_BYTES and struct.unpack_from(f"{order}i", raw)[0] == _HEADER_BYTES:
            return order
        if len(raw) >= 540 and struct.unpack_from(f"{order}i", raw)[0] == 540:
            raise InputError(f"{path.name} is a NIfTI-2 file, which is not supported.",
                             "Convert it to NIfTI-1 (.nii.gz) or .nrrd.")
    raise InputError(f"{path.name} is not a NIfTI image although its name says so.",
                     "Check that this is the file you meant, or export the scan again.")


def _time_step(step: float, units: int) -> float | None:
    """Time step in ms; exactly one second is what writers put where they do not know."""
    scale = _MS_PER_TIME_UNIT.get(units & 0x38)
    if scale is None or not math.isfinite(step) or step <= 0 or step * scale == 1000.0:
        return None
    return step * scale


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            yield block


def _unpacked(path: Path, needed: int) -> Iterator[bytes]:
    """The unpacked data in bounded pieces; zlib compares each member's checksum on the way."""
    total = 0
    unpack = zlib.decompressobj(wbits=31)
    try:
        for packed in _blocks(path):
            while packed and not (unpack.eof and total >= needed):
                if unpack.eof:  # several gzip members in a row, as parallel compressors write them
                    unpack = zlib.decompressobj(wbits=31)
                block = unpack.decompress(packed, 16 * _CHUNK)
                total += len(block)
                yield block
                packed = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    except zlib.error as error:
        raise InputError(f"{path.name} is damaged: its compressed data cannot be unpacked.", _REMEDY) from error
    if not unpack.eof:
        raise incomplete(path)


def incomplete(path: Path) -> InputError:
    """The error for a file that ends before its image does."""
    return InputError(f"{path.name} is incomplete: the file ends before the image does.", _REMEDY)
