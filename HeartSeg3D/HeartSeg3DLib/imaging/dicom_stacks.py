"""Sorts DICOM slices into stacks: one volume, or one volume per heart phase.

Scanners store a cine in three ways: all phases of all positions in one series, one series per position, or frames of
one multi-frame file. The rule: slices of one series that share orientation, size and pixel spacing form a group;
equal positions within a group are its phases; groups of one study with the same orientation and phase count at
distinct positions form one stack.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from .dicom_slices import SeriesFacts, Slice
from .geometry import StackLayout, stack_layout

_SAME_AXES = 1e-3
_SAME_PLACE_MM = 0.02
_SAME_PLACE_STEPS = 0.25


@dataclass(frozen=True)
class Stack:
    """Slices that belong together.

    Attributes:
        series: Series they came from, in the order of the slices' series numbers.
        places: Slices at each position along the normal, each in the order of the phases.
        time_kind: Index into `Slice.times` that ordered the phases, None where there is one phase.
        problem: Why the stack cannot be used as a scan, empty where it can.
        warnings: Sentences for the user.
    """

    series: tuple[SeriesFacts, ...]
    places: tuple[tuple[Slice, ...], ...]
    time_kind: int | None = None
    problem: str = ""
    warnings: tuple[str, ...] = field(default=())

    @property
    def first(self) -> Slice:
        """First slice of the first phase."""
        return self.places[0][0]

    @property
    def phases(self) -> int:
        """Number of heart phases, 1 for a still volume."""
        return len(self.places[0])

    @property
    def layout(self) -> StackLayout:
        """Where the slices lie; only for a stack without problem."""
        positions = np.stack([place[0].position for place in self.places])
        return stack_layout(positions, self.first.axes, self.first.spacing)


def build_stacks(slices: Iterable[Slice]) -> list[Stack]:
    """Stacks among the slices, sorted by study and series number, unusable ones included with their problem."""
    unusable: list[Stack] = []
    groups: list[Stack] = []
    for members in _split(slices, lambda one: one.series.uid).values():
        problem = _series_problem(members)
        if problem:
            places = tuple((one,) for one in members)
            unusable.append(Stack((members[0].series,), places, problem=problem))
        else:
            groups += [_group(part) for same in _same_grid(members) for part in _split_repeats(same)]
    merged = [_judge(stack) for stack in _merge(groups)]
    return sorted(merged + unusable, key=lambda stack: (stack.series[0].study, stack.series[0].number,
                                                        stack.series[0].uid, -len(stack.places)))


def _split(slices: Iterable[Slice], key: Callable[[Slice], Hashable]) -> dict[Hashable, list[Slice]]:
    parts: dict[Hashable, list[Slice]] = defaultdict(list)
    for one in slices:
        parts[key(one)].append(one)
    return parts


def _series_problem(members: list[Slice]) -> str:
    modality = members[0].series.modality
    if modality not in ("CT", "MR", ""):
        return f"holds {modality} images, neither CT nor MR"
    if members[0].samples != 1:
        return "holds color pictures"
    if not all(one.placed for one in members):
        return "does not say where its images lie in the patient"
    return ""


def _same_grid(members: list[Slice]) -> list[list[Slice]]:
    """Parts of a series with one orientation, size and pixel spacing: a localizer has several."""
    parts: list[list[Slice]] = []
    for one in members:
        for part in parts:
            if _fits(one, part[0]):
                part.append(one)
                break
        else:
            parts.append([one])
    return parts


def _fits(one: Slice, other: Slice) -> bool:
    return (one.shape == other.shape and bool(np.abs(one.axes - other.axes).max() <= _SAME_AXES)
            and bool(np.allclose(one.spacing, other.spacing, rtol=1e-3)))


def _split_repeats(members: list[Slice]) -> list[list[Slice]]:
    """Takes apart what was stored at the same positions but is no phase: echoes, fat and water, magnitude and phase."""
    kinds = list(_split(members, lambda one: one.series.image_type).values())
    covered = [len(_by_place(kind)) for kind in kinds]
    repeats = len(members) > len(_by_place(members))
    return kinds if repeats and len(set(covered)) == 1 and covered[0] == len(_by_place(members)) else [members]


def _by_place(members: Iterable[Slice], near: float = _SAME_PLACE_MM) -> list[list[Slice]]:
    """Slices at each position, positions ascending along the normal."""
    places: list[list[Slice]] = []
    for one in sorted(members, key=lambda one: one.along):
        if places and one.along - places[-1][0].along <= near:
            places[-1].append(one)
        else:
            places.append([one])
    return places


def _group(members: list[Slice]) -> Stack:
    """Orders the slices of one series by position and phase."""
    places = _by_place(members)
    usual = max(Counter(len(place) for place in places).items(), key=lambda item: (item[1], item[0]))[0]
    kept = [place for place in places if len(place) >= usual]
    warnings = []
    if len({len(place) for place in places}) > 1:
        warnings.append(f"Series {members[0].series.number} has {usual} images at most slice positions but not at "
                        "all; positions with fewer were left out and surplus images ignored.")
    kind = _time_kind(kept) if usual > 1 else None
    ordered = tuple(tuple(sorted(place, key=lambda one: _time(one, kind)))[:usual] for place in kept)
    return Stack((members[0].series,), ordered, kind, warnings=tuple(warnings))


def _time_kind(places: list[list[Slice]]) -> int | None:
    """Index of the first kind of time that tells the phases apart at every position."""
    for kind in range(len(places[0][0].times)):
        values = [[one.times[kind] for one in place] for place in places]
        if all(None not in place and len(set(place)) == len(place) for place in values):
            return kind
    return None


def _time(one: Slice, kind: int | None) -> tuple[float, int, str]:
    time = one.times[kind] if kind is not None else one.times[-1]
    return (0.0 if time is None else time, one.frame, one.path.name)


def _merge(groups: list[Stack]) -> list[Stack]:
    """Joins the groups of one study that are parts of one stack."""
    merged: list[Stack] = []
    families: list[list[Stack]] = []
    for group in groups:
        if len(group.places) > 1 and group.phases == 1:  # a volume of its own: two of them may be chest and abdomen
            merged.append(group)
            continue
        for family in families:
            if _related(group, family[0]):
                family.append(group)
                break
        else:
            families.append([group])
    for family in families:
        merged += _join(family)
    return merged


def _related(one: Stack, other: Stack) -> bool:
    a, b = one.series[0], other.series[0]
    return (one.phases == other.phases and _fits(one.first, other.first)
            and (a.patient, a.study, a.modality, a.frame_of_reference)
            == (b.patient, b.study, b.modality, b.frame_of_reference))


def _join(family: list[Stack]) -> list[Stack]:
    """One stack of related groups; where positions repeat, one per kind of image, and then the later series wins."""
    if len(family) == 1:
        return family
    if not _collide(family):
        return [_joined(family)]
    kinds: dict[Hashable, list[Stack]] = defaultdict(list)
    for group in family:
        name = re.sub(r"[\d\W_]+", "", group.series[0].description.lower())  # slices may be numbered in the name
        kinds[name, group.series[0].image_type].append(group)
    return [_joined(_latest(part)) for part in kinds.values()]


def _collide(family: list[Stack]) -> bool:
    firsts = [place[0] for group in family for place in group.places]
    return len(_by_place(firsts, _near(firsts))) < len(firsts)


def _near(slices: list[Slice]) -> float:
    """Distance in mm under which two slices count as one position taken twice."""
    gaps = np.diff(sorted(one.along for one in slices))
    real = gaps[gaps > _SAME_PLACE_MM]
    return max(_SAME_PLACE_MM, _SAME_PLACE_STEPS * float(np.median(real))) if len(real) else _SAME_PLACE_MM


def _latest(groups: list[Stack]) -> list[Stack]:
    """Drops groups whose positions were taken again later: a repeated breath-hold replaces the failed one."""
    kept: list[Stack] = []
    dropped: list[int] = []
    for group in sorted(groups, key=lambda one: one.series[0].number, reverse=True):
        if _collide([*kept, group]):
            dropped.append(group.series[0].number)
        else:
            kept.append(group)
    if dropped:
        numbers = ", ".join(str(number) for number in sorted(dropped))
        kept[0] = replace(kept[0], warnings=(*kept[0].warnings, "Slice positions were taken more than once; the later "
                                             f"series were used and series {numbers} left out."))
    return kept


def _joined(family: list[Stack]) -> Stack:
    groups = sorted(family, key=lambda group: group.first.along)
    kinds = {group.time_kind for group in groups}
    places = sorted((place for group in groups for place in group.places), key=lambda place: place[0].along)
    series = sorted({facts.uid: facts for group in groups for facts in group.series}.values(),
                    key=lambda facts: facts.number)
    return Stack(tuple(series), tuple(places), kinds.pop() if len(kinds) == 1 else None,
                 warnings=tuple(sentence for group in groups for sentence in group.warnings))


def _judge(stack: Stack) -> Stack:
    if len(stack.places) < 2:
        return replace(stack, problem="is a single slice")
    return replace(stack, problem=stack.layout.gap_problem())
