"""CMRxRecon 2024: k-space of 330 healthy people in MATLAB files."""

from ..layout import Images, Layout
from .cmrxrecon2023 import PROBLEM

LAYOUT = Layout(
    name="cmrxrecon2024", title="CMRxRecon challenge 2024", modality="mr",
    images=(
        Images(r"(?P<set>[^/]+Set)/(?P<kind>[^/]+)/(?P<subject>P\d{3})/(?P<name>[\w-]+)\.mat", "cine",
               case="{set}_{kind}_{subject}_{name}", subject="{set}_{subject}",
               splits=((r"ValidationSet", "val"), (r"TestSet", "test")), problem=PROBLEM),
    ),
)
