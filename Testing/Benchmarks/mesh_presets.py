"""What presets promise to write, stated here once more: the judges know nothing of HeartSeg."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

TISSUE = (2, 103, 104, 105, 106, 107)
"""Myocardium and the walls of right ventricle, atria, aorta and pulmonary artery in the label map."""

TAGS: Mapping[str, Mapping[int, int]] = {
    **{preset: {value: value for value in TISSUE} for preset in ("ep", "mechanics", "simvascular")},
    "cemrgapp": {value: number for number, value in enumerate(TISSUE, start=1)},
}
"""Number in the files by label value; what is not listed is not written."""

STEMS = {"cemrgapp": "myocardium"}
"""Names of files that are not called heart."""


def as_written(labels: sitk.Image, preset: str | None) -> sitk.Image:
    """Return a label map in the numbers that a preset writes, zero where it writes nothing; as it is without one."""
    if preset is None:
        return labels
    values = np.zeros(256, np.uint8)
    for value, tag in TAGS[preset].items():
        values[value] = tag
    written = sitk.GetImageFromArray(values[sitk.GetArrayFromImage(labels)])
    written.CopyInformation(labels)
    return written
