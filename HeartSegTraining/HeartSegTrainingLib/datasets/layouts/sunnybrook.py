"""Sunnybrook 2009: short-axis cine MRI of 45 people as DICOM, contours as text.

Two distributions: SC-HF-I-1 ... (the challenge) and SCD0000101 ... (Cardiac Atlas Project). Licence: README of
SCD_ManualContours, CC0. The contours are not read, so the cases count as images without labels.
"""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="sunnybrook", title="Sunnybrook Cardiac Data 2009", modality="mr",
    images=(Images(r"(?P<subject>SC-(?:HF-I|HF-NI|HYP|N)-\d+|SCD\d{7})", "cine", dicom=True),),
    licence="CC0 1.0", commercial=True, verified=True,
    source="README.txt of SCD_ManualContours; public readers of both distributions",
    note="Contours in text files are not read: images without labels.",
)
