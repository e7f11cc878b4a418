"""In the mode "neighbors" an effect keeps what it took from neighbors and gives back the rest; an undo stays."""

from __future__ import annotations

import unittest
from collections.abc import Callable

import numpy as np
import slicer

from cines import frame_of
from hearts import (
    STROKE_OF_TESTS,
    SegmentEditor,
    a_segmentation,
    box_heart,
    labelmap,
    labels_of,
    masks_of,
)
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.scene import editing, original
from HeartSeg3DLib.scene.contacts import MASKING_MODES, may_take, touches
from HeartSeg3DLib.scene.protection import ContactProtection
from HeartSeg3DLib.scene.volumes import scan_of

VALUE = {segment_id: structure.value for segment_id, structure in BY_ID.items()}


def after_stroke(chamber: str, mode: str, labels: np.ndarray | None = None) -> np.ndarray:
    """What a stroke should leave: voxels change hands where the mode allows it."""
    labels = box_heart() if labels is None else labels.copy()
    part = labels[STROKE_OF_TESTS]
    for segment_id in ("LV", "MYO", "RV", "LA", "RA"):
        if may_take(chamber, segment_id, mode):
            part[part == VALUE[segment_id]] = VALUE[chamber]
    part[part == 0] = VALUE[chamber]
    return labels


class MaskingTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.heart = a_segmentation()
        self.editor = SegmentEditor(self.heart)

    def test_a_stroke_takes_what_the_mode_allows(self) -> None:
        for chamber in ("RV", "LA", "RA"):
            for mode in MASKING_MODES:
                with self.subTest(chamber=chamber, mode=mode):
                    slicer.mrmlScene.Clear(0)
                    heart = a_segmentation()
                    editor = SegmentEditor(heart)
                    protection = ContactProtection(heart)
                    protection.watch(chamber, mode)
                    editor.choose(chamber, mode)
                    editor.paint(STROKE_OF_TESTS)
                    protection.stop()
                    np.testing.assert_array_equal(labels_of(heart), after_stroke(chamber, mode))

    def test_erasing_works_in_every_mode(self) -> None:
        for mode in MASKING_MODES:
            with self.subTest(mode=mode):
                slicer.mrmlScene.Clear(0)
                heart = a_segmentation()
                editor = SegmentEditor(heart)
                protection = ContactProtection(heart)
                protection.watch("RV", mode)
                editor.choose("RV", mode)
                editor.paint(STROKE_OF_TESTS, erase=True)
                protection.stop()
                expected = box_heart()
                expected[STROKE_OF_TESTS][expected[STROKE_OF_TESTS] == VALUE["RV"]] = 0
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
        self.editor = SegmentEditor(self.heart)
        self.protection = ContactProtection(self.heart)
        self.addCleanup(self.protection.stop)

    def test_stroke_after_stroke_is_protected(self) -> None:
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        for _repeat in range(3):
            self.editor.paint(STROKE_OF_TESTS)
        np.testing.assert_array_equal(labels_of(self.heart), after_stroke("RV", "neighbors"))

    def test_undo_and_redo_of_a_protected_stroke_are_exact(self) -> None:
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE_OF_TESTS)
        edited = labels_of(self.heart)
        self.editor.logic.Undo()
        np.testing.assert_array_equal(labels_of(self.heart), box_heart())
        self.editor.logic.Redo()
        np.testing.assert_array_equal(labels_of(self.heart), edited)

    def test_an_undo_that_brings_back_a_foreign_voxel_is_not_repaired(self) -> None:
        self.editor.choose("RV", "anything")
        self.editor.paint(STROKE_OF_TESTS)
        taken = labels_of(self.heart)
        np.testing.assert_array_equal(taken, after_stroke("RV", "anything"))
        self.editor.choose("LA", "anything")
        self.editor.paint(STROKE_OF_TESTS)
        self.protection.watch("RV", "neighbors")
        self.editor.logic.Undo()
        np.testing.assert_array_equal(labels_of(self.heart), taken)

    def test_the_stroke_after_an_undo_is_protected_again(self) -> None:
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE_OF_TESTS)
        self.editor.logic.Undo()
        self.editor.paint(STROKE_OF_TESTS)
        np.testing.assert_array_equal(labels_of(self.heart), after_stroke("RV", "neighbors"))

    def test_what_another_mode_took_before_is_kept(self) -> None:
        self.editor.choose("RV", "anything")
        self.editor.paint(STROKE_OF_TESTS)
        taken = labels_of(self.heart)
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint((slice(20, 22), slice(2, 4), slice(2, 4)))
        taken[20:22, 2:4, 2:4] = VALUE["RV"]
        np.testing.assert_array_equal(labels_of(self.heart), taken)

    def test_going_back_to_the_model_s_result_may_take_from_anything(self) -> None:
        volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        original.keep(self.heart, scan_of(volume), frame_of(box_heart()))
        self.editor.choose("RV", "anything")
        self.editor.paint(STROKE_OF_TESTS)
        self.protection.watch("LA", "neighbors")
        with self.protection.paused():
            original.restore(self.heart, ["LA"])
        np.testing.assert_array_equal(masks_of(self.heart)["LA"], box_heart() == VALUE["LA"])
        self.editor.choose("LA", "neighbors")
        before = labels_of(self.heart)
        self.editor.paint(STROKE_OF_TESTS)
        np.testing.assert_array_equal(masks_of(self.heart)["RV"], before == VALUE["RV"])

    def test_a_repair_can_wait_until_the_effect_is_done(self) -> None:
        waiting: list[Callable[[], None]] = []
        protection = ContactProtection(self.heart, waiting.append)
        self.addCleanup(protection.stop)
        protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE_OF_TESTS)
        self.assertEqual(len(waiting), 1)
        waiting.pop()()
        np.testing.assert_array_equal(labels_of(self.heart), after_stroke("RV", "neighbors"))
        self.editor.paint(STROKE_OF_TESTS)
        protection.stop()
        waiting.pop()()
        np.testing.assert_array_equal(labels_of(self.heart), after_stroke("RV", "anything", after_stroke(
            "RV", "neighbors")))

    def test_segments_on_own_layers_are_given_back_too(self) -> None:
        contents = self.heart.GetSegmentation()
        contents.RemoveSegment("LA")
        segment = slicer.vtkSegment()
        segment.SetName("LA")
        segment.SetLabelValue(1)
        segment.AddRepresentation("Binary labelmap", labelmap((box_heart() == VALUE["LA"]).astype(np.uint8)))
        contents.AddSegment(segment, "LA")
        self.protection.watch("RV", "neighbors")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE_OF_TESTS)
        np.testing.assert_array_equal(masks_of(self.heart)["LA"], box_heart() == VALUE["LA"])

    def test_a_segment_deleted_or_added_during_the_watch_does_no_harm(self) -> None:
        self.protection.watch("RV", "neighbors")
        self.heart.GetSegmentation().RemoveSegment("LA")
        self.heart.GetSegmentation().AddEmptySegment("new")
        self.editor.choose("RV", "neighbors")
        self.editor.paint(STROKE_OF_TESTS)
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
