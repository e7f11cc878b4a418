"""MS-CMRSeg 2019: bSSFP, T2 and late-enhancement MRI of 45 people, labelled in part.

Folders c0t2lge, c0gt, t2gt, lgegt and names patient1_C0(_manual): liut969/Multi-sequence-Cardiac-MR-Segmentation and
public code that prepares C0LET2_nii45_for_challenge19, which has the values 200, 500, 600. The challenge scored the
late-enhancement images of patients 6 to 45 while their other sequences are for training, so no person is marked as test
here; hold the data set out if you report the challenge's figures.
"""

from ..layout import NII, Images, Layout

_SEQUENCES = {"C0": ("bssfp", "c0gt"), "T2": ("t2", "t2gt"), "LGE": ("lge", "lgegt")}

LAYOUT = Layout(
    name="mscmrseg", title="MS-CMRSeg challenge 2019", modality="mr",
    images=tuple(
        Images(rf"c0t2lge/patient(?P<subject>\d+)_{short}{NII}", sequence, case=f"{{subject}}_{short}",
               labels=f"{folder}/patient{{subject}}_{short}_manual.nii{{gz}}")
        for short, (sequence, folder) in _SEQUENCES.items()
    ),
    values={200: "MYO", 500: "LV", 600: "RV"},
    verified=True, source="public readers of C0LET2_nii45_for_challenge19",
    overlaps=("myops2020", "myopspp"),
    note="Patients 6 to 45 are the challenge's test for late enhancement; no split is taken from the layout.",
)
