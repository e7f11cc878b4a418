"""CMRxRecon 2023: k-space of 300 volunteers in MATLAB files.

Folders: the challenge's description of its data (MultiCoil/Cine/TrainingSet/FullSample/P001/cine_sax.mat).
"""

from ..layout import Images, Layout

PROBLEM = ("CMRxRecon distributes k-space, not images. Reconstruct it with the challenge's own code, save NIfTI files, "
           "and index those with `heartseg index build monai`.")

LAYOUT = Layout(
    name="cmrxrecon2023", title="CMRxRecon challenge 2023", modality="mr",
    images=(
        Images(r"(?P<set>[^/]+Set)/(?P<kind>FullSample|AccFactor\d\d)/(?P<subject>P\d{3})/(?P<name>cine_[sl]ax)\.mat",
               "cine", case="{set}_{kind}_{subject}_{name}", subject="{set}_{subject}",
               splits=((r"ValidationSet", "val"), (r"TestSet", "test")), problem=PROBLEM),
    ),
    verified=True, source="the challenge's summary of its data format",
)
