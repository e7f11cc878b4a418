"""UK Biobank: cine MRI by application, one zip of DICOM files a person and field.

EID_20209_2_0.zip holds the short axis, 20208 the long axes; 2_0 is the first imaging visit and 3_0 the second, so both
are one person. Names: YuukiAS/Heart_Pipeline. The data come without label maps.
"""

from ..layout import Images, Layout

_NAME = r"(?P<subject>\d{7})_(?P<field>2020[89])_(?P<visit>\d)_\d"

LAYOUT = Layout(
    name="ukbb", title="UK Biobank cardiac MRI", modality="mr",
    images=(
        Images(_NAME, "cine", case="{subject}_{field}_{visit}", dicom=True),
        Images(rf"{_NAME}\.zip", "cine", case="{subject}_{field}_{visit}_zip",
               problem="UK Biobank's images come as zip files. Unpack each into a folder of its name without .zip, and "
                       "index again."),
    ),
    licence="UK Biobank material transfer agreement", verified=True,
    source="baiwenjia/ukbb_cardiac, YuukiAS/Heart_Pipeline",
)
