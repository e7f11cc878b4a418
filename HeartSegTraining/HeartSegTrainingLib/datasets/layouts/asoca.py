"""ASOCA 2020: 60 CT angiographies as NRRD, with coronary arteries labelled.

Folders Normal and Diseased, in them CTCA and Annotations, names Normal_1.nrrd: public code that reads them. The labels
are coronary arteries, which are no structure here, so the cases count as images without labels.
"""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="asoca", title="Automated Segmentation of Coronary Arteries 2020", modality="ct",
    images=(
        Images(r"(?P<set>Normal|Diseased|Testset\w*)/(?:CTCA/)?(?P<name>[A-Za-z]*_?\d+)\.nrrd", "cta",
               case="{set}_{name}", subject="{set}_{name}", splits=((r"Testset", "test"),)),
    ),
    licence="by application", verified=True, source="public readers of the folders ASOCA2020/Normal/CTCA",
    note="Labels are coronary arteries, which are no structure here: images without labels.",
)
