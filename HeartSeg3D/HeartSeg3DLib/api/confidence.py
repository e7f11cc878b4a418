"""How far results can be trusted, as files and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from HeartSeg3DLib.api.segmenting import SegmentedFrame
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.imaging import IMAGE_KINDS, SEQUENCE_KINDS, Frame, check_output, write_image, write_sequence
from HeartSeg3DLib.imaging.header import suffix_of
from HeartSeg3DLib.segmentation.verdict import Mark

CONFIDENCE_KINDS = tuple(dict.fromkeys((*IMAGE_KINDS, *SEQUENCE_KINDS)))
_FRAMES_NAMED = 5


def check_confidence(path: Path, output: Path, *, force: bool) -> None:
    """Make sure before any work that a map can be written.

    Raises:
        UsageError: It is the label map's file, exists already, cannot be written, or has another ending.
    """
    check_output(path, force=force, kinds=CONFIDENCE_KINDS)
    if path.resolve() == output.resolve():
        raise UsageError("The map of confidence and the label map cannot be one file.", "Give them different names.")


def check_confidence_frames(path: Path, frames: int) -> None:
    """Make sure that a map's ending fits the number of frames.

    Raises:
        UsageError: It does not.
    """
    kinds = IMAGE_KINDS if frames == 1 else SEQUENCE_KINDS
    if suffix_of(path) not in kinds:
        what = "one frame" if frames == 1 else f"{frames} frames (4-D)"
        raise UsageError(f"{path.name} has no ending that fits the confidence of {what}.",
                         f"Use one of {', '.join(kinds)}.")


def write_confidence(path: Path, found: Sequence[SegmentedFrame]) -> None:
    """Write the maps of all frames; they must have been asked for.

    Raises:
        UsageError: The file system refuses the file.
    """
    maps = [one.heart.trust.confidence for one in found if one.heart.trust is not None]
    images = [image for image in maps if image is not None]
    assert len(images) == len(found)  # segment_frames refuses a model that has none
    if len(found) == 1:
        write_image(path, images[0])
    else:
        write_sequence(path, [Frame(one.time_ms, image) for one, image in zip(found, images, strict=True)])


def doubts_of(found: Sequence[SegmentedFrame]) -> list[str]:
    """Return one sentence for each structure that is amber or red for more than that the border cuts it.

    Of several frames those are named in which it is so; the sentence is that of the one with the largest risk.
    """
    by_id: dict[str, list[tuple[int, Mark]]] = {}
    for number, one in enumerate(found):
        for mark in one.heart.trust.marks if one.heart.trust is not None else ():
            if mark.level in ("amber", "red") and not mark.only_cut:
                by_id.setdefault(mark.id, []).append((number, mark))
    sentences = []
    for marks in by_id.values():
        worst = max((mark for _, mark in marks), key=lambda mark: mark.risk or 0.0)
        sentences.append(worst.sentence if len(found) == 1 else f"{worst.sentence} ({_frames(marks, len(found))}.)")
    return sentences


def _frames(marks: Sequence[tuple[int, Mark]], count: int) -> str:
    numbers = [str(number) for number, _ in marks]
    if len(numbers) == count:
        return "All frames"
    more = f" and {len(numbers) - _FRAMES_NAMED} more" if len(numbers) > _FRAMES_NAMED else ""
    return f"Frame{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:_FRAMES_NAMED])}{more} of {count}"
