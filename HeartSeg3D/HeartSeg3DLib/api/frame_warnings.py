"""What a person should know about the frames of one scan, each thing said once."""

from __future__ import annotations

from collections.abc import Sequence

from HeartSeg3DLib.api.segmenting import SegmentedFrame
from HeartSeg3DLib.segmentation.borders import cut_sentences, cut_sides
from HeartSeg3DLib.segmentation.frame import view_in_model_frame


def heart_warnings(found: Sequence[SegmentedFrame], orientation_known: bool) -> list[str]:
    """Return the warnings of all frames, with one sentence on what the border cuts in any of them."""
    sentences: list[str] = []
    cut: dict[int, set[str]] = {}
    for one in found:
        volume = view_in_model_frame(one.heart.labels)
        sides = cut_sides(volume.array, volume)
        sentences += [text for text in one.heart.warnings if text not in cut_sentences(sides, orientation_known)]
        for value, names in sides.items():
            cut.setdefault(value, set()).update(names)
    return [*sentences, *cut_sentences(cut, orientation_known)]
