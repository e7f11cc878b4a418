"""CardioScans: 30 patients as DICOM, the sample of a commercial collection on Kaggle."""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="cardioscans", title="CardioScans (Kaggle sample)", modality="ct",
    images=(Images(r"(?P<subject>[Pp]atient[ _-]?\d+)", "ct", dicom=True),),
)
