"""TotalSegmentator version 1: 1204 CTs with 104 structures, the chambers among them.

The same folders as version 2, so the version must be named by whoever indexes it.
"""

from ..layout import NII, Images, Layout

LAYOUT = Layout(
    name="totalsegmentator_v1", title="TotalSegmentator CT, version 1", modality="ct",
    images=(Images(rf"(?P<subject>s\d{{4}})/ct{NII}", "ct", labels="{subject}/segmentations"),),
    masks=("LV", "MYO", "RV", "LA", "RA", "AO", "PA", "IVC"),
    licence="CC BY 4.0", commercial=True, verified=True, source="the data set's own description",
    overlaps=("totalsegmentator",),
)
