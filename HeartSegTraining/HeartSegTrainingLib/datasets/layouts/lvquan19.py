"""LVQuan 2019: twenty frames of one short-axis slice of each person, in MATLAB files."""

from ..layout import Images, Layout

LAYOUT = Layout(
    name="lvquan19", title="Left ventricle full quantification challenge 2019", modality="mr",
    images=(
        Images(r"(?P<subject>\w+)\.mat", "cine",
               problem="LVQuan 2019 holds one slice a person in MATLAB files, and training needs volumes. "
                       "Leave the data set out."),
    ),
)
