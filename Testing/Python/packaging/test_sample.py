"""The sample scan and the reference labels that ship beside it."""

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib import resources
from HeartSeg3DLib.anatomy import WHOLE_HEART


def test_the_samples_labels_lie_on_its_structures():
    image = sitk.ReadImage(str(resources.path("Samples/chest_ct_generated.nii.gz")))
    labels = sitk.ReadImage(str(resources.path("Samples/chest_ct_generated_labels.nii.gz")))
    assert (labels.GetSize(), labels.GetSpacing(), labels.GetOrigin()) == (
        image.GetSize(), image.GetSpacing(), image.GetOrigin())
    values, codes = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(labels)
    assert set(np.unique(codes)) == {0, *WHOLE_HEART}
    # Inside each structure the scan is even; labels of another heart mix blood, muscle, fat and lung.
    spread = [np.std(values[codes == code]) for code in WHOLE_HEART]
    assert max(spread) < 100
