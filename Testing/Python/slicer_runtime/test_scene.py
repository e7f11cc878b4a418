"""The scene behaves as in Slicer, where the tests of the module rely on it."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import slicer
import vtk
from PIL import Image

import SlicerRuntime
from SlicerRuntime import rendering


def ball(name="CT"):
    z, y, x = np.indices((40, 40, 40)) - 20
    voxels = np.where(x * x + y * y + z * z < 144, 300, -100).astype(np.int16)
    volume = slicer.util.addVolumeFromArray(voxels, name=name)
    volume.CreateDefaultDisplayNodes()
    return volume


def segmented(volume):
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Heart")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation.GetSegmentation().AddEmptySegment("LV", "Left ventricle", (0.9, 0.2, 0.2))
    array = (slicer.util.arrayFromVolume(volume) > 0).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, "LV", volume)
    return segmentation


class SubjectHierarchyTest(unittest.TestCase):
    def children(self, item):
        tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        identifiers = vtk.vtkIdList()
        tree.GetItemChildren(item or tree.GetSceneItemID(), identifiers)
        return tree, [identifiers.GetId(index) for index in range(identifiers.GetNumberOfIds())]

    def test_new_nodes_and_their_segments_get_items(self):
        segmented(ball())
        tree, items = self.children(None)
        self.assertEqual([tree.GetItemName(item) for item in items], ["CT", "Heart"])
        _, segments = self.children(items[1])
        self.assertEqual([tree.GetItemName(item) for item in segments], ["Left ventricle"])

    def test_hidden_nodes_get_none_and_removed_ones_lose_theirs(self):
        volume = ball()
        hidden = slicer.vtkMRMLScalarVolumeNode()
        hidden.SetHideFromEditors(True)
        slicer.mrmlScene.AddNode(hidden)
        self.assertEqual(len(self.children(None)[1]), 1)
        slicer.mrmlScene.RemoveNode(volume)
        self.assertEqual(self.children(None)[1], [])


class FilesTest(unittest.TestCase):
    def test_a_scene_comes_back_from_a_bundle(self):
        segmented(ball())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scene.mrb"
            self.assertTrue(slicer.util.saveScene(str(path)))
            slicer.mrmlScene.Clear(False)
            slicer.util.loadScene(str(path))
        segmentation = slicer.util.getNode("Heart")
        self.assertEqual(list(segmentation.GetSegmentation().GetSegmentIDs()), ["LV"])

    def test_volumes_come_back_and_missing_files_fail(self):
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "ct.nrrd")
            slicer.util.saveNode(ball(), path)
            loaded = slicer.util.loadVolume(path)
            self.assertEqual(int(slicer.util.arrayFromVolume(loaded).max()), 300)
            with self.assertRaisesRegex(RuntimeError, "Failed to load"):
                slicer.util.loadVolume(str(Path(folder) / "none.nrrd"))


class SegmentEditorTest(unittest.TestCase):
    def test_undo_and_redo_bring_voxels_back(self):
        volume = ball()
        segmentation = segmented(volume)
        editor = slicer.qMRMLSegmentEditorWidget()
        editor.setMRMLScene(slicer.mrmlScene)
        editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(volume)
        before = int(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "LV", volume).sum())
        editor.saveStateForUndo()
        empty = np.zeros((40, 40, 40), np.uint8)
        empty[0, 0, 0] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(empty, segmentation, "LV", volume)
        editor.undo()
        self.assertEqual(int(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "LV", volume).sum()), before)
        editor.redo()
        self.assertEqual(int(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "LV", volume).sum()), 1)

    def test_effects_keep_their_parameters_in_the_node(self):
        editor = slicer.qMRMLSegmentEditorWidget()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        editor.setMRMLSegmentEditorNode(node)
        editor.setActiveEffectByName("Paint")
        editor.activeEffect().setParameter("BrushAbsoluteDiameter", 12)
        self.assertEqual(node.GetActiveEffectName(), "Paint")
        self.assertEqual(editor.effectByName("Paint").doubleParameter("BrushAbsoluteDiameter"), 12.0)


class NodeComboBoxTest(unittest.TestCase):
    def make(self):
        combo = slicer.qMRMLNodeComboBox()
        combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        combo.showChildNodeTypes = False
        combo.noneEnabled = True
        combo.setMRMLScene(slicer.mrmlScene)
        return combo

    def test_it_offers_nodes_of_its_types_and_follows_removal(self):
        combo, changes = self.make(), []
        combo.connect("currentNodeChanged(vtkMRMLNode*)", changes.append)
        volume = ball()
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        self.assertEqual((combo.nodeCount(), combo.currentNode()), (1, None))
        combo.setCurrentNode(volume)
        slicer.mrmlScene.RemoveNode(volume)
        self.assertEqual(changes, [volume, None])

    def test_attributes_filter(self):
        combo = self.make()
        combo.addAttribute("vtkMRMLScalarVolumeNode", "Kind", "CT")
        volume = ball()
        self.assertEqual(combo.nodeCount(), 0)
        volume.SetAttribute("Kind", "CT")
        combo.setMRMLScene(slicer.mrmlScene)
        self.assertEqual(combo.nodeCount(), 1)


class RenderingTest(unittest.TestCase):
    def test_views_show_the_segmentation(self):
        volume = ball()
        segmentation = segmented(volume)
        segmentation.CreateClosedSurfaceRepresentation()
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        with tempfile.TemporaryDirectory() as folder:
            for name, draw in (
                ("slice", lambda path: rendering.draw_slice("Red", path)),
                ("surface", rendering.draw_3d),
            ):
                path = Path(folder) / f"{name}.png"
                draw(path)
                pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
                red = (pixels[..., 0] > pixels[..., 1] + 60) & (pixels[..., 0] > pixels[..., 2] + 60)
                with self.subTest(view=name):
                    self.assertGreater(red.mean(), 0.001)


class PanelPictureTest(unittest.TestCase):
    def test_a_folded_box_is_as_high_as_its_header(self):
        module = SlicerRuntime.load_module(Path(__file__).parent / "example" / "ExampleModule.py")
        window = SlicerRuntime.show_module(module)
        self.addCleanup(SlicerRuntime.leave_module, window)
        ui = window.self().ui
        self.assertFalse(ui.inside.visible)
        self.assertLess(ui.advanced.height, 30)
        ui.advanced.collapsed = False
        SlicerRuntime.process_events()
        self.assertTrue(ui.inside.visible)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "panel.png"
            SlicerRuntime.screenshot(window, path)
            self.assertGreater(len(Image.open(path).convert("RGB").getcolors(1 << 20)), 10)
