"""What meshing changed, in words."""

from __future__ import annotations

from collections.abc import Mapping

from HeartSeg3DLib.meshing.checking import counted, name_of


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
