"""CMRxMotion 2022: cine MRI of 20 volunteers in four kinds of breathing, ED and ES; bad images have no labels.

P001-1 to P001-4 are the same person. Values 1 LV, 2 MYO, 3 RV:
http://cmr.miccai.cloud/task2-the-segmentation-task-of-cmrxmotion/
"""

from ..layout import NII, Images, Layout

LAYOUT = Layout(
    name="cmrxmotion", title="CMRxMotion challenge 2022", modality="mr",
    images=(
        Images(rf"(?P<scan>(?P<subject>P\d{{3}})-\d)/(?P=scan)-(?P<phase>ED|ES){NII}", "cine", case="{scan}-{phase}",
               labels="{scan}/{scan}-{phase}-label.nii{gz}"),
    ),
    values={1: "LV", 2: "MYO", 3: "RV"},
    verified=True, source="cmr.miccai.cloud, task 2",
)
