"""AVT (Radl 2022): 56 CT angiographies with the aortic vessel tree, from three sources.

KiTs/K1/K1.nrrd with K1.seg.nrrd, and the same in Rider and Dongyang: torch-em, torch_em/data/datasets/medical/sega.py.
The mask holds the aorta together with its branches, so it is to be ignored.
"""

from ..layout import IGNORE, Images, Layout

LAYOUT = Layout(
    name="avt", title="Aortic Vessel Tree", modality="ct",
    images=(
        Images(r"(?P<site>KiT[sS]|Rider|Dongyang)/(?P<folder>[^/]+)/(?P<name>[^/.]+)\.nrrd", "cta",
               case="{site}_{name}", subject="{site}_{name}", site="{site}", labels="{site}/{folder}/{name}.seg.nrrd"),
    ),
    values={1: IGNORE}, ignored=("AO",),
    verified=True, source="constantinpape/torch-em torch_em/data/datasets/medical/sega.py",
)
