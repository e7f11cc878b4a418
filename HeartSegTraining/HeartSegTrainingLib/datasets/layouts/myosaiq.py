"""MYOSAIQ 2023: late-enhancement MRI after infarction, 123 exams after days, 204 after a month, 140 after a year.

Values: https://www.creatis.insa-lyon.fr/Challenge/myosaiq/tasks.html. Folders and names
(D8_postMI/images/001_D8.nii.gz) from public code that reads them. Exams after a month and after a year come from one
cohort (databases.html), so equal numbers there are taken as one person.
"""

from ..layout import NII, Images, Layout

_SPLITS = ((r"(?i)testing/", "test"), (r"(?i)training/", "train"))

LAYOUT = Layout(
    name="myosaiq", title="MYOSAIQ challenge 2023", modality="mr",
    images=tuple(
        Images(rf"(?P<folder>{time}_postMI)/images/(?P<number>\d+)_{time}{NII}", "lge", case=f"{{number}}_{time}",
               subject=f"{cohort}_{{number}}", labels=f"{{folder}}/labels/{{number}}_{time}.nii{{gz}}", splits=_SPLITS)
        for time, cohort in (("D8", "mimi"), ("M1", "hibiscus"), ("M12", "hibiscus"))
    ),
    values={1: "LV", 2: "MYO", 3: "SCAR", 4: "MVO"}, lesions=("SCAR", "MVO"),
    verified=True, source="creatis.insa-lyon.fr/Challenge/myosaiq",
)
