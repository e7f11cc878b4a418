"""The text headers of NRRD and MetaImage files: what SimpleITK does not pass on."""

from __future__ import annotations

from pathlib import Path

_HEADER_LIMIT = 1 << 20
_MS_PER_UNIT = {"ms": 1.0, "s": 1000.0, "us": 0.001}


def read_nrrd_fields(path: Path) -> dict[str, str]:
    """Fields ("space: ...") and key-value pairs ("key:=value") of a .nrrd or .nhdr header, keys in lower case."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for line in file.read(_HEADER_LIMIT).split(b"\n"):
            text = line.rstrip(b"\r").decode("utf-8", "replace")
            if not text:
                break
            mark = min((at for at in (text.find(":="), text.find(": ")) if at > 0), default=-1)
            if mark > 0 and not text.startswith("#"):
                fields[text[:mark].lower()] = text[mark + 2:].strip()
    return fields


def read_meta_image_fields(path: Path) -> dict[str, str]:
    """Fields ("Key = value") of a .mha or .mhd header."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for line in file.read(_HEADER_LIMIT).split(b"\n"):
            key, mark, value = line.decode("latin-1").partition("=")
            if not mark:
                break
            fields[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile":
                break
    return fields


def sequence_times_ms(fields: dict[str, str], frames: int) -> list[float | None]:
    """Times of the frames of a .seq.nrrd file in ms, None where its index is not a time.

    Slicer puts the list axis first up to version 5.10 and last in later ones. A "frame" index counts and is no time;
    an index without unit is taken as seconds if the axis is called time, as Slicer does.
    """
    kinds = fields.get("kinds", "").split()
    axis = kinds.index("list") if "list" in kinds else 0
    values = fields.get(f"axis {axis} index values", "").split()
    if len(values) != frames or fields.get(f"axis {axis} index type") == "text":
        return [None] * frames
    scale = _MS_PER_UNIT.get(_axis_text(fields.get("units", ""), axis))
    if scale is None and "time" in _axis_text(fields.get("labels", ""), axis):
        scale = 1000.0
    try:
        return [None] * frames if scale is None else [float(value) * scale for value in values]
    except ValueError:
        return [None] * frames


def _axis_text(field: str, axis: int) -> str:
    """Entry of one axis in a field of quoted strings such as '"time" "" "" ""'."""
    entries = field.split('"')[1::2]
    return entries[axis].lower() if axis < len(entries) else ""
