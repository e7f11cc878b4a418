"""How far results can be trusted, as files and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.api.segmenting import SegmentedFrame
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.imaging import IMAGE_KINDS, SEQUENCE_KINDS, Frame, check_output, write_image, write_sequence
from HeartSeg3DLib.imaging.header import suffix_of
from HeartSeg3DLib.segmentation.verdict import Level, Mark, Verdict
from HeartSeg3DLib.trust.light import Judgement, Light
from HeartSeg3DLib.trust.wording import listed

CONFIDENCE_KINDS = tuple(dict.fromkeys((*IMAGE_KINDS, *SEQUENCE_KINDS)))
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_CUT = "cut by the border of the scan."
"""Of structures of which there is no more to say: a warning names the sides."""
_GOOD_TO_BAD: tuple[Level, ...] = ("green", "grey", "amber", "red")


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


def verdict_of(found: Sequence[SegmentedFrame]) -> Light:
    """Return the light of the whole result, of several frames that of the one that can be trusted least.

    Of frames of one level that is the one with the most structures of this level, then the one with the largest risk;
    structures that are as bad in other frames only are named, too.
    """
    verdicts = [one.heart.trust for one in found if one.heart.trust is not None]
    assert len(verdicts) == len(found)  # segment_frames judges every frame
    worst = max(verdicts, key=lambda one: (_GOOD_TO_BAD.index(one.level), len(_as_bad(one, one.level)),
                                           max((mark.risk or 0.0 for mark in one.marks), default=0.0)))
    if len(verdicts) == 1:
        return Light(worst.level, worst.sentence)
    alike = all((one.level, one.sentence) == (worst.level, worst.sentence) for one in verdicts)
    if alike:
        return Light(worst.level, f"{worst.sentence} ({_all_phases(len(verdicts))}.)")
    place = _place(next(number for number, one in enumerate(verdicts) if one is worst))
    elsewhere = set().union(*(_as_bad(one, worst.level) for one in verdicts)) - _as_bad(worst, worst.level)
    names = listed(id for id in BY_ID if id in elsewhere)
    others = f"; {worst.level} in other phases: {names}" if names and worst.level in ("amber", "red") else ""
    return Light(worst.level, f"{worst.sentence} (Worst of the {len(verdicts)} phases: {place}{others}.)")


def judgement_of(one: SegmentedFrame) -> Judgement:
    """Return what a report says of one frame."""
    verdict = one.heart.trust
    return Judgement() if verdict is None else Judgement(verdict.marks, Light(verdict.level, verdict.sentence))


def doubts_of(found: Sequence[SegmentedFrame]) -> list[Light]:
    """Return lights for the structures that are not green, the worst first; those of which the same is said share one.

    Where nobody judged a frame, its gray structures are left out: the verdict says it of all. Of several frames the
    sentence is that of the one in which a structure is worst, and all are counted in which it is amber or red.
    """
    names: dict[tuple[Level, str], list[str]] = {}
    for id, marks in _doubtful_marks(found).items():
        number, worst = max(marks, key=lambda one: _badness(one[1]))
        where = f" ({_phases(number, worst, [mark for _, mark in marks], len(found))}.)" if len(found) > 1 else ""
        name = BY_ID[id].name
        words = _CUT if worst.only_cut else worst.sentence.removeprefix(f"{name}: ") + where
        names.setdefault((worst.level, words), []).append(name)
    lights = [Light(level, f"{', '.join(alike)}: {words}") for (level, words), alike in names.items()]
    return sorted(lights, key=lambda light: _GOOD_TO_BAD.index(light.level), reverse=True)


def _doubtful_marks(found: Sequence[SegmentedFrame]) -> dict[str, list[tuple[int, Mark]]]:
    """Return, by structure, the frames in which it is not green, each with its mark."""
    marks: dict[str, list[tuple[int, Mark]]] = {}
    for number, one in enumerate(found):
        verdict = one.heart.trust
        if verdict is None:
            continue
        fine = ("green", "grey") if verdict.level == "grey" else ("green",)
        for mark in verdict.marks:
            if mark.level not in fine:
                marks.setdefault(mark.id, []).append((number, mark))
    return marks


def _badness(mark: Mark) -> tuple[int, bool, float]:
    return _GOOD_TO_BAD.index(mark.level), not mark.only_cut, mark.risk or 0.0


def _as_bad(verdict: Verdict, level: Level) -> set[str]:
    """Return the ids of structures of a level; a cut alone is left out, which is seldom that of one phase only."""
    return {mark.id for mark in verdict.marks if mark.level == level and not mark.only_cut}


def _phases(number: int, worst: Mark, marks: Sequence[Mark], count: int) -> str:
    """Return in how many of `count` phases one structure is amber or red, or is gray where it is neither anywhere.

    Args:
        number: Frame in which it is worst.
        worst: Its mark there.
        marks: Those of all frames in which it is not green.
        count: Number of frames.
    """
    alike = [mark for mark in marks if (mark.level == "grey") == (worst.level == "grey")]
    if len(alike) == 1:
        return f"In 1 of the {count} phases: {_place(number)}"
    levels = [level for level in ("amber", "red") if any(mark.level == level for mark in alike)]
    where = _all_phases(count) if len(alike) == count else f"In {len(alike)} of the {count} phases"
    if all((mark.level, mark.sentence) == (worst.level, worst.sentence) for mark in alike):
        return where
    return f"{' or '.join(levels)} {where[0].lower()}{where[1:]}; worst in {_place(number)}".capitalize()


def _place(number: int) -> str:
    """Return a phase as it is said and as files number it."""
    return f"the {_ordinal(number + 1)}, frame {number}"


def _all_phases(count: int) -> str:
    return "In both phases" if count == 2 else f"In all {count} phases"


def _ordinal(number: int) -> str:
    """Return the place of a phase as it is said, counted from 1.

    Example:
        >>> [_ordinal(number) for number in (1, 3, 11, 12, 21, 30)]
        ['first', 'third', '11th', '12th', '21st', '30th']
    """
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = "th" if 11 <= number % 100 <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
