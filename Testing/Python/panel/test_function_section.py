"""The section for beating hearts: table, curve, and phases picked by hand."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import qt
import slicer

from HeartSeg3DLib.measurement.function import HeartFunction, heart_function
from HeartSeg3DLib.panel.function_section import function_rows
from HeartSeg3DLib.panel.module_panel import ModulePanel
from panel_fakes import PanelCase, a_segmentation, a_volume

VOLUMES = {"LV": [120.0, 100.0, 48.0, 80.0], "RV": [130.0, 110.0, 60.0, 90.0]}


class FakeFunctionResult:
    """Every segmentation beats in four phases."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.stored: list[HeartFunction] = []
        self.plots = 0
        self.phase = 0
        self.volumes = VOLUMES
        self.beats = True
        self.slice_distance_mm: float | None = None

    def is_sequence_result(self, segmentation: Any) -> bool:
        return self.beats

    def phase_count(self, segmentation: Any) -> int:
        return 4

    def selected_phase(self, segmentation: Any) -> int:
        return self.phase

    def select_phase(self, segmentation: Any, index: int) -> None:
        self.phase = index

    def function_of(self, segmentation: Any, **facts: Any) -> HeartFunction:
        self.asked.append(facts)
        return heart_function(self.volumes, [None] * 4, myocardial_mass_g=[100.0] * 4,
                              slice_distance_mm=self.slice_distance_mm, **facts)

    def volumes_stamp(self, segmentation: Any) -> tuple[Any, ...]:
        return tuple(self.volumes["LV"])

    def store_function(self, segmentation: Any, function: HeartFunction) -> None:
        self.stored.append(function)

    def show_plot(self, segmentation: Any) -> None:
        self.plots += 1


class BeatingCase(PanelCase):
    def make_panel(self) -> ModulePanel:
        panel = super().make_panel()
        self.functions = FakeFunctionResult()
        panel.context.services = replace(panel.context.services, function_result=self.functions)
        return panel

    def setUp(self) -> None:
        super().setUp()
        self.parameters.result = a_segmentation(a_volume())

    def text(self, quantity: str) -> list[str]:
        table = self.ui.functionTable
        for row in range(table.rowCount):
            if table.item(row, 0).text() == quantity:
                return [table.item(row, column).text() for column in range(1, table.columnCount)]
        return []

    def test_the_section_opens_with_the_ejection_fraction_of_both_ventricles(self) -> None:
        self.assertFalse(self.ui.functionSection.collapsed)
        self.assertEqual(self.text("Ejection fraction"), ["60", "54", "%"])

    def test_an_ejection_fraction_from_slices_far_apart_says_so_in_its_line_and_below(self) -> None:
        self.assertFalse(self.ui.functionWarningLabel.visible)
        self.functions.slice_distance_mm = 12.0
        self.ui.heartRateSpinBox.value = 60.0
        self.assertEqual(self.text("Ejection fraction"), [])
        self.assertEqual(self.text("Ejection fraction (uncertain: slices 12 mm apart)"), ["60", "54", "%"])
        self.assertIn("The slices lie 12 mm apart", self.ui.functionWarningLabel.text)
        self.assertTrue(self.ui.functionWarningLabel.visible)

    def test_in_a_narrow_panel_the_remark_goes_on_in_a_second_line(self) -> None:
        self.functions.slice_distance_mm = 12.0
        self.form.resize(380, 1400)
        self.ui.heartRateSpinBox.value = 60.0
        slicer.app.processEvents()
        table = self.ui.functionTable
        heights = {table.item(row, 0).text(): table.rowHeight(row) for row in range(table.rowCount)}
        self.assertGreater(heights["Ejection fraction (uncertain: slices 12 mm apart)"], heights["Stroke volume"])

    def test_cardiac_output_needs_the_heart_rate(self) -> None:
        self.assertEqual(self.text("Cardiac output"), [])
        self.ui.heartRateSpinBox.value = 60.0
        self.assertEqual(self.text("Cardiac output"), ["4.32", "4.20", "L/min"])

    def test_indexed_values_need_height_and_weight(self) -> None:
        self.ui.heightSpinBox.value = 180.0
        self.ui.weightSpinBox.value = 80.0
        self.assertEqual(self.text("End-diastolic volume index"), ["60", "65", "mL/m²"])

    def test_a_phase_picked_by_hand_counts_and_automatic_says_which(self) -> None:
        self.assertEqual(self.ui.endSystoleSpinBox.specialValueText, "automatic (2)")
        self.ui.endSystoleSpinBox.value = 3
        self.assertEqual(self.functions.asked[-1]["end_systole"], 3)
        self.assertEqual(self.text("End-systolic volume"), ["80", "90", "mL"])

    def test_a_phase_that_does_not_exist_is_explained(self) -> None:
        self.ui.endSystoleSpinBox.value = 7
        self.assertIn("There is no frame 7", self.ui.functionWarningLabel.text)

    def test_what_is_unknown_says_so(self) -> None:
        self.assertEqual(self.ui.heartRateSpinBox.text, "unknown")
        self.assertEqual(self.ui.endDiastoleSpinBox.text, "automatic (0)")

    def test_nothing_is_measured_again_without_a_reason(self) -> None:
        before = len(self.functions.asked)
        self.parameters.quality = "fast"
        self.assertEqual(len(self.functions.asked), before)

    def test_after_an_edit_the_ejection_fraction_is_that_of_the_edited_phases(self) -> None:
        self.functions.volumes = {**VOLUMES, "LV": [120.0, 100.0, 60.0, 80.0]}
        segmentation = self.parameters.result
        segmentation.GetSegmentation().GetSegment("LV").Modified()
        for _attempt in range(2000):
            slicer.app.processEvents()
            if self.text("Ejection fraction")[0] == "50":
                break
            time.sleep(0.002)
        self.assertEqual(self.text("Ejection fraction")[0], "50")
        self.assertEqual(self.functions.stored[-1].ventricles["LV"].esv_ml, 60.0)

    def test_a_result_whose_sequence_was_deleted_has_no_function_any_more(self) -> None:
        self.functions.beats = False
        self.parameters.quality = "fast"
        self.assertFalse(self.ui.functionRow.visible)
        self.assertTrue(self.ui.functionLabel.visible)

    def test_plot_and_copy(self) -> None:
        self.ui.showPlotButton.click()
        self.assertEqual(self.functions.plots, 1)
        self.ui.copyFunctionButton.click()
        self.assertIn("Ejection fraction\t60\t54\t%", qt.QApplication.clipboard().text())

    def test_the_slider_moves_through_the_phases(self) -> None:
        self.assertTrue(self.ui.phaseRow.visible)
        self.ui.phaseSlider.value = 2
        self.assertEqual(self.functions.phase, 2)


class StillCase(PanelCase):
    def test_a_single_volume_has_no_function(self) -> None:
        self.parameters.result = a_segmentation(a_volume())
        self.assertFalse(self.ui.functionRow.visible)
        self.assertFalse(self.ui.phaseRow.visible)

    def test_left_and_right_stand_beside_each_other(self) -> None:
        header, *rows = function_rows(heart_function(VOLUMES, [None] * 4))
        self.assertEqual(header, ["Quantity", "LV", "RV", "Unit"])
        self.assertIn(["Stroke volume", "72", "70", "mL"], rows)
