"""MyoPS++ of CARE 2024: bSSFP, late-enhancement and T2 MRI of 250 people from seven hospitals, sequences missing.

The values are those of MyoPS 2020; how the folders are named could not be read from a source.
"""

from ..layout import NII, Images, Layout

_SEQUENCES = {"C0": "bssfp", "LGE": "lge", "T2": "t2"}

LAYOUT = Layout(
    name="myopspp", title="CARE 2024, MyoPS++", modality="mr",
    images=tuple(
        Images(rf"(?P<site>[^/]+)/(?P<subject>Case\d+)/(?P=subject)_{short}{NII}", sequence,
               case=f"{{site}}_{{subject}}_{short}", subject="{site}_{subject}", site="{site}",
               labels="{site}/{subject}/{subject}_gd.nii{gz}")
        for short, sequence in _SEQUENCES.items()
    ),
    values={200: "MYO", 500: "LV", 600: "RV", 1220: "OEDEMA", 2221: "SCAR"}, lesions=("SCAR", "OEDEMA"),
    overlaps=("myops2020", "mscmrseg"),
)
