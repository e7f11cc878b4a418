"""A mesh appears where the structures are, in their colors and in a folder of its own; an older one makes room."""

from __future__ import annotations

import unittest
from typing import Any

import numpy as np
import slicer
import vtk

from hearts import a_segmentation
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.report.mesh_picture import quality_colors
from HeartSeg3DLib.scene.mesh_models import QUALITY, models_of, place_models, show_edges, show_quality, shown_models
from HeartSeg3DLib.scene.transfer import Surface
from scans import tetrahedron

LV, MYO, RV_WALL = (BY_ID[id].value for id in ("LV", "MYO", "RV_WALL"))


def a_surface(size: float) -> Surface:
    plain = tetrahedron(size)
    return Surface(plain.points, plain.normals, plain.offsets, plain.connectivity, np.float32([0.1, 0.5, 0.9, 1.0]))


class MeshModelsTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        self.segmentation = a_segmentation()
        self.study = self.hierarchy.CreateStudyItem(self.hierarchy.GetSceneItemID(), "study")
        self.hierarchy.SetItemParent(self.hierarchy.GetItemByDataNode(self.segmentation), self.study)

    def place(self, place: str = "/meshes/heart_report", values: tuple[int, ...] = (MYO, LV, RV_WALL)) -> list[Any]:
        return place_models(self.segmentation, "heart mesh (ep)", place,
                            {value: a_surface(10.0 + value) for value in values})

    def folders(self) -> list[str]:
        found = vtk.vtkIdList()
        self.hierarchy.GetItemChildren(self.study, found)
        items = [found.GetId(number) for number in range(found.GetNumberOfIds())]
        return [self.hierarchy.GetItemName(item) for item in items if self.hierarchy.GetItemDataNode(item) is None]

    def test_models_have_names_colors_and_a_folder_beside_the_segmentation(self) -> None:
        models = self.place()
        self.assertEqual([model.GetName() for model in models], [
            "Left ventricle cavity", "Left ventricle myocardium", "Right ventricle wall"])
        for model, id in zip(models, ("LV", "MYO", "RV_WALL"), strict=True):
            np.testing.assert_allclose(model.GetDisplayNode().GetColor(), np.array(BY_ID[id].color) / 255, atol=1e-6)
            self.assertIsNone(model.GetParentTransformNode())
            self.assertTrue(model.GetDisplayNode().GetVisibility())
            self.assertTrue(model.GetDisplayNode().GetVisibility2D())
            folder = self.hierarchy.GetItemParent(self.hierarchy.GetItemByDataNode(model))
            self.assertEqual(self.hierarchy.GetItemName(folder), "heart mesh (ep)")
            self.assertEqual(self.hierarchy.GetItemParent(folder), self.study)
        np.testing.assert_allclose(models[0].GetPolyData().GetBounds(), [0, 11, 0, 11, 0, 11])

    def test_what_is_around_another_structure_lets_it_be_seen(self) -> None:
        cavity, muscle, wall = (model.GetDisplayNode().GetOpacity() for model in self.place())
        self.assertEqual((cavity, wall), (1.0, 1.0))  # there is no cavity of the right ventricle
        self.assertLess(muscle, 0.5)

    def test_an_older_mesh_is_hidden_and_a_replaced_one_is_gone(self) -> None:
        first, second = self.place("/one"), self.place("/two")
        self.assertEqual(shown_models(self.segmentation), second)
        self.assertEqual(models_of(self.segmentation), first + second)
        third = self.place("/one", (LV,))
        self.assertEqual(models_of(self.segmentation), second + third)
        self.assertEqual(shown_models(self.segmentation), third)
        self.assertEqual(len(self.folders()), 2)

    def test_meshes_of_other_segmentations_stay_as_they_are(self) -> None:
        mine, self.segmentation = self.place(), a_segmentation()
        self.place()
        self.assertTrue(all(model.GetDisplayNode().GetVisibility() for model in mine))

    def test_the_segmentation_may_have_left_the_scene(self) -> None:
        slicer.mrmlScene.RemoveNode(self.segmentation)
        self.assertEqual(len(self.place()), 3)

    def test_quality_is_shown_in_the_colors_of_the_report(self) -> None:
        (model,) = self.place(values=(LV,))
        show_quality([model], True)
        show_edges([model], True)
        display = model.GetDisplayNode()
        self.assertTrue(display.GetScalarVisibility())
        self.assertEqual(display.GetActiveScalarName(), QUALITY)
        self.assertEqual(display.GetScalarRange(), (0.0, 1.0))
        self.assertTrue(display.GetEdgeVisibility())
        colors = display.GetColorNode().GetColorTransferFunction()
        places = np.linspace(0.0, 1.0, 21)
        np.testing.assert_allclose([colors.GetColor(place) for place in places], quality_colors(places), atol=0.02)
        show_quality([model], False)
        self.assertFalse(display.GetScalarVisibility())

    def test_the_colors_of_quality_are_there_once(self) -> None:
        for place in ("/one", "/two"):
            show_quality(self.place(place), True)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLProceduralColorNode"),
                         self.default_color_nodes() + 1)

    @staticmethod
    def default_color_nodes() -> int:
        nodes = slicer.util.getNodesByClass("vtkMRMLProceduralColorNode")
        return sum("HeartSeg" not in node.GetName() for node in nodes)


if __name__ == "__main__":
    unittest.main()
