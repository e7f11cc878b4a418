"""OBJ with one group a structure, and the MTL file beside it with their colors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .content import MeshContent
from .text import write_rows


def write_obj(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes the points once and each structure's closed surface as a group; walls that two share occur in both."""
    materials = path.with_suffix(".mtl")
    with path.open("wb") as file:
        file.write(f"# {content.header}\nmtllib {materials.name}\n".encode("ascii", "replace"))
        write_rows(file, "v %.7g %.7g %.7g", content.points)
        for region in content.regions:
            file.write(f"g {region.name}\nusemtl {region.name}\n".encode("ascii"))
            write_rows(file, "f %d %d %d", content.closed_surface(region) + 1)
    colors = ((region.name, " ".join(f"{channel / 255:.4f}" for channel in region.color)) for region in content.regions)
    materials.write_text("".join(f"newmtl {name}\nKd {color}\n" for name, color in colors), "ascii")
    return {"groups": [region.name for region in content.regions]}
