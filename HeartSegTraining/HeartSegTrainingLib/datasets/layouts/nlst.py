"""NLST: low-dose chest CT without contrast of 26,254 people, 203,099 series, as DICOM.

Subject / study / series, as the NBIA Data Retriever writes it. That order is remembered and was not read from a source.
"""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="nlst", title="National Lung Screening Trial", modality="ct",
    images=(
        Images(r"(?P<subject>\d{6})/(?P<study>[^/]+)/(?P<series>[^/]+)", "ct", case="{subject}_{study}_{series}",
               dicom=True),
    ),
    licence="CC BY 4.0", commercial=True,
)
