"""What healthy adults' hearts measure, by published studies: two deviations about the means of women and men."""

from __future__ import annotations

from dataclasses import dataclass

HUDSMITH = "Hudsmith 2005, J Cardiovasc Magn Reson 7:775, doi 10.1080/10976640500295516, 108 adults"
ATRIA = "doi 10.1148/radiology.191.1.8134560 (1994), atria at their largest, 8 adults"
KAWEL_BOEHM = "Kawel-Boehm 2015, J Cardiovasc Magn Reson 17:29, as in table 3 of doi 10.21037/cdt-20-530"
KAWEL = "Kawel 2012, doi 10.1161/CIRCIMAGING.112.973560, 300 adults, short axis, middle of the cavity"
BURMAN = "Burman 2014, J Cardiovasc Magn Reson 16:9, aortic sinuses, 201 adults"
TRUONG = "Truong 2012, doi 10.1161/CIRCIMAGING.111.968610, 3171 adults, CT"


@dataclass(frozen=True)
class Range:
    """Two deviations below the smallest published mean to two above the largest.

    Attributes:
        low: Lower end.
        high: Upper end.
        source: Study, in words.
    """

    low: float
    high: float
    source: str


def _two_deviations(source: str, *groups: tuple[float, float]) -> Range:
    """Return the range of groups of people, each given as mean and deviation."""
    return Range(min(mean - 2 * spread for mean, spread in groups),
                 max(mean + 2 * spread for mean, spread in groups), source)


AT_END_DIASTOLE: dict[str, Range] = {
    "LV": _two_deviations(HUDSMITH, (160, 29), (135, 26)),
    "RV": _two_deviations(HUDSMITH, (190, 33), (148, 35)),
    "LA": _two_deviations(HUDSMITH + ", at its largest", (103, 30), (89, 21)),
    "RA/LA": _two_deviations(ATRIA, (1.41, 0.15)),
    "mass": _two_deviations(KAWEL_BOEHM, (134, 21), (98, 21)),
    "wall": _two_deviations(KAWEL, (6.3, 1.1), (5.3, 0.9)),
    "AO diameter": _two_deviations(BURMAN, (32.4, 7.7 / 2), (27.6, 5.8 / 2)),
    "PA diameter": _two_deviations(TRUONG, (25.1, 2.8)),
}
"""No study with absolute volumes was at hand for the right atrium, only with its ratio to the left one; labels of the
aorta and the pulmonary artery end where a scan or a convention ends them. So their volumes have no range."""

_END_SYSTOLE = {
    "LV": _two_deviations(HUDSMITH, (50, 16), (42, 12)),
    "RV": _two_deviations(HUDSMITH, (78, 20), (56, 18)),
}

ANY_PHASE = {name: Range(_END_SYSTOLE[name].low if name in _END_SYSTOLE else one.low, one.high, one.source)
             for name, one in AT_END_DIASTOLE.items() if name != "wall"}
"""The same for hearts whose phase is not known: from the smallest at end systole. A wall that contracts is thicker."""
