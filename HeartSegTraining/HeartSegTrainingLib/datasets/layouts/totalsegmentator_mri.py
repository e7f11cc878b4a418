"""TotalSegmentator MRI: 616 MRs of all regions; the heart is one mask, which is no structure here."""

from ..layout import NII, Images, Layout

LAYOUT = Layout(
    name="totalsegmentator_mri", title="TotalSegmentator MRI", modality="mr",
    images=(Images(rf"(?P<subject>s\d{{4}})/mri{NII}", "mr", labels="{subject}/segmentations"),),
    masks=("AO", "IVC"),
    licence="CC BY-NC-SA 2.0", commercial=False, verified=True, source="the data set's own description",
)
