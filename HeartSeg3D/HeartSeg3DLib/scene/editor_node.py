"""The Segment Editor's settings of this module, apart from those of Slicer's own Segment Editor module."""

from __future__ import annotations

from typing import Any

import slicer

SINGLETON_TAG = "HeartSeg3D"
_CLASS = "vtkMRMLSegmentEditorNode"


def segment_editor_node() -> Any:
    """Return the scene's vtkMRMLSegmentEditorNode of this module; it is made if there is none."""
    node = slicer.mrmlScene.GetSingletonNode(SINGLETON_TAG, _CLASS)
    if node is None:
        created = slicer.mrmlScene.CreateNodeByClass(_CLASS)
        created.UnRegister(None)
        created.SetSingletonTag(SINGLETON_TAG)
        node = slicer.mrmlScene.AddNode(created)
    return node
