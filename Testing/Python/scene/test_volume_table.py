"""Volumes are those of the structures as they lie in the world."""

from __future__ import annotations

import dataclasses
import unittest
from typing import Any

import numpy as np
import slicer
import vtk

from HeartSeg3DLib.scene import volume_table
from HeartSeg3DLib.scene.segmentation_result import place_frame
from HeartSeg3DLib.scene.volumes import scan_of
from scans import OBLIQUE, a_frame, a_volume, labels_in_box

VOXEL_ML = abs(np.linalg.det(OBLIQUE[:3, :3])) / 1000.0


def expected(factor: float = 1.0) -> dict[str, float]:
    labels = labels_in_box()
    return {id: float(np.count_nonzero(labels == value)) * VOXEL_ML * factor
            for id, value in (("LV", 1), ("MYO", 2), ("RV", 3))}


def stretching_transform(amount: float) -> Any:
    """A grid transform, to the world, whose x grows by (1 + amount x / 50 mm) and is linear inside its cells."""
    size, step = 41, 5.0
    first = -100.0
    places = first + step * np.arange(size)
    grid = vtk.vtkImageData()
    grid.SetDimensions(size, size, size)
    grid.SetOrigin(first, first, first)
    grid.SetSpacing(step, step, step)
    grid.AllocateScalars(vtk.VTK_DOUBLE, 3)
    shift = np.zeros((size, size, size, 3))
    shift[..., 0] = amount * places**2 / 100.0
    vtk.util.numpy_support.vtk_to_numpy(grid.GetPointData().GetScalars())[:] = shift.reshape(-1, 3)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(grid)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    node.SetAndObserveTransformToParent(transform)
    return node


class VolumeTableTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.result = place_frame(scan_of(a_volume()), a_frame())

    def assert_volumes(self, wanted: dict[str, float], relative: float = 1e-9) -> None:
        found = volume_table.volumes(self.result)
        self.assertEqual(set(found), set(wanted))
        for id, milliliters in wanted.items():
            self.assertLess(abs(found[id] / milliliters - 1), relative, id)

    def under(self, matrix: Any) -> None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        slicer.util.updateTransformMatrixFromArray(node, np.asarray(matrix, float))
        self.result.SetAndObserveTransformNodeID(node.GetID())

    def test_without_a_transform(self) -> None:
        self.assert_volumes(expected())

    def test_a_rigid_transform_changes_nothing(self) -> None:
        self.under([[0, -1, 0, 5], [1, 0, 0, -7], [0, 0, 1, 2.5], [0, 0, 0, 1]])
        self.assert_volumes(expected())

    def test_scaling_and_mirroring_count_by_their_determinant(self) -> None:
        self.under(np.diag([-1.1, 0.9, 1.3, 1]))
        self.assert_volumes(expected(1.1 * 0.9 * 1.3))

    def test_a_grid_transform_counts_by_the_stretch_at_each_place(self) -> None:
        self.result.SetAndObserveTransformNodeID(stretching_transform(0.4).GetID())
        labels = labels_in_box()
        wanted = {}
        for id, value in (("LV", 1), ("MYO", 2), ("RV", 3)):
            z, y, x = np.nonzero(labels == value)
            places = OBLIQUE[0, :3] @ (x + 6, y + 5, z + 4) + OBLIQUE[0, 3]
            wanted[id] = float((1 + 0.4 * places / 50.0).sum()) * VOXEL_ML
        self.assertGreater(max(abs(wanted[id] / expected()[id] - 1) for id in wanted), 0.05)
        self.assert_volumes(wanted, relative=0.005)

    def test_a_grid_transform_without_a_shift_changes_nothing(self) -> None:
        self.result.SetAndObserveTransformNodeID(stretching_transform(0.0).GetID())
        self.assert_volumes(expected(), relative=1e-6)

    def test_a_segment_without_voxels_has_no_volume(self) -> None:
        self.result.GetSegmentation().AddEmptySegment("PA", "PA")
        self.assertEqual(volume_table.volumes(self.result)["PA"], 0.0)

    def test_a_segment_that_overlaps_others_is_counted_too(self) -> None:
        volume = volume_table.source_volume(self.result)
        voxels = np.ones(slicer.util.arrayFromVolume(volume).shape, np.uint8)
        self.result.GetSegmentation().AddEmptySegment("all", "all")
        slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, self.result, "all", volume)
        self.assert_volumes({**expected(), "all": voxels.size * VOXEL_ML})

    def told(self, **changes: float) -> Any:
        """A result whose volumes the child has told, a little other than they are so that a count would show."""
        frame = dataclasses.replace(a_frame(), volumes_ml={**expected(1.5), **changes})
        return place_frame(scan_of(volume_table.source_volume(self.result)), frame)

    def test_what_the_child_has_counted_is_not_counted_again_until_it_changes(self) -> None:
        self.result = self.told()
        self.assert_volumes(expected(1.5))
        self.under(np.diag([2, 1, 1, 1]))
        self.assert_volumes(expected(2.0))
        self.result.SetAndObserveTransformNodeID(None)
        labelmap = self.result.GetSegmentation().GetSegment("LV").GetRepresentation("Binary labelmap")
        labelmap.Modified()
        self.assert_volumes(expected())

    def test_what_the_child_has_counted_follows_a_linear_transform_of_the_scan_and_no_other(self) -> None:
        volume = volume_table.source_volume(self.result)
        self.under(np.diag([-1.1, 0.9, 1.3, 1]))
        volume.SetAndObserveTransformNodeID(self.result.GetTransformNodeID())
        self.result = self.told()
        self.assert_volumes(expected(1.5 * 1.1 * 0.9 * 1.3))
        volume.SetAndObserveTransformNodeID(stretching_transform(0.0).GetID())
        self.result = self.told()
        self.assert_volumes(expected(), relative=1e-6)

    def test_a_structure_that_the_child_did_not_tell_of_is_counted(self) -> None:
        frame = dataclasses.replace(a_frame(), volumes_ml={"LV": 1.0})
        self.result = place_frame(scan_of(volume_table.source_volume(self.result)), frame)
        self.assert_volumes(expected())

    def test_the_table_is_made_once_and_says_what_is_measured(self) -> None:
        table = volume_table.update_table(self.result)
        self.assertIs(volume_table.update_table(self.result), table)
        self.assertEqual([table.GetColumnName(column) for column in range(table.GetNumberOfColumns())],
                         ["Structure", "Id", "Volume (mL)", "Mass (g)"])
        row = [table.GetCellText(1, column) for column in range(4)]
        self.assertEqual(row[:2], ["Left ventricle myocardium", "MYO"])
        self.assertAlmostEqual(float(row[2]), expected()["MYO"], places=2)
        self.assertAlmostEqual(float(row[3]), expected()["MYO"] * 1.05, places=1)
