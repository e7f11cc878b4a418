"""Tissues of a generated scene: finer than the labels, because neighbours with one label can look different."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Tissue(IntEnum):
    """Codes stored in the voxels of a scene."""

    AIR = 0
    LV = 1
    MYO = 2
    RV = 3
    LA = 4
    RA = 5
    AORTA = 6
    PULMONARY_ARTERY = 7
    RV_WALL = 10
    LA_WALL = 11
    RA_WALL = 12
    AORTIC_WALL = 13
    PULMONARY_WALL = 14
    PAPILLARY = 15
    LV_TRABECULAE = 16
    RV_TRABECULAE = 17
    RA_TRABECULAE = 18
    ARCH = 20
    """Aortic arch and descending aorta, beyond the label of the aorta."""
    PULMONARY_BRANCH = 21
    """Pulmonary artery beyond the label's end."""
    SVC = 22
    IVC = 23
    PULMONARY_VEIN = 24
    CORONARY = 25
    CALCIUM = 26
    LUNG = 30
    LUNG_VESSEL = 31
    MUSCLE = 32
    SUBCUTANEOUS_FAT = 33
    MEDIASTINAL_FAT = 34
    CORTICAL_BONE = 35
    SPONGY_BONE = 36
    STERNUM = 37
    LIVER = 38
    FLUID = 39
    """Pericardial or pleural effusion."""
    SOFT_TISSUE = 40
    STOMACH = 41
    SPLEEN = 42
    AIRWAY = 43
    KIDNEY = 44
    BRAIN_GREY = 45
    BRAIN_WHITE = 46
    CEREBROSPINAL_FLUID = 47
    APPENDAGE = 48
    """Left atrial appendage, where contrast comes late."""
    THROMBUS = 49
    """Clot, or blood that contrast has not reached, in the left atrial appendage."""
    SCAR = 50
    FALSE_LUMEN = 51
    FLAP = 52
    """Wall between both lumina of a dissected aorta."""
    PROSTHESIS = 53
    """Metal of an artificial aortic valve or a stent in the root."""
    VALVE_CALCIUM = 54
    LEAD_RA = 55
    LEAD_RV = 56
    METAL = 57
    """Leads in veins, stents beyond the root of the aorta, wires around the sternum."""


COUNT = 64

_LABELS = {
    Tissue.LV: 1, Tissue.PAPILLARY: 1, Tissue.LV_TRABECULAE: 1, Tissue.MYO: 2,
    Tissue.RV: 3, Tissue.RV_TRABECULAE: 3, Tissue.LA: 4, Tissue.RA: 5, Tissue.RA_TRABECULAE: 5,
    Tissue.AORTA: 6, Tissue.PULMONARY_ARTERY: 7, Tissue.APPENDAGE: 4, Tissue.THROMBUS: 4, Tissue.SCAR: 2,
    Tissue.FALSE_LUMEN: 6, Tissue.FLAP: 6, Tissue.PROSTHESIS: 6, Tissue.VALVE_CALCIUM: 6, Tissue.LEAD_RA: 5,
    Tissue.LEAD_RV: 3,
}


def _table(entries: dict[Tissue, int]) -> np.ndarray:
    table = np.zeros(COUNT, np.uint8)
    for tissue, value in entries.items():
        table[tissue] = value
    return table


LABEL_OF_TISSUE = _table(_LABELS)
"""(64,) uint8: label value (anatomy table) of each tissue. Papillary muscles and trabeculae belong to the
cavity, and so does what lies in it: clot, leads, an artificial valve, the flap of a dissection."""

BLOOD = (Tissue.LV, Tissue.RV, Tissue.LA, Tissue.RA, Tissue.AORTA, Tissue.PULMONARY_ARTERY)
HEART = (*BLOOD, Tissue.MYO, Tissue.RV_WALL, Tissue.LA_WALL, Tissue.RA_WALL, Tissue.AORTIC_WALL,
         Tissue.PULMONARY_WALL, Tissue.PAPILLARY, Tissue.LV_TRABECULAE, Tissue.RV_TRABECULAE,
         Tissue.RA_TRABECULAE, Tissue.APPENDAGE)

FAT = (Tissue.SUBCUTANEOUS_FAT, Tissue.MEDIASTINAL_FAT)
METALS = (Tissue.PROSTHESIS, Tissue.LEAD_RA, Tissue.LEAD_RV, Tissue.METAL)

TISSUE_OF_LABEL = {1: Tissue.LV, 2: Tissue.MYO, 3: Tissue.RV, 4: Tissue.LA, 5: Tissue.RA, 6: Tissue.AORTA,
                   7: Tissue.PULMONARY_ARTERY, 103: Tissue.RV_WALL, 104: Tissue.LA_WALL, 105: Tissue.RA_WALL,
                   106: Tissue.AORTIC_WALL, 107: Tissue.PULMONARY_WALL}
"""How the label map of an anatomical prior enters a scene."""
