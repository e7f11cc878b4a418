"""Puts new nodes into the subject hierarchy, as Slicer's plugins (which are part of its Qt side) do."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

_EXCLUDED = "SubjectHierarchy.ExcludeFromTree"
_OWNED = (
    "vtkMRMLVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLModelNode",
    "vtkMRMLTransformNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLSequenceNode",
    "vtkMRMLSequenceBrowserNode",
)


class SubjectHierarchy:
    """Observes the scene and keeps an item for every node that has a place in the tree."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self._segmentations: dict[str, int] = {}
        for event, method in (
            (scene.NodeAddedEvent, self._added),
            (scene.NodeAboutToBeRemovedEvent, self._removed),
        ):
            scene.AddObserver(event, _with_node(method))
        scene.AddObserver(scene.EndImportEvent, self._imported)
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)

    @property
    def node(self) -> Any:
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)

    def _belongs(self, node: Any) -> bool:
        if node.GetHideFromEditors() or node.GetAttribute(_EXCLUDED):
            return False
        return any(node.IsA(kind) for kind in _OWNED)

    def _added(self, node: Any) -> None:
        if self.scene.IsImporting() or not self._belongs(node) or self.node.GetItemByDataNode(node):
            return
        self.node.CreateItem(self.node.GetSceneItemID(), node)
        self._follow(node)

    def _follow(self, node: Any) -> None:
        if not node.IsA("vtkMRMLSegmentationNode"):
            return
        for event in (
            slicer.vtkSegmentation.SegmentAdded,
            slicer.vtkSegmentation.SegmentRemoved,
            slicer.vtkSegmentation.SegmentModified,
        ):
            node.AddObserver(event, lambda caller, _: self._list_segments(caller))
        self._list_segments(node)

    def _list_segments(self, segmentation: Any) -> None:
        """Segments are shown below their segmentation: one item each, with the segment's id as an attribute."""
        tree = self.node
        parent = tree.GetItemByDataNode(segmentation)
        if not parent:
            return
        children = vtk.vtkIdList()
        tree.GetItemChildren(parent, children)
        items = [children.GetId(index) for index in range(children.GetNumberOfIds())]
        listed = {tree.GetItemAttribute(item, "segmentID"): item for item in items}
        present = list(segmentation.GetSegmentation().GetSegmentIDs())
        for identifier, item in listed.items():
            if identifier and identifier not in present:
                tree.RemoveItem(item)
        for identifier in present:
            # A segment that an undo brings back is added before it gets its name.
            name = segmentation.GetSegmentation().GetSegment(identifier).GetName() or identifier
            if identifier in listed:
                tree.SetItemName(listed[identifier], name)
                continue
            item = tree.CreateHierarchyItem(parent, name, "Segments")
            tree.SetItemAttribute(item, "segmentID", identifier)

    def _removed(self, node: Any) -> None:
        if self.scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        item = self.node.GetItemByDataNode(node)
        if item:
            self.node.RemoveItem(item, False, False)

    def _imported(self, *_: Any) -> None:
        for index in range(self.scene.GetNumberOfNodes()):
            node = self.scene.GetNthNode(index)
            if self._belongs(node):
                if not self.node.GetItemByDataNode(node):
                    self.node.CreateItem(self.node.GetSceneItemID(), node)
                self._follow(node)


def _with_node(method: Any) -> Any:
    @vtk.calldata_type(vtk.VTK_OBJECT)
    def observed(_caller: Any, _event: Any, node: Any) -> None:
        method(node)

    return observed
