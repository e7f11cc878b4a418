"""What a mesh is made from: the shown segments in the world, overlaps decided, nothing left out in silence."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from numpy.typing import NDArray

from cines import TOPS, a_beating_result, phase_labels
from hearts import SHAPE, a_segmentation, box_heart, labelmap
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import CancelledError, InputError
from HeartSeg3DLib.scene.mesh_labels import MeshLabels
from HeartSeg3DLib.scene.segment_voxels import BINARY
from HeartSeg3DLib.scene.sequence_result import select_phase
from HeartSeg3DLib.scene.vtk_arrays import transformed
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSeg3DLib.worker.scan_folder import ScanDescription
from scans import matrix_of

LV, MYO, RV = (BY_ID[id].value for id in ("LV", "MYO", "RV"))


def ball(spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> NDArray[np.uint8]:
    """A ball of 12 mm with another one in it, in the middle of a box of 48 mm."""
    z, y, x = ((np.arange(round(48 / step)) + 0.5) * step - 24 for step in spacing[::-1])
    distance = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x ** 2)
    return np.where(distance < 7, LV, np.where(distance < 12, MYO, 0)).astype(np.uint8)


def add_segment(node: Any, name: str, mask: NDArray[np.bool_], spacing: tuple[float, float, float] = (1, 1, 1),
                start: tuple[int, int, int] = (0, 0, 0)) -> None:
    """Add a segment with voxels of its own, as another program makes it."""
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetLabelValue(1)
    segment.AddRepresentation(BINARY, labelmap(mask.astype(np.uint8), spacing, start))
    node.GetSegmentation().AddSegment(segment)


class MeshLabelsTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.workspace = Workspace(Path(self.enterContext(tempfile.TemporaryDirectory())))

    def written(self, segmentation: Any, walls_mm: float = 0.0) -> tuple[sitk.Image, list[str]]:
        labels = MeshLabels(segmentation, walls_mm)
        labels.write(self.workspace, lambda: False)
        return ScanDescription.read(self.workspace.folder).load_frame(self.workspace.folder, 0), labels.sentences

    @staticmethod
    def put_under(segmentation: Any, matrix: NDArray[np.float64]) -> Any:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        transform.SetMatrixTransformToParent(matrix_of(matrix))
        segmentation.SetAndObserveTransformNodeID(transform.GetID())
        return transform

    def test_the_label_map_is_that_of_the_segments_where_they_are(self) -> None:
        image, said = self.written(a_segmentation(spacing=(1.5, 1.0, 2.0)))
        for z, y, x in ((8, 12, 24), (4, 6, 18), (8, 8, 8), (16, 8, 20), (1, 1, 1)):
            here = image.TransformPhysicalPointToIndex((-1.5 * x, -1.0 * y, 2.0 * z))  # RAS of Slicer to LPS
            self.assertEqual(image[here], box_heart()[z, y, x])
        self.assertEqual(image.GetSpacing(), (1.5, 1.0, 2.0))
        self.assertEqual(said, [])

    def test_there_is_room_for_walls_and_none_beyond_the_scan(self) -> None:
        image, _said = self.written(a_segmentation(), walls_mm=2.0)
        voxels = sitk.GetArrayFromImage(image)
        room = [(int(places.min()), size - 1 - int(places.max()))
                for places, size in zip(np.nonzero(voxels), voxels.shape, strict=True)]
        self.assertEqual(room, [(3, 4), (5, 7), (5, 4)])  # the box heart's distance to the border, at most 7
        reference, _said = self.written(a_segmentation(reference=(80, 80, 80)), walls_mm=2.0)
        self.assertEqual(min(reference.GetSize()), SHAPE[0] - 4 + 7)

    def test_a_segment_at_the_border_of_the_scan_is_at_the_border_of_the_label_map(self) -> None:
        labels = np.zeros(SHAPE, np.uint8)
        labels[10:, 8:20, 8:20] = LV
        voxels = sitk.GetArrayFromImage(self.written(a_segmentation(labels, ["LV"]))[0])
        self.assertTrue((voxels[-1] == LV).any())
        self.assertFalse((voxels[0] == LV).any())

    def test_a_finer_lattice_than_the_scan_s_ends_at_its_border_too(self) -> None:
        node = a_segmentation(np.zeros(SHAPE, np.uint8), [])
        fine = np.zeros((48, 60, 72), bool)
        fine[30:, 20:40, 20:40] = True
        add_segment(node, "LV", fine, (0.5, 0.5, 0.5))
        fine_image = node.GetSegmentation().GetNthSegment(0).GetRepresentation(BINARY)
        fine_image.SetOrigin(-0.25, -0.25, -0.25)
        voxels = sitk.GetArrayFromImage(self.written(node)[0])
        self.assertTrue((voxels[-1] == LV).any())
        self.assertEqual((voxels == LV).sum(), fine.sum())

    def test_unknown_segments_are_named_and_without_any_known_one_there_is_no_mesh(self) -> None:
        node = a_segmentation()
        add_segment(node, "Lung", np.ones(SHAPE, bool))
        image, said = self.written(node)
        self.assertNotIn(1, np.unique(sitk.GetArrayFromImage(image))[BY_ID["RA"].value:])
        self.assertEqual(len(said), 1)
        self.assertIn("Lung", said[0])
        for id in list(node.GetSegmentation().GetSegmentIDs())[:5]:
            node.GetSegmentation().RemoveSegment(id)
        with self.assertRaisesRegex(InputError, "Lung"):
            MeshLabels(node)
        node.GetSegmentation().RemoveAllSegments()
        with self.assertRaisesRegex(InputError, "empty"):
            MeshLabels(node)

    def test_where_segments_overlap_the_later_one_stays_and_it_is_told(self) -> None:
        node = a_segmentation(ids=["LV"])
        mask = np.zeros(SHAPE, bool)
        mask[10:20, 8:17, 19:29] = True  # the upper half of the cavity and more
        add_segment(node, "Left atrium", mask, start=(0, 0, 0))
        image, said = self.written(node)
        voxels = sitk.GetArrayFromImage(image)
        self.assertEqual((voxels == BY_ID["LA"].value).sum(), mask.sum())
        shared = (mask & (box_heart() == LV)).sum()
        self.assertEqual((voxels == LV).sum(), (box_heart() == LV).sum() - shared)
        self.assertEqual(said, [f"Left ventricle cavity and Left atrium overlap by {shared / 1000:.1f} mL, which Left "
                                "atrium keeps: it is the later one in the list."])

    def test_two_segments_of_one_structure_are_joined_and_it_is_told(self) -> None:
        node = a_segmentation(ids=["LV"])
        mask = np.zeros(SHAPE, bool)
        mask[18:22, 8:12, 8:12] = True
        add_segment(node, "Left ventricle", mask)
        image, said = self.written(node)
        self.assertEqual((sitk.GetArrayFromImage(image) == LV).sum(), (box_heart() == LV).sum() + mask.sum())
        self.assertIn("are joined", said[0])

    def test_segments_on_other_lattices_are_brought_to_the_finest(self) -> None:
        node = a_segmentation(ids=["LV"])
        coarse = np.zeros((12, 15, 18), bool)
        coarse[2:5, 3:6, 3:6] = True
        add_segment(node, "RV", coarse, (2.0, 2.0, 2.0))
        image, _said = self.written(node)
        self.assertEqual(image.GetSpacing(), (1.0, 1.0, 1.0))
        self.assertAlmostEqual((sitk.GetArrayFromImage(image) == RV).sum(), 8 * coarse.sum(), delta=40)

    def test_a_segmentation_of_surfaces_is_meshed_too(self) -> None:
        sphere = vtk.vtkSphereSource()
        sphere.SetRadius(12.0)
        sphere.SetPhiResolution(60)
        sphere.SetThetaResolution(60)
        sphere.Update()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "from a file")
        node.GetSegmentation().SetSourceRepresentationName("Closed surface")
        segment = slicer.vtkSegment()
        segment.SetName("Left ventricle")
        segment.AddRepresentation("Closed surface", sphere.GetOutput())
        node.GetSegmentation().AddSegment(segment)
        image, _said = self.written(node)
        volume = (sitk.GetArrayFromImage(image) == LV).sum() * np.prod(image.GetSpacing())
        self.assertAlmostEqual(volume / (4 / 3 * np.pi * 12**3), 1.0, delta=0.03)
        self.assertEqual(node.GetSegmentation().GetSourceRepresentationName(), "Closed surface")

    def test_of_a_sequence_the_phase_that_is_shown_is_meshed(self) -> None:
        heart = a_beating_result()
        for phase in (0, 2):
            select_phase(heart, phase)
            voxels = sitk.GetArrayFromImage(self.written(heart)[0])
            self.assertEqual((voxels == LV).sum(), (phase_labels(TOPS[phase]) == LV).sum())

    def test_a_rigid_or_scaling_transform_is_in_the_grid_and_no_voxel_changes(self) -> None:
        node = a_segmentation()
        turned = np.eye(4)
        turned[:3, :3] = [[0, -1.2, 0], [1.2, 0, 0], [0, 0, -1.2]]  # turned, enlarged and mirrored
        turned[:3, 3] = 40.0, -7.0, 3.0
        self.put_under(node, turned)
        image, _said = self.written(node)
        counts = np.bincount(sitk.GetArrayFromImage(image).ravel(), minlength=6)[1:6]
        np.testing.assert_array_equal(counts, np.bincount(box_heart().ravel(), minlength=6)[1:6])
        right, front, top = (turned @ (24, 12, 8, 1))[:3]
        self.assertEqual(image[image.TransformPhysicalPointToIndex((-right, -front, top))], LV)
        np.testing.assert_allclose(image.GetSpacing(), 1.2)

    def test_a_shearing_transform_is_sampled_on_a_regular_grid(self) -> None:
        node = a_segmentation(ball(), ["LV", "MYO"], reference=(48, 48, 48))
        sheared = np.eye(4)
        sheared[0, 1], sheared[:3, 3] = 0.3, (5.0, -80.0, 12.0)
        self.put_under(node, sheared)
        image, _said = self.written(node)
        self.assertEqual(image.GetDirection(), (1, 0, 0, 0, 1, 0, 0, 0, 1))
        self.assert_volumes(image, ball())
        self.assert_where_the_transform_takes_it(node, image)

    def test_a_bending_transform_is_sampled_on_a_regular_grid(self) -> None:
        for to_parent in (True, False):
            with self.subTest(to_parent=to_parent):
                node = a_segmentation(ball(), ["LV", "MYO"], reference=(48, 48, 48))
                transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode")
                place = transform.SetAndObserveTransformToParent if to_parent else \
                    transform.SetAndObserveTransformFromParent
                place(waves())
                node.SetAndObserveTransformNodeID(transform.GetID())
                self.assert_where_the_transform_takes_it(node, self.written(node)[0])

    def assert_volumes(self, image: sitk.Image, expected: NDArray[np.uint8]) -> None:
        voxels, size = sitk.GetArrayFromImage(image), np.prod(image.GetSpacing())
        for value in (LV, MYO):
            self.assertAlmostEqual((voxels == value).sum() * size / (expected == value).sum(), 1.0, delta=0.02)

    def assert_where_the_transform_takes_it(self, node: Any, image: sitk.Image) -> None:
        """Look up every other voxel of the ball through the exact transform: hardly one may be another."""
        z, y, x = np.indices(image.GetSize()[::-1])[:, ::2, ::2, ::2].reshape(3, -1)
        lps = np.stack([x, y, z], axis=1) * image.GetSpacing() + image.GetOrigin()
        from_world = vtk.vtkGeneralTransform()
        node.GetParentTransformNode().GetTransformFromWorld(from_world)
        i, j, k = np.floor(transformed(from_world, lps * (-1, -1, 1)) + 0.5).astype(int).T
        inside = ((i >= 0) & (j >= 0) & (k >= 0) & (i < 48) & (j < 48) & (k < 48))
        expected = np.zeros(len(x), int)
        expected[inside] = ball()[k[inside], j[inside], i[inside]]
        found = sitk.GetArrayFromImage(image)[z, y, x]
        self.assertGreater(np.count_nonzero(expected), 500)
        share = np.count_nonzero(found != expected) / np.count_nonzero(expected)
        self.assertLess(share, 0.02)

    def test_cancelling_stops_between_slices(self) -> None:
        node = a_segmentation(ball(), ["LV", "MYO"])
        sheared = np.eye(4)
        sheared[0, 1] = 0.3
        self.put_under(node, sheared)
        with self.assertRaises(CancelledError):
            MeshLabels(node).write(self.workspace, lambda: True)


def waves(amplitude: float = 4.0, wave: float = 60.0) -> Any:
    """A grid transform of smooth waves around the ball."""
    size, step = 15, 6.0
    first = 24 - step * (size - 1) / 2
    places = np.stack(np.meshgrid(*[first + step * np.arange(size)] * 3, indexing="ij")[::-1], axis=-1)
    shift = amplitude * np.sin(2 * np.pi * np.roll(places, 1, axis=-1) / wave)
    image = vtk.vtkImageData()
    image.SetDimensions(size, size, size)
    image.SetOrigin(first, first, first)
    image.SetSpacing(step, step, step)
    image.AllocateScalars(vtk.VTK_DOUBLE, 3)
    vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())[:] = shift.reshape(-1, 3)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(image)
    return transform


if __name__ == "__main__":
    unittest.main()
