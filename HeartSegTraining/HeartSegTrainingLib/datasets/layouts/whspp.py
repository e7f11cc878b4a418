"""WHS++ of CARE 2024: whole hearts in 104 CTs and 102 MRs from six hospitals; MM-WHS is a part of it.

CaseID_image.nii.gz with CaseID_label.nii.gz, values of MM-WHS: openmedlab/Awesome-Medical-Dataset, CARE_WHS++.md.
Which folder holds CT could not be read: a folder or name with mr in it counts as MR, others as CT.
"""

from ..layout import NII, Images, Layout
from .mmwhs import VALUES

_CASE = rf"(?P<subject>Case\d+)_image{NII}"
_SPLITS = ((r"(?i)(^|/)[^/]*test[^/]*/", "test"), (r"(?i)(^|/)[^/]*val[^/]*/", "val"))

LAYOUT = Layout(
    name="whspp", title="CARE 2024, WHS++", modality="ct",
    images=(
        Images(rf"(?P<folder>[^/]*(?i:mr)[^/]*/(?:[^/]+/)?){_CASE}", "whole-heart", modality="mr", splits=_SPLITS,
               labels="{folder}{subject}_label.nii{gz}"),
        Images(_CASE, "cta", labels="{subject}_label.nii{gz}", splits=_SPLITS),
    ),
    values=VALUES, licence="by agreement", overlaps=("mmwhs",),
    source="openmedlab/Awesome-Medical-Dataset resources/CARE_WHS++.md (names and values, not the folders)",
)
