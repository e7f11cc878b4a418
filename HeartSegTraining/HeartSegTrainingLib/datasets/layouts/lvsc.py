"""LV Segmentation Challenge 2011 (DETERMINE): cine MRI of 200 people as DICOM, masks as PNG.

Names: DET0000101/DET0000101_SA1_ph0.dcm with DET0000101_SA1_ph0.png, from public code that reads them. A PNG has no
geometry, so the masks are not read and the cases count as images without labels.
"""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="lvsc", title="LV Segmentation Challenge 2011", modality="mr",
    images=(
        Images(r"(?P<subject>DET\d{7})", "cine", dicom=True,
               splits=((r"(?i)validation", "test"), (r"(?i)training", "train"))),
    ),
    licence="by agreement", verified=True, source="public readers of the Cardiac Atlas Project's challenge folders",
    note="Masks in PNG files are not read: images without labels.",
)
