"""What one line, and what the details below it, say about a result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.scene.segmentation_result import MARKS_ATTRIBUTE, TRUST_ATTRIBUTE
from HeartSeg3DLib.scene.text import JUDGED_BEFORE, _


def marks_of(segmentation: Any) -> dict[str, tuple[str, str]]:
    """Return level and sentence of each structure that has a trust mark, by its id."""
    written = segmentation.GetAttribute(MARKS_ATTRIBUTE)
    return {mark["id"]: (mark["level"], mark["sentence"]) for mark in json.loads(written)} if written else {}


def trust_of(segmentation: Any, *, edited: bool = False) -> tuple[str, str]:
    """Return level and sentence of the result as a whole; both are empty where nothing was noted.

    Args:
        segmentation: The result, or the node that plays its phases.
        edited: Whether a person corrected it since.
    """
    written = segmentation.GetAttribute(TRUST_ATTRIBUTE)
    if not written:
        return "", ""
    said = json.loads(written)
    return said["level"], f"{said['sentence']} {JUDGED_BEFORE}" if edited else said["sentence"]


def headline(seconds: float, segmentation: Any, warnings: Sequence[str]) -> tuple[str, bool]:
    """Return the line that a finished run shows, and whether something in it needs a look."""
    done = _("Done in {seconds:.0f} s.").format(seconds=seconds)
    concerns = _concerns(segmentation, warnings)
    if not concerns:
        return done, False
    rest = " " + _("And {more} more.").format(more=len(concerns) - 1) if len(concerns) > 1 else ""
    return f"{done} {concerns[0]}{rest}", True


def details_of(segmentation: Any, warnings: Sequence[str]) -> str:
    """Return one line for each warning and each structure to look at; empty if there is none."""
    return "\n".join(_concerns(segmentation, warnings))


def _concerns(segmentation: Any, warnings: Sequence[str]) -> list[str]:
    """Return the warnings, and the sentences of those marks whose structure no warning names."""
    marked = [(BY_ID[id].name if id in BY_ID else id, sentence)
              for id, (level, sentence) in marks_of(segmentation).items() if level in ("amber", "red")]
    return [*warnings, *(sentence for name, sentence in marked
                         if not any(name in warning for warning in warnings))]
