"""Second Annual Data Science Bowl 2015: cine MRI of 1140 people as DICOM; volumes, no label maps.

One folder a slice (sax_5, 2ch_21, 4ch_22) under train/1/study; the slices of a study are joined by their positions.
Source: mathpluscode/CineMA, cinema/data/kaggle.
"""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="dsb2015", title="Second Annual Data Science Bowl 2015", modality="mr",
    images=(
        Images(r"(?P<set>train|validate|test)/(?P<subject>\d+)/study", "cine", dicom=True,
               splits=((r"test/\d+/study$", "test"), (r"validate/", "val"), (r"train/", "train"))),
    ),
    licence="rules of the Kaggle competition", verified=True, source="mathpluscode/CineMA cinema/data/kaggle",
)
