"""ImageTBAD: 100 CT angiographies of type-B aortic dissections.

1_image.nii.gz with 1_label.nii.gz; 1 true lumen, 2 false lumen, 3 thrombus in the false lumen, from public code that
converts them for nnU-Net. All three are inside the aorta. Where the drawn aorta starts differs from the other data
sets, so the aorta is to be ignored and not to be learned from, until someone has looked.
"""

from ..layout import IGNORE, NII, Images, Layout

LAYOUT = Layout(
    name="imagetbad", title="ImageTBAD", modality="ct",
    images=(Images(rf"(?P<subject>\d+)_image{NII}", "cta", labels="{subject}_label.nii{gz}"),),
    values={1: IGNORE, 2: IGNORE, 3: IGNORE}, ignored=("AO",),
    verified=True, source="public nnU-Net conversion of ImageTBAD (values TL 1, FL 2, FLT 3)",
)
