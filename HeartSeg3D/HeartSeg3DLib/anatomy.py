"""The one table of heart structures: label value, name, colour, SNOMED CT code and contacts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Structure:
    """One heart structure.

    Attributes:
        value: Label value in every label map of the project.
        id: Short stable identifier, also the segment id in Slicer.
        name: Name shown to people.
        color: sRGB, 0-255.
        snomed: SNOMED CT code of the structure.
        snomed_meaning: The code's meaning as DICOM writes it.
        contacts: Ids of structures that it touches by anatomy, walls merged.
    """

    value: int
    id: str
    name: str
    color: tuple[int, int, int]
    snomed: str
    snomed_meaning: str
    contacts: tuple[str, ...] = ()


# Colours from the Okabe-Ito palette and neighbours in lightness: told apart without red-green vision.
_TABLE = (
    Structure(1, "LV", "Left ventricle cavity", (213, 94, 0), "87878005", "Left ventricle",
              ("MYO", "LA", "AO")),
    Structure(2, "MYO", "Left ventricle myocardium", (240, 228, 66), "74281007", "Myocardium",
              ("LV", "RV", "LA", "AO")),
    Structure(3, "RV", "Right ventricle cavity", (0, 114, 178), "53085002", "Right ventricle",
              ("MYO", "RA", "PA", "AO")),
    Structure(4, "LA", "Left atrium cavity", (230, 159, 0), "82471001", "Left atrium",
              ("LV", "MYO", "RA", "AO", "PA")),
    Structure(5, "RA", "Right atrium cavity", (86, 180, 233), "73829009", "Right atrium",
              ("RV", "LA", "AO")),
    Structure(6, "AO", "Aorta", (204, 51, 80), "15825003", "Aorta",
              ("LV", "MYO", "RV", "LA", "RA", "PA")),
    Structure(7, "PA", "Pulmonary artery", (0, 158, 115), "81040000", "Pulmonary artery",
              ("RV", "LA", "AO")),
    Structure(8, "LSPV", "Left superior pulmonary vein", (204, 121, 167), "122972007", "Pulmonary vein", ("LA",)),
    Structure(9, "LIPV", "Left inferior pulmonary vein", (184, 101, 147), "122972007", "Pulmonary vein", ("LA",)),
    Structure(10, "RSPV", "Right superior pulmonary vein", (224, 151, 187), "122972007", "Pulmonary vein", ("LA",)),
    Structure(11, "RIPV", "Right inferior pulmonary vein", (164, 81, 127), "122972007", "Pulmonary vein", ("LA",)),
    Structure(12, "LAA", "Left atrial appendage", (250, 200, 90), "68786006", "Atrial appendage", ("LA", "PA")),
    Structure(13, "SVC", "Superior vena cava", (120, 140, 220), "48345005", "Superior vena cava", ("RA", "AO")),
    Structure(14, "IVC", "Inferior vena cava", (90, 110, 190), "64131007", "Inferior vena cava", ("RA", "AO")),
    Structure(20, "SCAR", "Myocardial scar", (110, 60, 20), "74281007", "Myocardium", ("MYO",)),
    Structure(21, "MVO", "Microvascular obstruction", (70, 40, 20), "74281007", "Myocardium", ("MYO",)),
    Structure(22, "OEDEMA", "Myocardial oedema", (150, 110, 80), "74281007", "Myocardium", ("MYO",)),
    Structure(103, "RV_WALL", "Right ventricle wall", (0, 84, 138), "53085002", "Right ventricle", ("RV",)),
    Structure(104, "LA_WALL", "Left atrium wall", (190, 124, 0), "82471001", "Left atrium", ("LA",)),
    Structure(105, "RA_WALL", "Right atrium wall", (56, 140, 193), "73829009", "Right atrium", ("RA",)),
    Structure(106, "AO_WALL", "Aortic wall", (164, 31, 60), "15825003", "Aorta", ("AO",)),
    Structure(107, "PA_WALL", "Pulmonary artery wall", (0, 118, 85), "81040000", "Pulmonary artery", ("PA",)),
)

STRUCTURES: dict[int, Structure] = {structure.value: structure for structure in _TABLE}
BY_ID: dict[str, Structure] = {structure.id: structure for structure in _TABLE}

WHOLE_HEART: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
"""Label values of the seven structures that the default model predicts."""

SNOMED_CATEGORY = ("SCT", "123037004", "Anatomical Structure")
MYOCARDIAL_DENSITY_G_PER_ML = 1.05
"""Myocardial density used for mass, 1.05 g/mL."""
