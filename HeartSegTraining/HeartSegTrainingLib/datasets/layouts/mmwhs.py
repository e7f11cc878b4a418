"""MM-WHS 2017: whole hearts in CT angiography and MRI, 20 each for training, 40 each for testing without labels.

ct_train/ct_train_1001_image.nii.gz. Value 421 occurs beside 420 and is the left atrium, too; any other unknown value
stops the indexing. The aorta is drawn up to the atria's level only. CT and MR of one number are different people.
"""

from ..layout import NII, Images, Layout

VALUES = {205: "MYO", 420: "LA", 421: "LA", 500: "LV", 550: "RA", 600: "RV", 820: "AO", 850: "PA"}

LAYOUT = Layout(
    name="mmwhs", title="Multi-Modality Whole Heart Segmentation 2017", modality="ct",
    images=tuple(
        Images(rf"(?P<kind>{kind}_(?:train|test))_(?P<number>\d{{4}})_image{NII}", sequence, case=f"{kind}_{{number}}",
               subject=f"{kind}_{{number}}", labels="{kind}_{number}_label.nii{gz}", modality=kind,
               splits=((f"{kind}_test_", "test"), (f"{kind}_train_", "train")))
        for kind, sequence in (("ct", "cta"), ("mr", "whole-heart"))
    ),
    values=VALUES, licence="by agreement", verified=True,
    source="public readers of ct_train_1001_image.nii.gz", overlaps=("whspp",),
)
