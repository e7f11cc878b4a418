"""What meshing changed, in words."""

from __future__ import annotations

from collections.abc import Mapping

from HeartSeg3DLib.meshing.checking import counted, name_of
from HeartSeg3DLib.meshing.quality import MeshReport

_LOST_PERCENT = 5.0
"""A structure whose volume is off by so much is another structure."""


def change_sentences(repaired: int, specks: Mapping[int, int], part: str) -> list[str]:
    """Return a sentence on each change of labels.

    Args:
        repaired: Parts that changed label so that surfaces do not touch themselves.
        specks: Parts that went to the surroundings, by label.
        part: What changed: a sample or an element.
    """
    sentences = [f"{name_of(value) if value else 'Outside'}: {counted(count, part)} that resampling cut off went to "
                 "the surroundings." for value, count in specks.items()]
    if repaired:
        sentences.insert(0, f"{counted(repaired, part)} changed label so that surfaces do not touch themselves.")
    return sentences


def volume_sentences(report: MeshReport) -> list[str]:
    """Return a sentence on each structure whose volume the mesh does not keep at all."""
    sentences = []
    for value, figures in report.labels.items():
        error = figures.get("volume_error_percent", 0.0)
        if isinstance(error, float) and abs(error) > _LOST_PERCENT:
            change = "lost" if error < 0 else "gained"
            sentences.append(f"{name_of(value)} {change} {abs(error):.0f} % of its volume: it is too thin or too small "
                             "for this edge length. Choose a shorter one, or take it out of the label map.")
    return sentences
