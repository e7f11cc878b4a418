"""In the mode "neighbors" an effect keeps what it took from neighbors and gives back the rest; an undo is not repaired."""

from __future__ import annotations

import unittest
from collections.abc import Callable

import numpy as np
import slicer

from hearts import a_segmentation, box_heart, history_of, labelmap, labels_of, masks_of
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.scene import editing
from HeartSeg3DLib.scene.contacts import MASKING_MODES, may_take, touches
from HeartSeg3DLib.scene.protection import ContactProtection
from HeartSeg3DLib.scene.segment_voxels import voxels_of

VALUE = {segment_id: structure.value for segment_id, structure in BY_ID.items()}
STROKE = (slice(8, 18), slice(8, 14), slice(8, 24))
"""Crosses RV, RA, MYO, LV and LA."""


class Editor:
    """Slicer's Segment Editor without its window: the logic behind the effects, with masking and undo."""

    def __init__(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        self.node = node
        self.editor_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        scan = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        self.editor_node.SetAndObserveSourceVolumeNode(scan)
        self.logic.SetSegmentEditorNode(self.editor_node)
        self.history = history_of(node)
        self.logic.SetSegmentationHistory(self.history)

    def choose(self, chamber: str, mode: str) -> None:
        editing.set_masking(self.editor_node, self.node, chamber, mode)
        self.logic.UpdateMaskLabelmap()

    def paint(self, stroke: tuple[slice, slice, slice], *, erase: bool = False) -> None:
        self.logic.SaveStateForUndo()
        self.logic.ResetModifierLabelmapToDefault()
        modifier = self.logic.GetModifierLabelmap()
        voxels_of(modifier)[:] = 0
        voxels_of(modifier)[stroke] = 1
        modifier.Modified()
        mode = self.logic.ModificationModeRemove if erase else self.logic.ModificationModeAdd
        self.logic.ModifySegmentByLabelmap(self.node, self.editor_node.GetSelectedSegmentID(), modifier, mode, False,
                                           False)


def after_stroke(chamber: str, mode: str, labels: np.ndarray | None = None) -> np.ndarray:
    """What a stroke should leave: voxels change hands where the mode allows it."""
    labels = box_heart() if labels is None else labels.copy()
    part = labels[STROKE]
    for segment_id in ("LV", "MYO", "RV", "LA", "RA"):
        if may_take(chamber, segment_id, mode):
            part[part == VALUE[segment_id]] = VALUE[chamber]
    part[part == 0] = VALUE[chamber]
    return labels


class MaskingTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.heart = a_segmentation()
        self.editor = Editor(self.heart)

    def test_a_stroke_takes_what_the_mode_allows(self) -> None:
        for chamber in ("RV", "LA", "RA"):
            for mode in MASKING_MODES:
                with self.subTest(chamber=chamber, mode=mode):
                    slicer.mrmlScene.Clear(0)
                    heart = a_segmentation()
                    editor = Editor(heart)
                    protection = ContactProtection(heart)
                    protection.watch(chamber, mode)
                    editor.choose(chamber, mode)
                    editor.paint(STROKE)
                    protection.stop()
                    np.testing.assert_array_equal(labels_of(heart), after_stroke(chamber, mode))

    def test_erasing_works_in_every_mode(self) -> None:
        for mode in MASKING_MODES:
            with self.subTest(mode=mode):
                slicer.mrmlScene.Clear(0)
                heart = a_segmentation()
                editor = Editor(heart)
                protection = ContactProtection(heart)
                protection.watch("RV", mode)
                editor.choose("RV", mode)
                editor.paint(STROKE, erase=True)
                protection.stop()
                expected = box_heart()
                expected[STROKE][expected[STROKE] == VALUE["RV"]] = 0
                np.testing.assert_array_equal(labels_of(heart), expected)

    def test_an_unknown_mode_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            editing.set_masking(self.editor.editor_node, self.heart, "RV", "everything")
        with self.assertRaises(ValueError):
            ContactProtection(self.heart).watch("RV", "everything")


class ProtectionTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.heart = a_segmentation()
        self.editor = Editor(self.heart)
        self.protection = ContactProtection(self.heart)
        self.addCleanup(self.protection.stop)

    def test_stroke_after_stroke_is_protected(self) -> None:
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        for _repeat in range(3):
            self.editor.paint(STROKE)
        np.testing.assert_array_equal(labels_of(self.heart), after_stroke("RV", "neighbors"))

    def test_undo_and_redo_of_a_protected_stroke_are_exact(self) -> None:
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE)
        edited = labels_of(self.heart)
        self.editor.logic.Undo()
        np.testing.assert_array_equal(labels_of(self.heart), box_heart())
        self.editor.logic.Redo()
        np.testing.assert_array_equal(labels_of(self.heart), edited)

    def test_an_undo_that_brings_back_a_foreign_voxel_is_not_repaired(self) -> None:
        self.editor.choose("RV", "anything")
        self.editor.paint(STROKE)
        taken = labels_of(self.heart)
        np.testing.assert_array_equal(taken, after_stroke("RV", "anything"))
        self.editor.choose("LA", "anything")
        self.editor.paint(STROKE)
        self.protection.watch("RV", "neighbors")
        self.editor.logic.Undo()
        np.testing.assert_array_equal(labels_of(self.heart), taken)

    def test_the_stroke_after_an_undo_is_protected_again(self) -> None:
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE)
        self.editor.logic.Undo()
        self.editor.paint(STROKE)
        np.testing.assert_array_equal(labels_of(self.heart), after_stroke("RV", "neighbors"))

    def test_what_another_mode_took_before_is_kept(self) -> None:
        self.editor.choose("RV", "anything")
        self.editor.paint(STROKE)
        taken = labels_of(self.heart)
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint((slice(20, 22), slice(2, 4), slice(2, 4)))
        taken[20:22, 2:4, 2:4] = VALUE["RV"]
        np.testing.assert_array_equal(labels_of(self.heart), taken)

    def test_a_repair_can_wait_until_the_effect_is_done(self) -> None:
        waiting: list[Callable[[], None]] = []
        protection = ContactProtection(self.heart, waiting.append)
        self.addCleanup(protection.stop)
        protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE)
        self.assertEqual(len(waiting), 1)
        waiting.pop()()
        np.testing.assert_array_equal(labels_of(self.heart), after_stroke("RV", "neighbors"))
        self.editor.paint(STROKE)
        protection.stop()
        waiting.pop()()
        np.testing.assert_array_equal(labels_of(self.heart), after_stroke("RV", "anything", after_stroke(
            "RV", "neighbors")))

    def test_segments_on_own_layers_are_given_back_too(self) -> None:
        contents = self.heart.GetSegmentation()
        contents.RemoveSegment("LA")
        segment = slicer.vtkSegment()
        segment.SetLabelValue(1)
        segment.AddRepresentation("Binary labelmap", labelmap((box_heart() == VALUE["LA"]).astype(np.uint8)))
        contents.AddSegment(segment, "LA")
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE)
        np.testing.assert_array_equal(masks_of(self.heart)["LA"], box_heart() == VALUE["LA"])

    def test_a_segment_deleted_or_added_during_the_watch_does_no_harm(self) -> None:
        self.protection.watch("RV", "neighbors")
        self.heart.GetSegmentation().RemoveSegment("LA")
        self.heart.GetSegmentation().AddEmptySegment("new")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE)
        labels = box_heart()
        labels[labels == VALUE["LA"]] = 0
        expected = after_stroke("RV", "neighbors", labels)
        found = masks_of(self.heart)
        np.testing.assert_array_equal(found["RV"], expected == VALUE["RV"])


class ContactTableTest(unittest.TestCase):
    def test_contacts_hold_both_ways_and_for_walls(self) -> None:
        for one in BY_ID:
            for other in BY_ID:
                self.assertEqual(touches(one, other), touches(other, one), (one, other))
        self.assertTrue(touches("SVC", "RA"))
        self.assertFalse(touches("LV", "RV"))
        self.assertTrue(touches("RA_WALL", "AO"))

    def test_a_segment_that_a_person_added(self) -> None:
        self.assertFalse(may_take("RV", "Segment_1", "neighbors"))
        self.assertTrue(may_take("Segment_1", "RV", "neighbors"))
        self.assertFalse(may_take("Segment_1", "RV", "background"))


if __name__ == "__main__":
    unittest.main()
