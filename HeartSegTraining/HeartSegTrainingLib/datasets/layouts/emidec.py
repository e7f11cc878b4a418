"""EMIDEC 2020: late-enhancement MRI of 150 people; the 50 of the test set have no labels.

Values: 1 cavity, 2 myocardium, 3 infarction, 4 no-reflow. Source: mathpluscode/CineMA, cinema/data/emidec, after the
challenge's evaluation code (EMIDEC-Challenge/Evaluation-metrics).
"""

from ..layout import NII, Images, Layout

LAYOUT = Layout(
    name="emidec", title="EMIDEC challenge 2020", modality="mr",
    images=(
        Images(rf"Case_(?P<subject>[NP]?\d{{3}})/Images/Case_(?P=subject){NII}", "lge",
               labels="Case_{subject}/Contours/Case_{subject}.nii{gz}", splits=((r"(?i)test", "test"),)),
    ),
    values={1: "LV", 2: "MYO", 3: "SCAR", 4: "MVO"}, lesions=("SCAR", "MVO"),
    verified=True, source="mathpluscode/CineMA cinema/data/emidec",
    note="Published under the challenge's terms. Right ventricle not drawn.",
)
