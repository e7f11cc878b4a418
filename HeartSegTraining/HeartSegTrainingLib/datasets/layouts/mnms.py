"""M&Ms 2020: cine MRI of 345 people from six hospitals, ED and ES labelled.

Images and label maps are 4-D and hold all frames, of which only ED and ES are drawn; the CSV file counts them from 0.
The folder Unlabeled has empty label maps, which are left alone. Source: mathpluscode/CineMA, cinema/data/mnms.
"""

from ..layout import NII, Images, Layout, SubjectTable

_SPLITS = (("Testing/", "test"), ("Validation/", "val"), ("Training/", "train"))
_LABELLED = r"(?P<set>Training/Labeled|Validation|Testing)/(?P<subject>\w+)/(?P=subject)_sa"

LAYOUT = Layout(
    name="mnms", title="M&Ms challenge 2020", modality="mr",
    images=(
        Images(_LABELLED + NII, "cine", labels="{set}/{subject}/{subject}_sa_gt.nii{gz}", splits=_SPLITS, frames=True),
        Images(rf"Training/Unlabeled/(?P<subject>\w+)/(?P=subject)_sa{NII}", "cine", splits=_SPLITS),
    ),
    values={1: "LV", 2: "MYO", 3: "RV"},
    table=SubjectTable(r".*M&Ms_Dataset_information.*\.csv", "External code", ("VendorName", "Centre"),
                       {"ED": "ED", "ES": "ES"}),
    verified=True, source="mathpluscode/CineMA cinema/data/mnms",
)
