"""MyoPS 2020: bSSFP, late-enhancement and T2 MRI of 45 people, registered to each other.

Names and values: mathpluscode/CineMA, cinema/data/myops2020. 200 is normal myocardium (MM-WHS has 205), 1220 edema,
2221 scar: lesions lie inside the myocardium. The same 45 people as in MS-CMRSeg 2019.
"""

from ..layout import NII, Images, Layout

_TRAINING, _TEST = r"train25/myops_training_(?P<subject>\d+)", r"test20/myops_test_(?P<subject>\d+)"
_SEQUENCES = {"C0": "bssfp", "DE": "lge", "T2": "t2"}

LAYOUT = Layout(
    name="myops2020", title="MyoPS challenge 2020", modality="mr",
    images=(
        *(Images(f"{_TRAINING}_{short}{NII}", sequence, case=f"{{subject}}_{short}", splits=(("train25", "train"),),
                 labels="train25_myops_gd/myops_training_{subject}_gd.nii{gz}")
          for short, sequence in _SEQUENCES.items()),
        *(Images(f"{_TEST}_{short}{NII}", sequence, case=f"{{subject}}_{short}", splits=(("test20", "test"),))
          for short, sequence in _SEQUENCES.items()),
    ),
    values={200: "MYO", 500: "LV", 600: "RV", 1220: "OEDEMA", 2221: "SCAR"}, lesions=("SCAR", "OEDEMA"),
    verified=True, source="mathpluscode/CineMA cinema/data/myops2020", overlaps=("mscmrseg", "myopspp"),
)
