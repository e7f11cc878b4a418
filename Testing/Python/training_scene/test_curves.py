"""From metrics.csv to curves, and from curves to a plot of the scene."""

from __future__ import annotations

import math
import tempfile
import unittest
from pathlib import Path

import slicer

from HeartSegTrainingLib.scene.curve_plot import is_shown, show_plot, store_plot
from HeartSegTrainingLib.scene.curves import loss_chart, quality_chart, read_columns

METRICS = """step,loss,dice_1,dice_2,val_dice
10,2.0,0.1,0.3,nan
20,1.0,0.5,nan,0.4
30,0.5,0.7,0.9,nan
"""


class ReadTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, text: str) -> None:
        (self.folder / "metrics.csv").write_text(text, encoding="utf-8")

    def test_before_the_first_line_there_is_nothing(self) -> None:
        self.assertEqual(read_columns(self.folder), {})
        self.assertIsNone(loss_chart({}))
        self.assertIsNone(quality_chart({}))

    def test_a_folder_that_is_gone_is_not_made(self) -> None:
        gone = self.folder / "gone"
        self.assertEqual(read_columns(gone), {})
        self.assertFalse(gone.exists())

    def test_dice_is_the_mean_of_what_is_known(self) -> None:
        self.write(METRICS)
        chart = quality_chart(read_columns(self.folder))
        training, validation = chart.curves
        self.assertEqual(training.values, (0.2, 0.5, 0.8))
        self.assertEqual((validation.steps, validation.values), ((20.0,), (0.4,)))

    def test_a_torn_last_line_is_left_out(self) -> None:
        self.write(METRICS + "40,0.4,0.")
        self.assertEqual(loss_chart(read_columns(self.folder)).curves[0].steps, (10.0, 20.0, 30.0))

    def test_pretraining_shows_whether_it_collapses(self) -> None:
        self.write("step,loss,spread,entropy\n10,3.0,0.9,0.8\n20,2.0,0.1,0.9\n")
        chart = quality_chart(read_columns(self.folder))
        self.assertEqual([curve.values for curve in chart.curves], [(0.9, 0.1), (0.8, 0.9)])


class PlotTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "metrics.csv").write_text(METRICS, encoding="utf-8")
        columns = read_columns(folder)
        self.charts = [loss_chart(columns), quality_chart(columns)]

    def column(self, series: object, name: str) -> list[float]:
        return list(slicer.util.arrayFromTableColumn(series.GetTableNode(), name))

    def test_each_curve_is_a_series_of_its_own_table(self) -> None:
        self.assertFalse(is_shown())
        chart = store_plot("mine", self.charts)
        self.assertTrue(is_shown())
        series = [chart.GetNthPlotSeriesNode(number) for number in range(chart.GetNumberOfPlotSeriesNodes())]
        self.assertEqual([one.GetName() for one in series],
                         ["Loss (training)", "Dice (training)", "Dice (validation)"])
        self.assertEqual(self.column(series[0], series[0].GetYColumnName()), [2.0, 1.0, 0.5])
        self.assertEqual(self.column(series[2], series[2].GetXColumnName()), [20.0])
        for one in series:
            self.assertFalse(any(math.isnan(value) for value in self.column(one, one.GetYColumnName())))

    def test_it_is_stored_again_in_the_same_nodes_and_never_saved(self) -> None:
        for _time in range(2):
            chart = store_plot("mine", self.charts)
        kinds = ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode")
        self.assertEqual([len(slicer.util.getNodesByClass(kind)) for kind in kinds], [1, 3, 3])
        self.assertFalse(chart.GetSaveWithScene())

    def test_it_is_gone_with_the_scene(self) -> None:
        store_plot("mine", self.charts)
        slicer.mrmlScene.Clear()
        self.assertFalse(is_shown())

    def test_it_is_shown_in_a_layout_with_a_plot(self) -> None:
        chart = store_plot("mine", self.charts)
        show_plot(chart)
        selection = slicer.app.applicationLogic().GetSelectionNode()
        self.assertEqual(selection.GetActivePlotChartID(), chart.GetID())
