"""What the border of the image cuts is said in one sentence."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.segmentation.borders import cut_sentences, cut_structures
from HeartSeg3DLib.segmentation.frame import view_in_model_frame


def test_several_cut_structures_are_one_sentence() -> None:
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[20:, 5:15, 5:15], labels[:, 20:, 5:15], labels[10:15, 10:15, 18:22] = 6, 2, 3
    volume = view_in_model_frame(sitk.GetImageFromArray(labels))
    said, = cut_structures(volume.array, volume, orientation_known=True)
    assert said == ("2 structures are cut by the border of the image, and their volumes are those of the part in view: "
                    "Left ventricle myocardium (lower, upper and back), Aorta (upper).")
    unknown, = cut_structures(volume.array, volume, orientation_known=False)
    assert unknown.endswith("in view: Left ventricle myocardium, Aorta.")


def test_one_cut_structure_is_a_sentence_of_its_own() -> None:
    assert cut_sentences({6: ["left", "upper"]}, orientation_known=True) == [
        "Aorta: cut by the upper and left border of the image; its volume is that of the part in view."]
    assert cut_sentences({6: ["left"]}, orientation_known=False) == [
        "Aorta: cut by the border of the image; its volume is that of the part in view."]


def test_nothing_is_said_where_nothing_is_cut() -> None:
    assert cut_sentences({}, orientation_known=True) == []
