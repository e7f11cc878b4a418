"""ImageCAS: 1000 CT angiographies with coronary arteries labelled.

Kaggle's parts (.change2zip) must be renamed to .zip and joined first. Names: 1/img.nii.gz, or 1-200/1.img.nii.gz. The
labels are coronary arteries, which are no structure here.
"""

from ..layout import NII, Images, Layout

LAYOUT = Layout(
    name="imagecas", title="ImageCAS", modality="ct",
    images=(
        Images(rf"(?P<subject>\d+)[./]img{NII}", "cta"),
        Images(r"(?P<subject>\d+-\d+)\.change2zip", "cta", case="archive_{subject}",
               problem="These are parts of a zip archive. Rename .change2zip to .zip, unpack it with its parts .z01, "
                       ".z02 and so on, and index the folder."),
    ),
    verified=True, source="public scripts that unpack it",
    note="Labels are coronary arteries, which are no structure here: images without labels.",
)
