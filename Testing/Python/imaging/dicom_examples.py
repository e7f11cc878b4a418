"""Writes small DICOM files for the tests: explicit VR little endian unless a test asks for something else."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.imaging import Scan

LONG = {"OB", "OW", "SQ", "UN", "UT"}
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
RLE, JPEG_LS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"
CT_IMAGE, MR_IMAGE, ENHANCED_MR = (f"1.2.840.10008.5.1.4.1.1.{kind}" for kind in ("2", "4", "4.1"))
BINARY = {"US": "H", "SS": "h", "UL": "I", "FD": "d", "FL": "f"}

Element = tuple[int, str, Any]


def encode(elements: list[Element], order: str = "<", explicit: bool = True) -> bytes:
    """Encodes elements in the order of their tags."""
    return b"".join(_element(*element, order, explicit) for element in sorted(elements, key=lambda one: one[0]))


def _element(tag: int, kind: str, value: Any, order: str, explicit: bool) -> bytes:
    data = _value(kind, value, order, explicit)
    data += b"" if len(data) % 2 == 0 else (b"\0" if kind in ("UI", "OB") else b" ")
    head = struct.pack(f"{order}2H", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack(f"{order}I", len(data)) + data
    if kind in LONG:
        return head + kind.encode() + b"\0\0" + struct.pack(f"{order}I", len(data)) + data
    return head + kind.encode() + struct.pack(f"{order}H", len(data)) + data


def _value(kind: str, value: Any, order: str, explicit: bool) -> bytes:
    if kind == "SQ":
        items = [encode(item, order, explicit) for item in value]
        return b"".join(struct.pack(f"{order}2HI", 0xFFFE, 0xE000, len(item)) + item for item in items)
    if kind in BINARY:
        values = value if isinstance(value, (list, tuple)) else [value]
        return struct.pack(f"{order}{len(values)}{BINARY[kind]}", *values)
    if isinstance(value, bytes):
        return value
    return "\\".join(str(part) for part in (value if isinstance(value, (list, tuple)) else [value])).encode("latin-1")


def image_elements(pixels: np.ndarray, **extra: Any) -> list[Element]:
    """Elements of an image of (rows, columns) or (frames, rows, columns) 16-bit pixels."""
    facts: dict[str, Any] = {
        "sop_class": CT_IMAGE, "instance": f"1.9.{abs(hash(pixels.tobytes()))}", "modality": "CT", "study": "1.2.3",
        "series": "1.2.3.4", "number": 4, "patient": "patient", "description": "chest", "position": (0, 0, 0),
        "orientation": (1, 0, 0, 0, 1, 0), "spacing": (1.0, 1.0), "instance_number": 1, **extra}
    signed = pixels.dtype.kind == "i"
    elements: list[Element] = [
        (0x00080008, "CS", facts.get("image_type", ("ORIGINAL", "PRIMARY", "AXIAL"))),
        (0x00080016, "UI", facts["sop_class"]), (0x00080018, "UI", facts["instance"]),
        (0x00080060, "CS", facts["modality"]), (0x0008103E, "LO", facts["description"]),
        (0x00100020, "LO", facts["patient"]), (0x0020000D, "UI", facts["study"]),
        (0x0020000E, "UI", facts["series"]), (0x00200011, "IS", facts["number"]),
        (0x00200013, "IS", facts["instance_number"]), (0x00280002, "US", facts.get("samples", 1)),
        (0x00280004, "CS", "MONOCHROME2"), (0x00280010, "US", pixels.shape[-2]), (0x00280011, "US", pixels.shape[-1]),
        (0x00280100, "US", 16), (0x00280101, "US", 16), (0x00280102, "US", 15), (0x00280103, "US", int(signed)),
    ]
    for tag, kind, name in ((0x00200032, "DS", "position"), (0x00200037, "DS", "orientation"),
                            (0x00280030, "DS", "spacing"), (0x00181060, "DS", "trigger"),
                            (0x00181030, "LO", "protocol"), (0x00280008, "IS", "frames"),
                            (0x00281052, "DS", "intercept"), (0x00281053, "DS", "slope"),
                            (0x00180081, "DS", "echo"), (0x00200012, "IS", "acquisition")):
        if facts.get(name) is not None:
            elements.append((tag, kind, facts[name]))
    return elements + list(facts.get("more", []))


def write_dicom(path: Path, pixels: np.ndarray, *, syntax: str = EXPLICIT, stored: bytes | None = None,
                preamble: bool = True, **extra: Any) -> Path:
    """Writes an image; `stored` replaces the plain pixels by an encapsulated stream in a compressed syntax."""
    order = ">" if syntax == BIG else "<"
    elements = image_elements(pixels, **extra)
    if stored is None:
        elements.append((0x7FE00010, "OW", pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()))
    body = encode(elements, order, syntax != IMPLICIT)
    if stored is not None:
        stored += b"\0" * (len(stored) % 2)
        body += (struct.pack("<2H", 0x7FE0, 0x0010) + b"OB\0\0" + struct.pack("<I", 0xFFFFFFFF)
                 + struct.pack("<2HI", 0xFFFE, 0xE000, 0) + struct.pack("<2HI", 0xFFFE, 0xE000, len(stored)) + stored
                 + struct.pack("<2HI", 0xFFFE, 0xE0DD, 0))
    meta = encode([(0x00020001, "OB", b"\0\1"), (0x00020002, "UI", extra.get("sop_class", CT_IMAGE)),
                   (0x00020003, "UI", "1.9"), (0x00020010, "UI", syntax), (0x00020012, "UI", "1.9.9")])
    length = encode([(0x00020000, "UL", len(meta))])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((b"\0" * 128 + b"DICM" + length + meta if preamble else b"") + body)
    return path


def rle_encoded(pixels: np.ndarray) -> bytes:
    """16-bit pixels as a DICOM RLE stream of literal runs (PS3.5 annex G)."""
    planes = [pixels.astype(">u2").tobytes()[offset::2] for offset in (0, 1)]
    segments = []
    for plane in planes:
        runs = [plane[start:start + 128] for start in range(0, len(plane), 128)]
        segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [64, 64 + len(segments[0])]
    return struct.pack("<16I", 2, *offsets, *[0] * 13) + b"".join(segments)


def write_volume(folder: Path, voxels: np.ndarray, *, step: float = 2.0, places: list[float] | None = None,
                 shift: tuple[float, float] = (0.0, 0.0), **extra: Any) -> Path:
    """Writes an axial volume (slices, rows, columns) as one file a slice, in the reverse order of their positions.

    Args:
        places: z of each slice in mm; by default `step` apart.
        shift: How far each slice lies beside the one below, x and y in mm: a tilted gantry.
    """
    places = places if places is not None else [step * index for index in range(len(voxels))]
    for index in reversed(range(len(voxels))):
        x, y = shift[0] * places[index], shift[1] * places[index]
        name = f"IM{len(voxels) - index:04d}"
        facts = {"instance_number": len(voxels) - index, "instance": f"1.9.{extra.get('series', '4')}.{index}",
                 "position": (-10 + x, -20 + y, places[index]), "spacing": (1.5, 1.25), **extra}
        write_dicom(folder / name, voxels[index], **facts)
    return folder


def write_enhanced(path: Path, voxels: np.ndarray, *, step: float = 8.0, delays: list[float] | None = None,
                   slopes: list[float] | None = None, **extra: Any) -> Path:
    """Writes an enhanced MR image of (phases, slices, rows, columns), frames ordered slice by slice, top first.

    Args:
        delays: Trigger delay of each phase in ms.
        slopes: Rescale slope of each frame.
    """
    phases, slices = voxels.shape[:2]
    frames, groups = [], []
    for place in reversed(range(slices)):
        for phase in range(phases):
            group: list[Element] = [
                (0x00209113, "SQ", [[(0x00200032, "DS", (-10, -20, step * place))]]),
                (0x00209111, "SQ", [[(0x00209128, "UL", phase + 1), (0x00209157, "UL", (1, place + 1, phase + 1))]])]
            if delays is not None:
                group.append((0x00189118, "SQ", [[(0x00209153, "FD", delays[phase])]]))
            if slopes is not None:
                group.append((0x00289145, "SQ", [[(0x00281052, "DS", 0), (0x00281053, "DS", slopes[len(frames)])]]))
            frames.append(voxels[phase, place])
            groups.append(group)
    shared: list[Element] = [
        (0x00209116, "SQ", [[(0x00200037, "DS", (1, 0, 0, 0, 1, 0))]]),
        (0x00289110, "SQ", [[(0x00180050, "DS", step), (0x00280030, "DS", (1.5, 1.25))]])]
    return write_dicom(path, np.stack(frames), sop_class=ENHANCED_MR, modality="MR", frames=len(frames),
                       position=None, orientation=None, spacing=None, instance="1.9.77",
                       more=[(0x52009229, "SQ", [shared]), (0x52009230, "SQ", groups)], **extra)


def write_cine(folder: Path, cine: np.ndarray, *, step: float = 10.0, one_series: bool = False,
               start: int = 1, kind: str = "M", **extra: Any) -> None:
    """Writes a cine with one series per slice position, or all in one, files named against their order."""
    phases, slices = cine.shape[:2]
    for place in range(slices):
        for phase in range(phases):
            series = start if one_series else start + place
            count = phase * slices + place if one_series else phase
            facts = {"series": f"1.2.{series}", "number": series, "position": (5, 6, step * place),
                     "instance": f"1.{ord(kind)}.{start}.{place}.{phase}", "instance_number": count + 1,
                     "modality": "MR", "description": "cine sax", "trigger": 30 * phase,
                     "image_type": ("ORIGINAL", "PRIMARY", kind), **extra}
            name = f"{start}-{slices - place}-{phases - phase}"
            write_dicom(folder / f"series{series}" / name, cine[phase, place], **facts)


def voxels_of(scan: Scan, frame: int = 0) -> np.ndarray:
    """Voxels of one frame of a scan that was read, (slices, rows, columns)."""
    return sitk.GetArrayFromImage(scan.frames[frame].image)
