"""The data sets that HeartSeg knows as distributed, one a file."""

from __future__ import annotations

from HeartSeg3DLib.errors import UsageError

from ..layout import Layout
from . import (
    acdc,
    asoca,
    avt,
    cad,
    cardioscans,
    cmrxmotion,
    cmrxrecon2023,
    cmrxrecon2024,
    dsb2015,
    emidec,
    hvsmr2,
    imagecas,
    imagetbad,
    lvquan19,
    lvsc,
    mmwhs,
    mnms,
    mnms2,
    mscmrseg,
    myops2020,
    myopspp,
    myosaiq,
    nlst,
    rvsc,
    sunnybrook,
    totalsegmentator,
    totalsegmentator_mri,
    totalsegmentator_v1,
    ukbb,
    whspp,
)

_MODULES = (acdc, asoca, avt, cad, cardioscans, cmrxmotion, cmrxrecon2023, cmrxrecon2024, dsb2015, emidec, hvsmr2,
            imagecas, imagetbad, lvquan19, lvsc, mmwhs, mnms, mnms2, mscmrseg, myopspp, myops2020, myosaiq, nlst, rvsc,
            sunnybrook, totalsegmentator, totalsegmentator_mri, totalsegmentator_v1, ukbb, whspp)

LAYOUTS: dict[str, Layout] = {module.LAYOUT.name: module.LAYOUT for module in _MODULES}


def layout_of(name: str) -> Layout:
    """The layout of a data set.

    Raises:
        UsageError: There is none of this name.
    """
    if name not in LAYOUTS:
        raise UsageError(f"The data set '{name}' is unknown.",
                         f"Known are {', '.join(LAYOUTS)}, and nnunet, msd and monai for folders in those formats.")
    return LAYOUTS[name]
