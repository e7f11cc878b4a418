"""Questions that the numbers of a heartbeat raise: hints for a person to look, never errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from HeartSeg3DLib.anatomy import BY_ID

_STROKE_DIFFERENCE = 0.2
"""Stroke volumes of healthy ventricles do not differ (Le 2016, PMC4830061); valve disease and shunts make them."""
_MASS_DIFFERENCE = 0.15
"""A choice, no published limit: experts' masses of the same hearts agree to 20 to 35 g (Suinesiaputra 2015,
doi 10.1186/s12968-015-0170-9), so that a smaller difference need not be an error."""
_LIKELY_FRACTIONS = (10.0, 80.0)
"""%; healthy adults have 58 to 61 with a deviation of 5 (Petersen 2017), disease goes far below."""
_OWN_EXTREMES = 5.0
"""Points of ejection fraction that the right ventricle's own largest and smallest volume may add."""
_JUMP = 0.3
"""Share of the curve's range by which a single frame may leave both its neighbors."""
_FRAMES_FOR_JUMPS = 10

_FAR_APART_MM = 9.5
"""10 mm when rounded: from there on the ejection fraction of an analytic beating heart was off by up to 10 points with
exact outlines, and that of a real cine with slices 17.7 mm apart by 23 (Testing/Benchmarks/beating_phantom.py)."""

_NAMES = {"LV": "left ventricle", "RV": "right ventricle"}


@dataclass(frozen=True)
class Beat:
    """What the questions are asked about.

    Attributes:
        volumes_ml: Volume in mL of each ventricle in every frame; `LV` always.
        ed: Frame of end-diastole.
        es: Frame of end-systole.
        mass_ed_g: Myocardial mass at end-diastole, None where unknown.
        mass_es_g: The same at end-systole.
        cut: Ids of structures that the image's border cuts in any frame.
        slice_distance_mm: From center to center of neighboring slices, None where unknown.
    """

    volumes_ml: Mapping[str, Sequence[float]]
    ed: int
    es: int
    mass_ed_g: float | None
    mass_es_g: float | None
    cut: Sequence[str] = ()
    slice_distance_mm: float | None = None


def questions(beat: Beat) -> list[str]:
    """Return one sentence for each thing about a heartbeat that a person should look at."""
    return [*_slices(beat), *_coverage(beat), *_frames(beat), *_fractions(beat), *_right_ventricle(beat), *_mass(beat)]


def fraction_remark(slice_distance_mm: float | None) -> str:
    """Return the few words that stand beside an ejection fraction that cannot be relied on, else an empty text.

    Example:
        >>> fraction_remark(17.7), fraction_remark(8.0), fraction_remark(None)
        ('uncertain: slices 18 mm apart', '', '')
    """
    if slice_distance_mm is None or slice_distance_mm < _FAR_APART_MM:
        return ""
    return f"uncertain: slices {slice_distance_mm:.0f} mm apart"


def _slices(beat: Beat) -> Iterator[str]:
    if beat.slice_distance_mm is not None and fraction_remark(beat.slice_distance_mm):
        yield (f"The slices lie {beat.slice_distance_mm:.0f} mm apart (center to center), so the ejection fraction can "
               "be off by 10 points or more: a single slice at the base, counted or not, changes the volumes a lot. "
               "Check which slices at the base belong to the ventricles at end-diastole and at end-systole, and "
               "prefer a stack with thinner slices if there is one.")


def _coverage(beat: Beat) -> Iterator[str]:
    if beat.cut:
        names = ", ".join(BY_ID[id].name for id in beat.cut)
        yield f"The border of the scan cuts {names} in at least one frame, so the volumes may be too small."


def _frames(beat: Beat) -> Iterator[str]:
    for id, volumes in beat.volumes_ml.items():
        empty = [str(index) for index, volume in enumerate(volumes) if volume <= 0]
        if empty:
            yield f"No {_NAMES[id]} was found in frame {', '.join(empty)}."
        else:
            jumps = _jumps(volumes)
            if jumps:
                yield (f"The volume of the {_NAMES[id]} jumps in frame {', '.join(map(str, jumps))}: "
                       "check the segmentation there.")


def _jumps(volumes: Sequence[float]) -> list[int]:
    """Return the frames that leave both neighbors far to the same side; a beat closes on itself."""
    count = len(volumes)
    if count < _FRAMES_FOR_JUMPS:
        return []
    limit = _JUMP * (max(volumes) - min(volumes))
    steps = [(volumes[index] - volumes[index - 1], volumes[index] - volumes[(index + 1) % count])
             for index in range(count)]
    return [index for index, (before, after) in enumerate(steps)
            if before * after > 0 and min(abs(before), abs(after)) > limit]


def _fractions(beat: Beat) -> Iterator[str]:
    low, high = _LIKELY_FRACTIONS
    for id, volumes in beat.volumes_ml.items():
        fraction = _fraction(volumes[beat.ed], volumes[beat.es])
        if fraction < 0:
            yield (f"The {_NAMES[id]} is larger at end-systole (frame {beat.es}) than at end-diastole "
                   f"(frame {beat.ed}): check the two frames.")
        elif not low <= fraction <= high:
            yield (f"An ejection fraction of {fraction:.0f} % of the {_NAMES[id]} is unusual: "
                   "check its segmentation at end-diastole and end-systole.")


def _right_ventricle(beat: Beat) -> Iterator[str]:
    if "RV" not in beat.volumes_ml:
        yield "No right ventricle was found, so only the left one was measured."
        return
    left, right = beat.volumes_ml["LV"], beat.volumes_ml["RV"]
    strokes = [volumes[beat.ed] - volumes[beat.es] for volumes in (left, right)]
    if max(strokes) > 0 and max(strokes) - min(strokes) > _STROKE_DIFFERENCE * max(strokes):
        yield (f"The stroke volumes of the ventricles differ ({strokes[0]:.0f} mL left, {strokes[1]:.0f} mL right), "
               "which they do not in a healthy heart: check both, or think of valve disease or a shunt.")
    largest, smallest = right.index(max(right)), right.index(min(right))
    own, here = _fraction(right[largest], right[smallest]), _fraction(right[beat.ed], right[beat.es])
    if own - here > _OWN_EXTREMES:
        yield (f"The right ventricle is measured at the left one's frames; its own largest and smallest volumes "
               f"(frames {largest} and {smallest}) give {own:.0f} % instead of {here:.0f} %.")


def _mass(beat: Beat) -> Iterator[str]:
    if beat.mass_ed_g is None or beat.mass_es_g is None:
        return
    difference = abs(beat.mass_ed_g - beat.mass_es_g)
    if difference > _MASS_DIFFERENCE * max(beat.mass_ed_g, beat.mass_es_g):
        yield (f"The myocardial mass is {beat.mass_ed_g:.0f} g at end-diastole and {beat.mass_es_g:.0f} g at "
               "end-systole, and it should not change: check the myocardium in both frames.")


def _fraction(largest: float, smallest: float) -> float:
    return 100.0 * (largest - smallest) / largest if largest > 0 else 0.0
