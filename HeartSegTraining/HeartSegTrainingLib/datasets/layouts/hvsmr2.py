"""HVSMR-2.0: whole-heart MRI of 60 people with congenital heart disease (doi 10.1038/s41597-024-03469-9).

cropped/pat0_cropped.nii.gz with _seg and _seg_endpoints. A single ventricle is called LV, and RV may be empty by
definition; papillary muscles are not in the cavity; the myocardium is not drawn. The endpoints file says how far the
vessels may be drawn; it is not applied, so whoever scores vessels on this data set has to.
"""

from ..layout import NII, Images, Layout

LAYOUT = Layout(
    name="hvsmr2", title="HVSMR-2.0", modality="mr",
    images=(
        Images(rf"(?P<folder>cropped\w*)/(?P<subject>pat\d+)_cropped(?:_norm)?{NII}", "whole-heart",
               case="{folder}_{subject}", labels="{folder}/{subject}_cropped_seg.nii{gz}"),
    ),
    values={1: "LV", 2: "RV", 3: "LA", 4: "RA", 5: "AO", 6: "PA", 7: "SVC", 8: "IVC"},
    licence="CC BY 4.0", commercial=True, verified=True, source="doi 10.1038/s41597-024-03469-9, figshare 7074755",
    overlaps=("hvsmr2016",),
    note="The endpoints of the vessels are not applied. HVSMR 2016 is a part of it.",
)
