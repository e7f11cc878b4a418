"""What one line, and what the details below it, say about a result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.scene.text import _

MARKS_ATTRIBUTE = "HeartSeg.Marks"


def marks_of(segmentation: Any) -> dict[str, tuple[str, str]]:
    """Return level and sentence of each structure that has a trust mark, by its id."""
    written = segmentation.GetAttribute(MARKS_ATTRIBUTE)
    return {mark["id"]: (mark["level"], mark["sentence"]) for mark in json.loads(written)} if written else {}


def headline(seconds: float, segmentation: Any, warnings: Sequence[str]) -> tuple[str, bool]:
    """Return the line that a finished run shows, and whether something in it needs a look."""
    done = _("Done in {seconds:.0f} s.").format(seconds=seconds)
    concerns = [sentence for level, sentence in marks_of(segmentation).values() if level in ("amber", "red")]
    if concerns:
        more = len(concerns) + len(warnings) - 1
        rest = " " + _("And {more} more.").format(more=more) if more else ""
        return f"{done} {concerns[0]}{rest}", True
    if warnings:
        return f"{done} {warnings[0]}", True
    return done, False


def details_of(segmentation: Any, warnings: Sequence[str]) -> str:
    """Return one line for each warning and each structure to look at; empty if there is none."""
    lines = list(warnings)
    for id, (level, sentence) in marks_of(segmentation).items():
        if level in ("amber", "red"):
            lines.append(f"{BY_ID[id].name if id in BY_ID else id}: {sentence}")
    return "\n".join(lines)
