"""RVSC 2012: short-axis cine MRI of 48 people as DICOM, with contours of the right ventricle as text.

Folders TrainingSet/patient01/P01dicom and P01contours-manual: public code that reads them. The contours are not read,
so the cases count as images without labels.
"""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="rvsc", title="Right Ventricle Segmentation Challenge 2012", modality="mr",
    images=(
        Images(r"patient(?P<subject>\d\d)/P(?P=subject)dicom", "cine", dicom=True,
               splits=((r"(?i)test", "test"), (r"(?i)training", "train"))),
    ),
    verified=True, source="public readers of TrainingSet/patient01/P01dicom",
    note="Contours in text files are not read: images without labels.",
)
