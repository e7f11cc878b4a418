"""A Kaggle collection on coronary artery disease: pictures as JPEG.

What the paper means by it could not be confirmed: it prints the same number of cases as for TotalSegmentator.
"""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="cad", title="Coronary artery disease (Kaggle)", modality="ct",
    images=(
        Images(r"(?P<subject>[^/]+)/(?P<name>[^/]+)\.jpe?g", "cta", case="{subject}_{name}",
               problem="A JPEG has neither CT numbers nor geometry. Leave the data set out, or ask its author for "
                       "DICOM."),
    ),
)
