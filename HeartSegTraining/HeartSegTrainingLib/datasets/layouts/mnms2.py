"""M&Ms-2 2021: cine MRI of 360 people, short axis and one long-axis slice, ED and ES labelled.

Persons 1 to 160 are for training, to 200 for validation, to 360 for testing. Source: mathpluscode/CineMA,
cinema/data/mnms2 (folders, values, order of the sets). A long-axis image is one slice, and training here needs volumes.
"""

from ..layout import NII, Images, Layout, SubjectTable

_SPLITS = ((r"/(0\d\d|1[0-5]\d|160)_[SL]A", "train"), (r"/(1[6-9]\d|200)_[SL]A", "val"), (r"_[SL]A", "test"))
_FOLDER = r"dataset/(?P<subject>\d{3})/(?P=subject)"

LAYOUT = Layout(
    name="mnms2", title="M&Ms-2 challenge 2021", modality="mr",
    images=(
        Images(rf"{_FOLDER}_SA_(?P<phase>ED|ES){NII}", "cine", case="{subject}_SA_{phase}", splits=_SPLITS,
               labels="dataset/{subject}/{subject}_SA_{phase}_gt.nii{gz}"),
        Images(rf"{_FOLDER}_SA_CINE{NII}", "cine", case="{subject}_SA_CINE", splits=_SPLITS),
        Images(rf"{_FOLDER}_LA_(?P<phase>ED|ES|CINE){NII}", "cine-lax", case="{subject}_LA_{phase}", splits=_SPLITS,
               problem="A long-axis image of M&Ms-2 is a single slice, and training needs volumes. Nothing to do."),
    ),
    values={1: "LV", 2: "MYO", 3: "RV"},
    table=SubjectTable(r"dataset_information\.csv", "SUBJECT_CODE", ("VENDOR", "SCANNER")),
    verified=True, source="mathpluscode/CineMA cinema/data/mnms2",
)
