"""Loading and saving through storage nodes, in the place of Slicer's file manager, which slicer-core does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

_KINDS = {
    "VolumeFile": ("vtkMRMLScalarVolumeNode", "vtkMRMLVolumeArchetypeStorageNode"),
    "LabelMapFile": ("vtkMRMLLabelMapVolumeNode", "vtkMRMLVolumeArchetypeStorageNode"),
    "SegmentationFile": ("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode"),
    "SequenceFile": ("vtkMRMLSequenceNode", "vtkMRMLVolumeSequenceStorageNode"),
    "ModelFile": ("vtkMRMLModelNode", "vtkMRMLModelStorageNode"),
    "TransformFile": ("vtkMRMLTransformNode", "vtkMRMLTransformStorageNode"),
    "TableFile": ("vtkMRMLTableNode", "vtkMRMLTableStorageNode"),
}


def load_node(filename: Any, filetype: str | None = None, properties: Any = None, returnNode: bool = False) -> Any:
    """``slicer.util.loadNodeFromFile`` for the file types that a storage node reads alone."""
    properties = properties or {}
    if filetype == "VolumeFile" and properties.get("labelmap"):
        filetype = "LabelMapFile"
    if filetype == "SceneFile":
        return _load_scene(str(filename))
    node_class, storage_class = _KINDS[filetype or "VolumeFile"]
    path = Path(filename).absolute()
    name = properties.get("name") or path.name.split(".")[0]
    node = slicer.mrmlScene.AddNewNodeByClass(node_class, slicer.mrmlScene.GenerateUniqueName(name))
    storage = slicer.mrmlScene.AddNewNodeByClass(storage_class)
    storage.SetFileName(str(path))
    if not path.exists() or not storage.ReadData(node):
        slicer.mrmlScene.RemoveNode(storage)
        slicer.mrmlScene.RemoveNode(node)
        raise RuntimeError(f"Failed to load node from file: {filename}")
    node.SetAndObserveStorageNodeID(storage.GetID())
    if hasattr(node, "CreateDefaultDisplayNodes"):
        node.CreateDefaultDisplayNodes()
    if filetype == "VolumeFile" and properties.get("show", True):
        slicer.util.setSliceViewerLayers(background=node, fit=True)
    return (True, node) if returnNode else node


def _load_scene(filename: str) -> bool:
    scene = slicer.mrmlScene
    if filename.endswith(".mrb"):
        loaded = scene.ReadFromMRB(filename, False)
    else:
        scene.SetURL(filename)
        loaded = scene.Import()
    if not loaded:
        raise RuntimeError(f"Failed to load scene from file: {filename}")
    return True


def load_scene(filename: Any, properties: Any = None) -> bool:
    """``slicer.util.loadScene``."""
    return _load_scene(str(Path(filename).absolute()))


def save_scene(filename: Any, properties: Any = None) -> bool:
    """``slicer.util.saveScene``."""
    path = str(Path(filename).absolute())
    if path.endswith(".mrb"):
        return bool(slicer.mrmlScene.WriteToMRB(path))
    return bool(slicer.mrmlScene.Commit(path))


def save_node(node: Any, filename: Any, properties: Any = None) -> bool:
    """``slicer.util.saveNode``; raises as Slicer does where the file cannot be written."""
    node.AddDefaultStorageNode()
    storage = node.GetStorageNode()
    storage.SetFileName(str(Path(filename).absolute()))
    if not storage.WriteData(node):
        raise RuntimeError(f"Failed to save node to file: {filename}")
    return True


def adapt() -> None:
    """Put these functions in the place of those of ``slicer.util``."""
    slicer.util.loadNodeFromFile = load_node
    slicer.util.loadScene = load_scene
    slicer.util.saveScene = save_scene
    slicer.util.saveNode = save_node
    slicer.util.exportNode = save_node
