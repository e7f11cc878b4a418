"""The sample scan: registered with Slicer's Sample Data module, and loaded without any network."""

from __future__ import annotations

from typing import Any

import slicer

from HeartSeg3DLib import resources
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene.text import _

FILE = "Samples/chest_ct_generated.nii.gz"
CATEGORY, SAMPLE, NODE_NAME = "HeartSeg", "HeartSegChestCT", "Chest CT (generated)"


def register() -> None:
    """Offer the sample in the Sample Data module; called once Slicer has started."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        sampleDescription=_("A chest CT with contrast, generated: no patient."),
        uris=resources.path(FILE).as_uri(),
        fileNames="chest_ct_generated.nii.gz",
        nodeNames=NODE_NAME,
        customDownloader=_load_for_sample_data,
    )


def load_sample() -> Any:
    """Load the sample scan and return its vtkMRMLScalarVolumeNode.

    Raises:
        InputError: The file that comes with HeartSeg is missing or cannot be read.
    """
    try:
        return slicer.util.loadVolume(str(resources.path(FILE)), {"name": NODE_NAME})
    except RuntimeError as error:
        raise InputError(_("The sample scan could not be loaded."), _("Install HeartSeg again.")) from error


def _load_for_sample_data(_source: Any) -> Any:
    return load_sample()
