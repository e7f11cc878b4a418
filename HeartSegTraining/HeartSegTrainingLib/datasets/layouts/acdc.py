"""ACDC 2017: cine MRI of 150 people, two labelled frames each.

Layout and values (right and left swapped against M&Ms): mathpluscode/CineMA,
cinema/data/acdc. Papillary muscles belong to the cavity. The frames' numbers in the names count from 1.
"""

from ..layout import NII, Images, Layout

_SPLITS = (("testing/", "test"), ("training/", "train"))

LAYOUT = Layout(
    name="acdc", title="Automated Cardiac Diagnosis Challenge 2017", modality="mr",
    images=(
        Images(rf"(?P<set>training|testing)/(?P<subject>patient\d{{3}})/(?P=subject)_(?P<phase>frame\d\d){NII}", "cine",
               case="{subject}_{phase}", labels="{set}/{subject}/{subject}_{phase}_gt.nii{gz}", splits=_SPLITS),
        Images(rf"(?P<set>training|testing)/(?P<subject>patient\d{{3}})/(?P=subject)_4d{NII}", "cine",
               case="{subject}_4d", splits=_SPLITS),
    ),
    values={1: "RV", 2: "MYO", 3: "LV"},
    licence="CC BY-NC-SA 4.0", commercial=False, verified=True, source="mathpluscode/CineMA cinema/data/acdc",
)
