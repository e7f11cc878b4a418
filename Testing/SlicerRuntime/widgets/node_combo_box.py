"""A stand-in for qMRMLNodeComboBox: it lists the nodes of the real scene."""

from __future__ import annotations

from typing import Any

import shiboken6
from PySide6 import QtWidgets
from PySide6.QtCore import Property, QObject, Signal

from .declaring import stands_for_cpp, stored

_CREATE, _DELETE, _RENAME = "create", "delete", "rename"


@stands_for_cpp
class _NodeFilter(QObject):
    """The selector's qMRMLSortFilterProxyModel, of which only the nodes that are never offered are kept."""

    def __init__(self, selector: Any) -> None:
        super().__init__(selector)
        self._selector = selector

    def _hiddenNodeIDs_changed(self, _ids: Any) -> None:
        self._selector._fill()

    hiddenNodeIDs = stored("hiddenNodeIDs", "QStringList", ())


@stands_for_cpp
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Chooses a node of the scene, or creates, renames or deletes one."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    currentNodeRenamed = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeEdited = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    _validity_changed = Signal(bool)
    cpp_signals = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "_validity_changed",
        "currentNodeIDChanged(QString)": "currentNodeIDChanged",
        "currentNodeRenamed(QString)": "currentNodeRenamed",
        "nodeActivated(vtkMRMLNode*)": "nodeActivated",
        "nodeAdded(vtkMRMLNode*)": "nodeAdded",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
        "nodeAboutToBeEdited(vtkMRMLNode*)": "nodeAboutToBeEdited",
        "nodeAboutToBeRemoved(vtkMRMLNode*)": "nodeAboutToBeRemoved",
    }
    nodeTypes = stored("nodeTypes", "QStringList", ())
    hideChildNodeTypes = stored("hideChildNodeTypes", "QStringList", ())
    showChildNodeTypes = stored("showChildNodeTypes", bool, True)
    showHidden = stored("showHidden", bool, False)
    noneEnabled = stored("noneEnabled", bool, False)
    noneDisplay = stored("noneDisplay", str, "None")
    addEnabled = stored("addEnabled", bool, True)
    removeEnabled = stored("removeEnabled", bool, True)
    renameEnabled = stored("renameEnabled", bool, False)
    editEnabled = stored("editEnabled", bool, False)
    selectNodeUponCreation = stored("selectNodeUponCreation", bool, True)
    baseName = stored("baseName", str, "")
    interactionNodeSingletonTag = stored("interactionNodeSingletonTag", str, "")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._combo = QtWidgets.QComboBox()
        self._combo.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        row.addWidget(self._combo)
        self._scene: Any = None
        self._observations: list[tuple[Any, int]] = []
        self._attributes: list[tuple[str, str, str | None]] = []
        self._labels: dict[str, str] = {}
        self._entries: list[tuple[str, str]] = []
        self._current = ""
        self._filter = _NodeFilter(self)
        self._combo.currentIndexChanged.connect(self._picked)

    def _refresh(self, *_: Any) -> None:
        self._fill()

    _nodeTypes_changed = _hideChildNodeTypes_changed = _showChildNodeTypes_changed = _refresh
    _showHidden_changed = _noneEnabled_changed = _noneDisplay_changed = _refresh
    _addEnabled_changed = _removeEnabled_changed = _renameEnabled_changed = _refresh

    def setMRMLScene(self, scene: Any) -> None:
        self._stop_observing()
        self._scene = scene
        if scene is not None:
            events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent, scene.EndCloseEvent)
            self._observations = [(scene, scene.AddObserver(event, self._scene_changed)) for event in events]
        self._fill()

    def mrmlScene(self) -> Any:
        return self._scene

    def _stop_observing(self) -> None:
        for source, tag in self._observations:
            source.RemoveObserver(tag)
        self._observations = []

    def _scene_changed(self, *_: Any) -> None:
        if not shiboken6.isValid(self):
            for source, tag in object.__getattribute__(self, "__dict__")["_observations"]:
                source.RemoveObserver(tag)
            return
        if not self._scene.IsBatchProcessing():
            self._fill()

    def _offers(self, node: Any) -> bool:
        if (node.GetHideFromEditors() and not self.showHidden) or node.GetID() in self._filter.hiddenNodeIDs:
            return False
        for kind in self.nodeTypes:
            exact = node.GetClassName() == kind
            if (exact or (self.showChildNodeTypes and node.IsA(kind))) and self._has_attributes(node, kind):
                return exact or not any(node.IsA(hidden) for hidden in self.hideChildNodeTypes)
        return False

    def _has_attributes(self, node: Any, kind: str) -> bool:
        for filtered, name, value in self._attributes:
            if filtered == kind:
                found = node.GetAttribute(name)
                if found is None or (value is not None and found != value):
                    return False
        return True

    def _actions(self) -> list[tuple[str, str]]:
        kind = self.nodeTypes[0] if self.nodeTypes else ""
        label = self.nodeTypeLabel(kind)
        current = self.currentNode()
        actions = [(_CREATE, f"Create new {label}")] if self.addEnabled else []
        if current is not None and self.renameEnabled:
            actions.append((_RENAME, f"Rename current {label}"))
        if current is not None and self.removeEnabled:
            actions.append((_DELETE, f"Delete current {label}"))
        return actions

    def _fill(self) -> None:
        count = self._scene.GetNumberOfNodes() if self._scene is not None else 0
        nodes = [self._scene.GetNthNode(index) for index in range(count)]
        offered = [(node.GetID(), node.GetName() or "") for node in nodes if self._offers(node)]
        identifiers = [identifier for identifier, _ in offered]
        current = self._current if self._current in identifiers else ""
        if not current and not self.noneEnabled and identifiers:
            current = identifiers[0]
        changed = current != self._current
        self._current = current
        none = [("", self.noneDisplay)] if self.noneEnabled and self._scene is not None else []
        self._entries = none + offered + (self._actions() if self._scene is not None else [])
        self._combo.blockSignals(True)
        self._combo.clear()
        for _, text in self._entries:
            self._combo.addItem(text)
        self._combo.setCurrentIndex(next((i for i, entry in enumerate(self._entries) if entry[0] == current), -1))
        self._combo.blockSignals(False)
        if changed:
            self._announce()

    def _announce(self) -> None:
        node = self.currentNode()
        self.currentNodeIDChanged.emit(self._current)
        self.currentNodeChanged.emit(node)
        self._validity_changed.emit(node is not None)

    def _select(self, identifier: str) -> None:
        if identifier not in [entry[0] for entry in self._entries]:
            identifier = ""
        changed = identifier != self._current
        self._current = identifier
        self._fill()
        if changed and self._current == identifier:
            self._announce()

    def _picked(self, index: int) -> None:
        if not 0 <= index < len(self._entries):
            return
        chosen = self._entries[index][0]
        if chosen == _CREATE:
            self._fill()
            self.addNode()
        elif chosen == _DELETE:
            self._fill()
            self.removeCurrentNode()
        elif chosen == _RENAME:
            self._fill()
            self.renameCurrentNode()
        else:
            self._select(chosen)
            self.nodeActivated.emit(self.currentNode())

    def addNode(self, kind: str = "") -> None:
        kind = kind or self.nodeTypes[0]
        name = self.baseName or self.nodeTypeLabel(kind)
        node = self._scene.AddNewNodeByClass(kind, self._scene.GenerateUniqueName(name))
        for filtered, attribute, value in self._attributes:
            if filtered == kind:
                node.SetAttribute(attribute, value or "")
        self._fill()
        if self.selectNodeUponCreation:
            self._select(node.GetID())
        self.nodeAdded.emit(node)
        self.nodeAddedByUser.emit(node)

    def removeCurrentNode(self) -> None:
        node = self.currentNode()
        self.nodeAboutToBeRemoved.emit(node)
        self._scene.RemoveNode(node)

    def renameCurrentNode(self) -> None:
        node = self.currentNode()
        name = QtWidgets.QInputDialog.getText(self, f"Rename {node.GetName()}", "New name:")
        if name:
            node.SetName(name)
            self._fill()
            self.currentNodeRenamed.emit(name)

    def editCurrentNode(self) -> None:
        self.nodeAboutToBeEdited.emit(self.currentNode())

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._current) if self._scene is not None and self._current else None

    def setCurrentNode(self, node: Any) -> None:
        self._select(node if isinstance(node, str) else node.GetID() if node is not None else "")

    def setCurrentNodeID(self, identifier: str | None) -> None:
        self._select(identifier or "")

    def setCurrentNodeIndex(self, index: int) -> None:
        node = self.nodeFromIndex(index)
        self._select(node.GetID() if node is not None else "")

    def currentNodeId(self) -> str:
        return self._current

    def nodeCount(self) -> int:
        return len(self._node_ids())

    def _node_ids(self) -> list[str]:
        return [entry[0] for entry in self._entries if entry[0] not in ("", _CREATE, _DELETE, _RENAME)]

    def nodeFromIndex(self, index: int) -> Any:
        identifiers = self._node_ids()
        return self._scene.GetNodeByID(identifiers[index]) if 0 <= index < len(identifiers) else None

    def sortFilterProxyModel(self) -> _NodeFilter:
        return self._filter

    def addAttribute(self, kind: str, name: str, value: str | None = None) -> None:
        self._attributes.append((kind, name, value))
        self._fill()

    def removeAttribute(self, kind: str, name: str) -> None:
        self._attributes = [entry for entry in self._attributes if entry[:2] != (kind, name)]
        self._fill()

    def nodeTypeLabel(self, kind: str) -> str:
        if kind in self._labels or not kind:
            return self._labels.get(kind, "Node")
        return str(kind).removeprefix("vtkMRML").removesuffix("Node")

    def setNodeTypeLabel(self, label: str, kind: str) -> None:
        self._labels[kind] = label
        self._fill()

    currentNodeID = Property(str, lambda self: self._current, lambda self, value: self._select(value or ""))
