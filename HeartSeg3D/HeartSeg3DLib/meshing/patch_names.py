"""The one table of the names of surfaces: what each lies between, and what it means.

The code that names triangles, the exporters, the report and the README take names and meanings from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from ..anatomy import BY_ID

_PLACE = re.compile(r"<(\w+)>")
_NUMBER = r"(?:_[1-9]\d*)?"

_VENTRICLES, _ATRIA, _VESSELS = ("LV", "RV"), ("LA", "RA"), ("AO", "PA")
_VEINS = ("LSPV", "LIPV", "RSPV", "RIPV", "SVC", "IVC")
_WALLED = ("RV", *_ATRIA, *_VESSELS)
_ANY = (*BY_ID, r"LABEL\d+")


@dataclass(frozen=True)
class PatchName:
    """One kind of surface.

    Attributes:
        pattern: Name with places such as "<vessel>", which identifiers of structures fill.
        fillings: What may stand in each place, as regular expressions, most of them identifiers.
        between: The sides that it lies between.
        meaning: What it is, without a period at the end.
        numbered: Whether _1, _2 and so on follow where there are several, the largest first.
    """

    pattern: str
    fillings: tuple[tuple[str, ...], ...]
    between: str
    meaning: str
    numbered: bool = False

    def of(self, *structures: str) -> str:
        """Return the name for structures in the order of the places.

        Raises:
            ValueError: The table has no such name.
        """
        fits = len(structures) == len(self.fillings) and all(
            re.fullmatch("|".join(allowed), structure)
            for allowed, structure in zip(self.fillings, structures, strict=True))
        if not fits:
            raise ValueError(f"{self.pattern} is no name for {structures}")
        filled = iter(structures)
        return _PLACE.sub(lambda _: next(filled), self.pattern)

    def fits(self, name: str) -> bool:
        """Return whether it is a name of this kind, with or without a number."""
        groups = iter(f"(?:{'|'.join(allowed)})" for allowed in self.fillings)
        pattern = _PLACE.sub(lambda _: next(groups), self.pattern)
        return re.fullmatch(pattern + (_NUMBER if self.numbered else ""), name) is not None

    @property
    def examples(self) -> tuple[str, ...]:
        """Every name of this kind without a number; none where any structure may fill a place."""
        if any(allowed == _ANY for allowed in self.fillings):
            return ()
        return tuple(self.of(*structures) for structures in product(*self.fillings))


ENDO = PatchName("<chamber>_ENDO", ((*_VENTRICLES, *_ATRIA),),
                 "blood of a chamber against its wall, or the nearest other; outside, in a map without its wall",
                 "endocardium: where blood presses on the wall")
LUMEN = PatchName("<vessel>_LUMEN", (_VESSELS,),
                  "blood of a vessel against its wall, or the nearest other; outside, in a map without its wall",
                  "inner side of aorta or pulmonary artery")
EPI = PatchName("EPI", (), "MYO, its lesions, RV_WALL against outside", "epicardium of both ventricles")
ATRIAL_EPI = PatchName("<atrium>_EPI", (_ATRIA,), "LA_WALL or RA_WALL against outside",
                       "outer side of an atrium's wall")
OUTER = PatchName("<vessel>_OUTER", (_VESSELS,), "AO_WALL or PA_WALL against outside",
                  "outer side of a vessel's wall, without its rims")
BASE = PatchName("BASE", (),
                 "MYO, its lesions, RV_WALL against atria, LAA, AO, PA, veins or their walls; outside, in the mitral "
                 "plane",
                 "base of the ventricles: all of their tissue that meets atria, great arteries or veins")
MITRAL = PatchName("MV", (), "LV against LA", "mitral valve")
TRICUSPID = PatchName("TV", (), "RV against RA", "tricuspid valve")
AORTIC = PatchName("AV", (), "LV against AO", "aortic valve")
PULMONARY = PatchName("PV", (), "RV against PA", "pulmonary valve")
OUTLET = PatchName("<vessel>_OUTLET", (_VESSELS,), "AO or PA against outside",
                   "where a vessel ends, by itself or at the image border: blood flows out", numbered=True)
RIM = PatchName("<vessel>_RIM", (_VESSELS,), "AO_WALL or PA_WALL against outside",
                "the cut wall around an outlet, one ring with the number of its outlet", numbered=True)
INLET = PatchName("<vein>_INLET", (_VEINS,), "a vein against outside",
                  "where a vein ends, by itself or at the image border: blood flows in", numbered=True)
CUT = PatchName("<structure>_CUT", (_ANY,), "a structure against outside",
                "where the image border cuts anything but vessels' blood and the rims around it", numbered=True)
OPENING = PatchName("<cavity>_OPENING", (("LV", *_WALLED),), "blood against outside, in a map with that blood's wall",
                    "a gap in the wall: a valve or a vein that is not in the map, or a hole")
SURFACE = PatchName("<structure>_SURFACE", (_ANY,), "any other structure against outside", "its outer side")
JOINT = PatchName("<structure>_<structure>", (_ANY, _ANY), "any other two structures, the lower label first",
                  "where they touch, such as LA_RA, MYO_RV_WALL or AO_PA")

PATCH_NAMES = (ENDO, LUMEN, EPI, ATRIAL_EPI, OUTER, BASE, MITRAL, TRICUSPID, AORTIC, PULMONARY, OUTLET, RIM, INLET,
               CUT, OPENING, SURFACE, JOINT)
"""Every kind of surface that `patches.name_patches` names; those that leave least open come first."""

FIXED_NUMBERS = {name: number for number, name in enumerate(
    (*ENDO.examples, *(kind.of() for kind in (EPI, BASE, MITRAL, TRICUSPID, AORTIC, PULMONARY))), start=1001)}
"""Tags in files of the patches that every heart may have: the same in every mesh."""


def kind_of(name: str) -> PatchName | None:
    """Return the kind of a patch by its name, None for a name that is not of the project."""
    return next((kind for kind in PATCH_NAMES if kind.fits(name)), None)


def meaning_of(name: str) -> str:
    """Return what a patch is, in a few words; nothing for a name that is not of the project."""
    kind = kind_of(name)
    return kind.meaning if kind else ""
