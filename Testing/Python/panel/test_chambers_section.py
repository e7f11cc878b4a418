"""The list of chambers and the tools for the chosen one, by their buttons."""

from __future__ import annotations

import json
from itertools import combinations

import qt
import slicer

from HeartSeg3DLib.panel.drawing import SIZE, trust_dot
from panel_fakes import PanelCase, a_segmentation, a_volume

DEFERRED_DELETE = 52
"""QEvent.DeferredDelete: what `deleteLater` has asked for."""


class ChambersCase(PanelCase):
    def setUp(self) -> None:
        super().setUp()
        self.volume = a_volume()
        self.parameters.scan = self.volume
        self.segmentation = a_segmentation(self.volume)
        self.parameters.result = self.segmentation

    @property
    def rows(self):
        return {row.id: row for row in self.panel.chambers._rows}

    def voxels(self, id: str) -> int:
        return int(slicer.util.arrayFromSegmentBinaryLabelmap(self.segmentation, id, self.volume).sum())

    def test_each_structure_has_a_row_with_its_volume(self) -> None:
        self.assertEqual(list(self.rows), ["LV", "MYO", "RV"])
        self.assertEqual(self.rows["LV"].volume_label.text, "0.6 mL")
        self.assertEqual(self.rows["LV"].name_button.text, "Left ventricle cavity")
        self.assertEqual(self.ui.chambersLabel.text, "")

    def test_without_a_result_a_sentence_says_what_to_do(self) -> None:
        self.parameters.result = None
        self.assertEqual(self.rows, {})
        self.assertIn("Segment a heart", self.ui.chambersLabel.text)
        self.assertFalse(self.ui.editRow.visible)

    def test_the_eye_hides_and_shows(self) -> None:
        display = self.segmentation.GetDisplayNode()
        self.rows["LV"].eye_button.click()
        self.assertFalse(display.GetSegmentVisibility("LV"))
        self.rows["LV"].eye_button.click()
        self.assertTrue(display.GetSegmentVisibility("LV"))

    def test_show_3d_is_remembered_and_shows_surfaces(self) -> None:
        self.ui.showSurfacesCheckBox.checked = False
        self.assertFalse(self.parameters.showSurfaces)
        self.assertFalse(self.segmentation.GetDisplayNode().GetVisibility3D())

    def test_trust_marks_have_their_sentence(self) -> None:
        mark = {"id": "RV", "level": "amber", "sentence": "Cut by the lower border."}
        self.segmentation.SetAttribute("HeartSeg.Marks", json.dumps([mark]))
        self.panel.chambers.refresh()
        self.assertEqual(self.rows["RV"].trust_label.toolTip, "Cut by the lower border.")
        self.assertTrue(self.rows["LV"].trust_label.toolTip.startswith("Not judged"))

    def test_trust_levels_differ_by_their_shapes_for_those_who_do_not_see_colors(self) -> None:
        def shape(level: str) -> frozenset[tuple[int, int]]:
            image = trust_dot(level).toImage()
            return frozenset((x, y) for x in range(SIZE) for y in range(SIZE)
                             if qt.QColor.fromRgba(image.pixel(x, y)).alpha() > 127)

        shapes = [shape(level) for level in ("grey", "green", "amber", "red")]
        self.assertGreater(min(len(one ^ other) for one, other in combinations(shapes, 2)), 10)

    def test_the_result_as_a_whole_has_a_light_and_a_sentence(self) -> None:
        self.panel.chambers.refresh()
        self.assertFalse(self.ui.trustRow.visible)
        for level, sentence in (("red", "1 structure is probably wrong: RV."), ("grey", "Nobody measured it.")):
            self.segmentation.SetAttribute("HeartSeg.Trust", json.dumps({"level": level, "sentence": sentence}))
            self.panel.chambers.refresh()
            self.assertTrue(self.ui.trustRow.visible)
            self.assertEqual(self.ui.trustLabel.text, sentence)
            light = self.ui.trustLight.pixmap.toImage()
            self.assertEqual(light, trust_dot(level).toImage())
            self.assertNotEqual(light, trust_dot("green").toImage())
        self.parameters.result = None
        self.assertFalse(self.ui.trustRow.visible)

    def test_a_corrected_result_was_judged_before(self) -> None:
        said = {"level": "green", "sentence": "Nothing speaks against this result."}
        self.segmentation.SetAttribute("HeartSeg.Trust", json.dumps(said))
        self.panel.chambers._edited = {"RV"}
        self.panel.chambers.refresh()
        self.assertTrue(self.ui.trustLabel.text.startswith(said["sentence"]))
        self.assertIn("before it was corrected", self.ui.trustLabel.text)

    def test_choosing_a_chamber_opens_the_editor_on_it(self) -> None:
        self.assertFalse(self.ui.editRow.visible)
        self.rows["RV"].edit_button.click()
        self.assertTrue(self.ui.editRow.visible)
        self.assertEqual(self.ui.segmentEditor.currentSegmentID(), "RV")
        self.assertIs(self.ui.segmentEditor.segmentationNode(), self.segmentation)
        self.assertIs(self.ui.segmentEditor.sourceVolumeNode(), self.volume)
        self.assertIn("Right ventricle cavity", self.ui.maskingLabel.text)
        self.assertTrue(self.rows["RV"].edit_button.checked)
        self.assertFalse(self.rows["LV"].edit_button.checked)

    def test_the_chosen_chamber_can_be_edited_after_a_look_at_another_module(self) -> None:
        def shortcuts() -> int:
            return len(self.ui.segmentEditor.findChildren("QShortcut"))

        self.rows["RV"].edit_button.click()
        installed = shortcuts()
        self.assertGreater(installed, 0)
        self.panel.exit()
        qt.QApplication.sendPostedEvents(None, DEFERRED_DELETE)
        self.assertEqual(shortcuts(), 0)
        self.panel.enter()
        self.assertEqual(shortcuts(), installed)

    def test_the_slice_views_jump_to_the_chosen_chamber(self) -> None:
        view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
        view.SetLayoutName("Red")
        self.rows["LV"].name_button.click()
        center = [view.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)]
        self.assertAlmostEqual(center[2], 2.5, delta=1.0)

    def test_growing_changes_the_volume_shown_and_can_be_undone(self) -> None:
        self.rows["LV"].edit_button.click()
        before = self.voxels("LV")
        self.ui.distanceSpinBox.value = 1.0
        self.ui.growButton.click()
        self.assertGreater(self.voxels("LV"), before)
        self.panel.chambers.measure()
        self.assertNotEqual(self.rows["LV"].volume_label.text, "0.6 mL")
        self.ui.segmentEditor.undo()
        self.assertEqual(self.voxels("LV"), before)

    def test_a_refused_preset_says_why_and_changes_nothing(self) -> None:
        self.rows["LV"].edit_button.click()
        before = self.voxels("LV")
        self.ui.distanceSpinBox.value = 20.0
        self.ui.shrinkButton.click()
        self.assertIn("Left ventricle cavity", self.ui.editMessageLabel.text)
        self.assertEqual(self.voxels("LV"), before)

    def test_a_preset_with_nothing_to_do_says_so(self) -> None:
        self.rows["LV"].edit_button.click()
        self.ui.fillButton.click()
        self.assertEqual(self.ui.editMessageLabel.text, "There is nothing to change.")

    def test_a_wall_becomes_a_row_of_its_own(self) -> None:
        self.rows["RV"].edit_button.click()
        self.ui.wallButton.click()
        self.panel.chambers.measure()
        self.assertIn("RV_WALL", self.rows)

    def test_only_cavities_get_a_wall(self) -> None:
        self.rows["MYO"].edit_button.click()
        self.assertFalse(self.ui.wallButton.enabled)

    def test_the_masking_mode_reaches_the_editor_and_is_remembered(self) -> None:
        self.rows["LV"].edit_button.click()
        self.ui.backgroundRadio.click()
        node = self.ui.segmentEditor.mrmlSegmentEditorNode()
        self.assertEqual(self.parameters.editMode, "background")
        self.assertEqual(node.GetMaskMode(), slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)

    def test_leaving_the_module_puts_the_tools_away_and_coming_back_keeps_the_chamber(self) -> None:
        self.rows["LV"].edit_button.click()
        self.ui.segmentEditor.setActiveEffectByName("Paint")
        self.panel.exit()
        self.assertIsNone(self.ui.segmentEditor.activeEffect())
        self.panel.enter()
        self.assertTrue(self.rows["LV"].edit_button.checked)

    def test_deleting_the_result_empties_the_list(self) -> None:
        self.rows["LV"].edit_button.click()
        slicer.mrmlScene.RemoveNode(self.segmentation)
        self.panel.show_result()
        self.assertEqual(self.rows, {})
        self.assertFalse(self.ui.editRow.visible)
