"""TotalSegmentator version 2: 1228 CTs; the public labels have no chambers any more.

s0000/ct.nii.gz with one mask a structure in s0000/segmentations, and meta.csv. Aorta and veins are drawn as far as they
are in view.
"""

from ..layout import NII, Images, Layout

LAYOUT = Layout(
    name="totalsegmentator", title="TotalSegmentator CT, version 2", modality="ct",
    images=(Images(rf"(?P<subject>s\d{{4}})/ct{NII}", "ct", labels="{subject}/segmentations"),),
    masks=("AO", "LAA", "SVC", "IVC"),
    licence="CC BY 4.0", commercial=True, verified=True, source="the data set's own description",
    overlaps=("totalsegmentator_v1",),
)
