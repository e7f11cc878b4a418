"""The label map itself in the numbers and the axis order of the pycemrg and CemrgApp four-chamber scheme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...anatomy import BY_ID
from ...errors import UsageError
from ...imaging.writing import write_image
from .content import MeshContent

_LESIONS = (BY_ID["SCAR"].value, BY_ID["MVO"].value, BY_ID["OEDEMA"].value)
"""That scheme has no lesions: they are myocardium there. All other numbers are the same as here."""


def write_label_volume(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes an 8-bit NRRD file whose axes run to the left, back and top (ITK's "RAI" grid); its header states LPS.

    Raises:
        UsageError: The label map of the mesh is not known.
    """
    if content.source is None:
        raise UsageError("The label volume cannot be written: the mesh comes without its label map.",
                         "Export the mesh together with its label map, or leave the format pycemrg out.")
    image = sitk.DICOMOrient(content.source.labels, "LPS")
    values = sitk.GetArrayFromImage(image).astype(np.uint8)
    values[np.isin(values, _LESIONS)] = BY_ID["MYO"].value
    written = sitk.GetImageFromArray(values)
    written.CopyInformation(image)
    write_image(path, written)
    return {"frame": "LPS", "spacing_mm": list(image.GetSpacing()), "origin_mm": list(image.GetOrigin())}
