"""What one line, and what the details below it, say about a result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.scene.segmentation_result import MARKS_ATTRIBUTE, TRUST_ATTRIBUTE
from HeartSeg3DLib.scene.text import JUDGED_BEFORE, _


def marks_of(segmentation: Any) -> dict[str, tuple[str, str]]:
    """Return level and sentence of each structure that has a trust mark, by its id."""
    return {mark["id"]: (mark["level"], mark["sentence"]) for mark in _marks(segmentation)}


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
    """Return what to look at: red structures, the warnings, amber structures of which no warning says it all."""
    marks = _marks(segmentation)
    red = [mark["sentence"] for mark in marks if mark["level"] == "red"]
    amber = [mark["sentence"] for mark in marks if mark["level"] == "amber" and not _is_said(mark, warnings)]
    return [*red, *warnings, *amber]


def _is_said(mark: Mapping[str, Any], warnings: Sequence[str]) -> bool:
    """Whether a warning tells that the border cuts a structure of which there is no more to tell."""
    name = BY_ID[mark["id"]].name if mark["id"] in BY_ID else mark["id"]
    return bool(mark.get("only_cut")) and any(name in warning for warning in warnings)


def _marks(segmentation: Any) -> list[dict[str, Any]]:
    """Return the trust marks as they are noted, `segmentation.verdict.Mark` each."""
    marks: list[dict[str, Any]] = json.loads(segmentation.GetAttribute(MARKS_ATTRIBUTE) or "[]")
    return marks
