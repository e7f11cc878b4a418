"""What speaks against a label map being a heart: questions for a person, never errors.

Each limit is far wider than what is found in healthy people, because disease goes far beyond that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from HeartSeg3DLib.anatomy import BY_ID, MYOCARDIAL_DENSITY_G_PER_ML, STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.trust.geometry import Geometry

VOLUME_LIMITS_ML: dict[str, tuple[float, float]] = {
    "LV": (12.0, 436.0),
    "MYO": (28.0 / MYOCARDIAL_DENSITY_G_PER_ML, 390.0 / MYOCARDIAL_DENSITY_G_PER_ML),
    "RV": (13.0, 512.0),
    "LA": (10.0, 408.0),
    "RA": (10.0, 408.0),
}
"""Smallest and largest volume in mL, any phase of the heartbeat, that raises no question.

Ventricles and left atrium: 108 healthy adults of Hudsmith 2005 (J Cardiovasc Magn Reson 7:775-782,
doi 10.1080/10976640500295516; mean and deviation, as its abstract has them: LV end-diastole 160 +- 29 mL in men,
end-systole 42 +- 12 mL in women; RV 190 +- 33 and 56 +- 18; LA at its largest 103 +- 30 in men). From the smallest mean
less two deviations, divided by 1.5, to the largest mean plus two deviations, doubled, and for the atrium times 2.5. The
atrium's lowest is chosen: a quarter of the 41 mL that remain in women after its stroke volume (89 less 48 mL). The
right atrium has the left one's limits, for want of a source. Myocardium: 42 +- 7 to 53 +- 9 g/m2 (Petersen 2017,
doi 10.1186/s12968-017-0327-9) at 1.5 to 2.2 m2, less two deviations and divided by 1.5, plus two and times 2.5.
"""

_VENTRICLE_RATIO = (1.0 / 3.0, 3.0)
"""Volume of RV by LV: at end-diastole 1.2 in healthy men and 1.1 in women, 190 by 160 and 148 by 135 mL (Hudsmith
2005); pressure or volume load changes it manyfold, and the limits are chosen for that."""

_WIDTHS_MM: dict[str, tuple[float, float]] = {"AO": (12.0, 80.0), "PA": (13.0, 61.0)}
"""Diameter of the largest ball inside a vessel: main pulmonary artery 25.1 +- 2.8 mm by CT in 3171 adults of the
Framingham Heart Study (Truong 2012, Circ Cardiovasc Imaging 5:147-154), less two deviations and divided by 1.5, plus
two and doubled. The aorta's are chosen, without a source: aneurysms go far beyond 50 mm, and a child's is narrow."""
_ARTERY_RATIO = (0.3, 1.9)
"""Diameter of the pulmonary artery by that of the ascending aorta, 0.77 +- 0.09 (Truong 2012): two deviations below,
halved, to two above, doubled."""

_WALL_MM = (3.0, 25.0)
"""Mean thickness of the myocardium: 5.3 +- 0.9 mm in women and 6.3 +- 1.1 mm in men at end-diastole, on short-axis
slices through the middle of the cavity, in 300 adults without heart disease (Kawel 2012, MESA, Circ Cardiovasc Imaging
5:500-508, doi 10.1161/CIRCIMAGING.112.973560). The limits are chosen: walls thicken in systole, and 15 mm in any
segment is where hypertrophic cardiomyopathy begins (guidelines of AHA/ACC 2020 and ESC 2023)."""
_THIN_MM = 1.5
"""Thinnest tenth of the wall: chosen, without a source, as less than a voxel of most scans can show."""
_ENCLOSED_SHARE = 0.4
"""The cavity's surface that is no myocardium is that of its valves, far less than half; chosen, without a source."""

_MUST_TOUCH = (("LV", "MYO"), ("RV", "MYO"), ("LA", "LV"), ("RA", "RV"), ("AO", "LV"), ("PA", "RV"))
"""Those contacts of `anatomy.STRUCTURES` through a valve or a shared wall that every heart has."""

_WRONG_CONTACT_MM2 = 500.0
"""Area from which structures that do not touch by `anatomy.STRUCTURES` raise a question; it is chosen, so that a few
voxels at a valve's rim raise none."""

# One lies further along an axis of the patient (LPS: 0 to the left, 1 to the back, 2 upwards) than the other.
_PLACES = (
    ("LV", "RV", 0, "to the left of"), ("LV", "RA", 0, "to the left of"), ("LA", "RA", 0, "to the left of"),
    ("LA", "RV", 1, "behind"), ("PA", "RV", 2, "above"), ("AO", "LV", 2, "above"),
)


@dataclass(frozen=True)
class Finding:
    """One thing that does not fit.

    Attributes:
        id: Structure it is about.
        check: Name of the check: `volume`, `ratio`, `width`, `wall`, `pieces`, `missing_contact`, `wrong_contact`,
            `place`.
        words: What was found, to stand after the structure's name.
    """

    id: str
    check: str
    words: str


def findings(geometry: Geometry, orientation_known: bool = True) -> list[Finding]:
    """Return what does not fit, structure by structure; structures that the border cuts are not judged by volume.

    Args:
        geometry: Measurements of a label map.
        orientation_known: Whether the patient's left, back and top are known.
    """
    found = [*_volumes(geometry), *_widths(geometry), *_wall(geometry), *_contacts(geometry)]
    found += [Finding(id, "pieces", f"in {len(sizes)} separate pieces, the second of {sizes[1]:.1f} mL")
              for id, sizes in geometry.pieces_ml.items() if len(sizes) > 1]
    if orientation_known:
        found += _places(geometry)
    order = [STRUCTURES[value].id for value in WHOLE_HEART]
    return sorted(found, key=lambda one: order.index(one.id))


def _volumes(geometry: Geometry) -> Iterator[Finding]:
    whole = {id: volume for id, volume in geometry.volumes_ml.items() if id not in geometry.cut}
    for id, (low, high) in VOLUME_LIMITS_ML.items():
        volume = whole.get(id)
        if volume is not None and not low <= volume <= high:
            kind, limit = ("small", low) if volume < low else ("large", high)
            yield Finding(id, "volume", f"unusually {kind} with {volume:.0f} mL "
                                        f"({'below' if volume < low else 'above'} {limit:.0f} mL)")
    if "LV" in whole and "RV" in whole:
        ratio = whole["RV"] / whole["LV"]
        if not _VENTRICLE_RATIO[0] <= ratio <= _VENTRICLE_RATIO[1]:
            smaller, larger, times = ("RV", "LV", 1 / ratio) if ratio < 1 else ("LV", "RV", ratio)
            yield Finding(smaller, "ratio", f"{times:.1f} times smaller than the {_name(larger)}")


def _widths(geometry: Geometry) -> Iterator[Finding]:
    whole = {id: width for id, width in geometry.widths_mm.items() if id not in geometry.cut}
    for id, width in whole.items():
        low, high = _WIDTHS_MM[id]
        if not low <= width <= high:
            kind = "narrow" if width < low else "wide"
            yield Finding(id, "width", f"unusually {kind} with {width:.0f} mm at its widest")
    if {"AO", "PA"} <= set(whole) and whole["AO"] > 0:
        ratio = whole["PA"] / whole["AO"]
        if not _ARTERY_RATIO[0] <= ratio <= _ARTERY_RATIO[1]:
            smaller, larger, times = ("PA", "AO", 1 / ratio) if ratio < 1 else ("AO", "PA", ratio)
            yield Finding(smaller, "width", f"{times:.1f} times narrower than the {_name(larger)}")


def _wall(geometry: Geometry) -> Iterator[Finding]:
    if geometry.wall is None or {"LV", "MYO"} & set(geometry.cut):
        return
    wall = geometry.wall
    if wall.enclosed_share < _ENCLOSED_SHARE:
        yield Finding("MYO", "wall", f"encloses only {100 * wall.enclosed_share:.0f} % of the left ventricle's cavity")
    elif not _WALL_MM[0] <= wall.mean_mm <= _WALL_MM[1]:
        kind = "thin" if wall.mean_mm < _WALL_MM[0] else "thick"
        yield Finding("MYO", "wall", f"unusually {kind}, {wall.mean_mm:.1f} mm on average")
    elif wall.thin_mm < _THIN_MM:
        yield Finding("MYO", "wall", f"thinner than {_THIN_MM:.1f} mm in a tenth of it")


def _contacts(geometry: Geometry) -> Iterator[Finding]:
    there = [STRUCTURES[value].id for value in WHOLE_HEART if STRUCTURES[value].id in geometry.volumes_ml]
    for one, other in _MUST_TOUCH:
        if {one, other} <= set(there) and not {one, other} & set(geometry.cut) and not geometry.touch(one, other):
            yield Finding(one, "missing_contact", f"does not touch the {_name(other)}")
            yield Finding(other, "missing_contact", f"does not touch the {_name(one)}")
    for position, one in enumerate(there):
        for other in there[position + 1:]:
            area = geometry.touch(one, other)
            if area >= _WRONG_CONTACT_MM2 and other not in BY_ID[one].contacts and one not in BY_ID[other].contacts:
                words = f"touches the {{}} over {area / 100:.0f} cm\N{SUPERSCRIPT TWO}, which it should not"
                yield Finding(one, "wrong_contact", words.format(_name(other)))
                yield Finding(other, "wrong_contact", words.format(_name(one)))


def _places(geometry: Geometry) -> Iterator[Finding]:
    for one, other, axis, words in _PLACES:
        centers = geometry.centers_mm.get(one), geometry.centers_mm.get(other)
        if centers[0] is not None and centers[1] is not None and centers[0][axis] <= centers[1][axis]:
            yield Finding(one, "place", f"does not lie {words} the {_name(other)}")


def _name(id: str) -> str:
    name = BY_ID[id].name
    return name[0].lower() + name[1:]
