"""What the Meshes section offers: presets and what applies to them, and what a mesh is then asked for."""

from __future__ import annotations

import slicer

from HeartSeg3DLib.scene import settings
from HeartSeg3DLib.scene.mesh_settings import PRESET_NAMES, MeshSettings
from mesh_fakes import FakeMeshRun, MeshCase
from panel_fakes import PanelCase, a_segmentation, a_volume


class MeshChoicesCase(MeshCase):
    def test_without_a_segmentation_the_section_says_what_to_do(self) -> None:
        self.assertFalse(self.ui.meshButton.enabled)
        self.assertIn("Segment a heart first", self.ui.meshHintLabel.text)

    def test_without_a_folder_it_asks_for_one(self) -> None:
        self.parameters.result = a_segmentation(a_volume())
        self.assertFalse(self.ui.meshButton.enabled)
        self.assertIn("Choose a folder", self.ui.meshHintLabel.text)
        self.ui.meshFolder.currentPath = str(self.folder)
        self.assertTrue(self.ui.meshButton.enabled)

    def test_each_preset_has_a_line_and_is_what_the_mesher_knows(self) -> None:
        selector = self.ui.meshPresetSelector
        self.assertEqual(tuple(selector.itemData(number) for number in range(selector.count)), PRESET_NAMES)
        lines = set()
        for preset in PRESET_NAMES:
            self.choose(preset)
            lines.add(self.ui.meshPresetLabel.text)
        self.assertEqual(len(lines), len(PRESET_NAMES))

    def test_a_preset_shows_what_applies_to_it_and_turns_walls_on_for_tissue(self) -> None:
        ui = self.ui
        for preset, walls, fibers, fixed, formats in (
                ("print", False, False, False, False), ("ep", True, True, True, False),
                ("simvascular", True, True, True, False), ("tetrahedra", False, True, False, True),
                ("surfaces", False, False, False, True)):
            with self.subTest(preset):
                self.choose(preset)
                self.assertEqual(ui.meshWallsCheckBox.checked, walls)
                self.assertEqual(ui.meshWallsRow.visible, walls)
                self.assertEqual(ui.meshFibersCheckBox.visible, fibers)
                self.assertEqual(ui.meshFibersRow.visible, fixed)
                self.assertEqual(ui.meshFibersCheckBox.visible and not ui.meshFibersCheckBox.enabled, fixed)
                self.assertEqual(ui.meshFormatsButton.visible, formats)
        self.choose("mechanics")
        self.assertEqual(ui.meshEdgeSpinBox.text, "automatic, 2 mm")

    def test_what_is_chosen_is_what_is_asked_for(self) -> None:
        run = self.start("ep")
        self.assertEqual(run.settings, MeshSettings(preset="ep", walls={"RV": 3.5, "LA": 2.0, "RA": 2.0, "AO": 2.0,
                                                                        "PA": 2.0}))
        run.cancel()
        self.turn_the_pump()
        self.ui.meshEdgeSpinBox.value = 1.2
        self.ui.meshWallLASpinBox.value = 1.5
        self.ui.meshEndocardiumSpinBox.value = 70
        self.ui.meshFrameSelector.setCurrentIndex(1)
        self.ui.meshPiecesSelector.setCurrentIndex(2)
        self.ui.meshButton.click()
        asked = FakeMeshRun.made[-1].settings
        self.assertEqual((asked.edge_mm, asked.walls_mm["LA"], asked.fibers, asked.frame, asked.pieces),
                         (1.2, 1.5, (70.0, -60.0), "ras", "largest"))
        self.assertEqual(FakeMeshRun.made[-1].folder, self.folder / "mesh")

    def test_fibers_are_asked_for_where_no_preset_lays_them(self) -> None:
        self.assertIsNone(self.start("tetrahedra").settings.fibers)
        FakeMeshRun.made[-1].cancel()
        self.turn_the_pump()
        self.ui.meshFibersCheckBox.click()
        self.assertTrue(self.ui.meshFibersRow.visible)
        self.ui.meshButton.click()
        self.assertEqual(FakeMeshRun.made[-1].settings.fibers, (60.0, -60.0))

    def test_formats_of_one_s_own_are_ticked_in_a_menu(self) -> None:
        self.choose("surfaces")
        button = self.ui.meshFormatsButton
        self.assertEqual(button.text, "vtp, stl")
        actions = {action.text: action for action in button.menu().actions()}
        actions["stl"].trigger()
        actions["obj"].trigger()
        self.assertEqual(button.text, "vtp, obj")
        self.assertEqual(self.start("surfaces").settings.formats, ("vtp", "obj"))
        FakeMeshRun.made[-1].cancel()
        self.turn_the_pump()
        self.assertEqual(self.start("print").settings.formats, (), "a preset has its own")

    def test_choices_come_back_with_the_scene(self) -> None:
        self.choose("cemrgapp")
        self.ui.meshEdgeSpinBox.value = 0.9
        node = self.parameters.parameterNode
        self.assertEqual((node.GetParameter("meshPreset"), node.GetParameter("meshEdge")), ("cemrgapp", "0.9"))
        node.SetParameter("meshPreset", "simvascular")
        node.SetParameter("meshEdge", "1.5")
        self.panel.scene_imported()
        self.assertEqual(self.ui.meshPresetSelector.currentIndex, PRESET_NAMES.index("simvascular"))
        self.assertEqual(self.ui.meshEdgeSpinBox.value, 1.5)

    def test_segments_that_nobody_knows_are_named_before_the_start(self) -> None:
        segmentation = a_segmentation(a_volume())
        segmentation.GetSegmentation().AddEmptySegment("lung", "Lung")
        self.parameters.result = segmentation
        self.ui.meshFolder.currentPath = str(self.folder)
        self.assertIn("Lung", self.ui.meshHintLabel.text)
        self.assertTrue(self.ui.meshButton.enabled)
        for id in ("LV", "MYO", "RV"):
            segmentation.GetSegmentation().RemoveSegment(id)
        self.panel.chambers._measure_changes()
        self.assertIn("None of these segments is known", self.ui.meshHintLabel.text)
        self.assertFalse(self.ui.meshButton.enabled)

    def test_before_the_start_it_says_how_large_and_how_slow(self) -> None:
        self.parameters.result = a_segmentation(a_volume())  # 3 x 0.6 mL
        self.ui.meshFolder.currentPath = str(self.folder)
        self.assertEqual(self.ui.meshHintLabel.text, "This takes about 30 s.")
        self.choose("tetrahedra")
        self.ui.meshEdgeSpinBox.value = 0.2
        self.assertRegex(self.ui.meshHintLabel.text,
                         r"^About 2.\d00.000 tetrahedra: \d min, \d\.\d GB of memory\.$")


class TimesOfMeshesCase(PanelCase):
    def test_the_last_mesh_of_a_kind_says_how_long_the_next_takes(self) -> None:
        for group in ("surfaces", "tetrahedra"):
            slicer.app.userSettings().remove(f"HeartSeg3D/MeshSeconds/{group}")
        self.assertEqual(settings.expected_mesh_seconds(None), settings.SURFACES_SECONDS)
        self.assertEqual(settings.expected_mesh_seconds(500_000), settings.MILLION_SECONDS / 2)
        settings.remember_mesh(500_000, 20.0)
        settings.remember_mesh(None, 7.0)
        self.assertEqual(settings.expected_mesh_seconds(250_000), 10.0)
        self.assertEqual(settings.expected_mesh_seconds(None), 7.0)
