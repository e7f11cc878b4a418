"""A stand-in for qMRMLSegmentEditorWidget over the real parameter node, logic and undo history."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, QObject, Signal

from .declaring import stands_for_cpp, stored
from .mrml_basics import qMRMLWidget
from .segments_table import qMRMLSegmentsTableView

EFFECTS = (
    "Threshold",
    "Paint",
    "Draw",
    "Erase",
    "Level tracing",
    "Grow from seeds",
    "Fill between slices",
    "Margin",
    "Hollow",
    "Smoothing",
    "Scissors",
    "Islands",
    "Logical operators",
    "Mask volume",
)


@stands_for_cpp
class qSlicerSegmentEditorAbstractEffect(QObject):
    """A tool; its parameters are kept in the parameter node, as in Slicer, and it edits nothing."""

    def __init__(self, name: str, editor: Any) -> None:
        super().__init__()
        self._name, self._editor = name, editor

    def parameterSetNode(self) -> Any:
        return self._editor.mrmlSegmentEditorNode()

    def parameter(self, name: str) -> str:
        return self.parameterSetNode().GetAttribute(f"{self._name}.{name}") or ""

    def integerParameter(self, name: str) -> int:
        return int(self.parameter(name) or 0)

    def doubleParameter(self, name: str) -> float:
        return float(self.parameter(name) or 0)

    def parameterDefined(self, name: str) -> bool:
        return self.parameterSetNode().GetAttribute(f"{self._name}.{name}") is not None

    def setParameter(self, name: str, value: Any) -> None:
        self.parameterSetNode().SetAttribute(f"{self._name}.{name}", str(value))

    def setCommonParameter(self, name: str, value: Any) -> None:
        self.parameterSetNode().SetAttribute(name, str(value))

    def saveStateForUndo(self) -> None:
        self._editor.saveStateForUndo()

    def updateGUIFromMRML(self) -> None:
        """It has no options to show."""

    name = Property(str, lambda self: self._name)
    title = Property(str, lambda self: self._name)


@stands_for_cpp
class ctkExpandableWidget(QtWidgets.QFrame):
    """The frame of the table, which a grip makes taller."""


@stands_for_cpp
class qMRMLSegmentEditorWidget(qMRMLWidget):
    """The Segment Editor: table of segments, effects, undo and redo; masking through the real parameter node."""

    currentSegmentIDChanged = Signal(str)
    segmentationNodeChanged = Signal(object)
    sourceVolumeNodeChanged = Signal(object)
    masterVolumeNodeChanged = Signal(object)
    cpp_signals = {
        "currentSegmentIDChanged(QString)": "currentSegmentIDChanged",
        "segmentationNodeChanged(vtkMRMLSegmentationNode*)": "segmentationNodeChanged",
        "sourceVolumeNodeChanged(vtkMRMLVolumeNode*)": "sourceVolumeNodeChanged",
        "masterVolumeNodeChanged(vtkMRMLVolumeNode*)": "masterVolumeNodeChanged",
    }
    segmentationNodeSelectorVisible = stored("segmentationNodeSelectorVisible", bool, True)
    sourceVolumeNodeSelectorVisible = stored("sourceVolumeNodeSelectorVisible", bool, True)
    masterVolumeNodeSelectorVisible = stored("masterVolumeNodeSelectorVisible", bool, True)
    switchToSegmentationsButtonVisible = stored("switchToSegmentationsButtonVisible", bool, True)
    addRemoveSegmentButtonsVisible = stored("addRemoveSegmentButtonsVisible", bool, True)
    show3DButtonVisible = stored("show3DButtonVisible", bool, True)
    specifyGeometryButtonVisible = stored("specifyGeometryButtonVisible", bool, True)
    maskingSectionVisible = stored("maskingSectionVisible", bool, True)
    unorderedEffectsVisible = stored("unorderedEffectsVisible", bool, True)
    jumpToSelectedSegmentEnabled = stored("jumpToSelectedSegmentEnabled", bool, False)
    autoShowSourceVolumeNode = stored("autoShowSourceVolumeNode", bool, True)
    autoShowMasterVolumeNode = stored("autoShowMasterVolumeNode", bool, True)
    readOnly = stored("readOnly", bool, False)
    effectColumnCount = stored("effectColumnCount", int, 2)
    effectButtonStyle = stored("effectButtonStyle", object, QtCore.Qt.ToolButtonIconOnly)
    defaultTerminologyEntry = stored("defaultTerminologyEntry", str, "")
    defaultTerminologyEntrySettingsKey = stored("defaultTerminologyEntrySettingsKey", str, "")
    maximumNumberOfUndoStates = stored("maximumNumberOfUndoStates", int, 10)
    undoEnabled = stored("undoEnabled", bool, True)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._node: Any = None
        self._active: qSlicerSegmentEditorAbstractEffect | None = None
        self._order: tuple[str, ...] = ()
        self._effects = {name: qSlicerSegmentEditorAbstractEffect(name, self) for name in EFFECTS}
        self._history = slicer.vtkSegmentationHistory()
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetSegmentationHistory(self._history)
        self._shortcuts: list[QtGui.QShortcut] = []
        self._last: tuple[Any, Any, str] = (None, None, "")
        self._build()

    def _build(self) -> None:
        box = QtWidgets.QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        self._table = qMRMLSegmentsTableView()
        self._table.setMaximumHeight(140)
        frame = ctkExpandableWidget(self)
        QtWidgets.QVBoxLayout(frame).addWidget(self._table)
        box.addWidget(frame)
        self._grid = QtWidgets.QGridLayout()
        self._grid.setSpacing(2)
        box.addLayout(self._grid)
        row = QtWidgets.QHBoxLayout()
        self._undo_button, self._redo_button = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        for button, text, action in (
            (self._undo_button, "Undo", self.undo),
            (self._redo_button, "Redo", self.redo),
        ):
            button.setText(text)
            button.clicked.connect(action)
            row.addWidget(button)
        row.addStretch(1)
        box.addLayout(row)
        self._buttons: dict[str, QtWidgets.QToolButton] = {}
        self.updateEffectList()

    def _segmentationNodeSelectorVisible_changed(self, visible: bool) -> None:
        """The stand-in has no selectors of its own."""

    def _unorderedEffectsVisible_changed(self, visible: bool) -> None:
        self.updateEffectList()

    def _maximumNumberOfUndoStates_changed(self, number: int) -> None:
        self._history.SetMaximumNumberOfStates(number)

    def _effectColumnCount_changed(self, number: int) -> None:
        self.updateEffectList()

    def updateEffectList(self) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            item.widget().deleteLater()
        self._buttons = {}
        shown = list(self._order)
        if self.unorderedEffectsVisible:
            shown += [name for name in EFFECTS if name not in self._order]
        columns = max(4, self.effectColumnCount)
        for index, name in enumerate(["None", *shown]):
            button = QtWidgets.QToolButton()
            button.setText(name)
            button.setCheckable(True)
            button.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
            button.clicked.connect(lambda _=False, chosen=name: self.setActiveEffectByName(chosen))
            self._grid.addWidget(button, index // columns, index % columns)
            self._buttons[name] = button

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        self._node = node
        self._logic.SetSegmentEditorNode(node)
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self) -> Any:
        return self._node

    def updateWidgetFromMRML(self) -> None:
        segmentation, volume, segment = self.segmentationNode(), self.sourceVolumeNode(), self.currentSegmentID()
        before, self._last = self._last, (segmentation, volume, segment)
        if segmentation is not before[0]:
            self._history.SetSegmentation(segmentation.GetSegmentation() if segmentation is not None else None)
            self._table.setSegmentationNode(segmentation)
            self.segmentationNodeChanged.emit(segmentation)
        if volume is not before[1]:
            self.sourceVolumeNodeChanged.emit(volume)
            self.masterVolumeNodeChanged.emit(volume)
        if segment != before[2]:
            self._table.setSelectedSegmentIDs([segment] if self._table.rowForSegmentID(segment) >= 0 else [])
            self.currentSegmentIDChanged.emit(segment)

    def setSegmentationNode(self, node: Any) -> None:
        if self._node is None:
            return
        self._node.SetAndObserveSegmentationNode(node)
        ids = list(node.GetSegmentation().GetSegmentIDs()) if node is not None else []
        if self.currentSegmentID() not in ids:
            self._node.SetSelectedSegmentID(ids[0] if ids else "")
        self.updateWidgetFromMRML()

    def setSegmentationNodeID(self, identifier: str) -> None:
        self.setSegmentationNode(slicer.mrmlScene.GetNodeByID(identifier))

    def segmentationNode(self) -> Any:
        return self._node.GetSegmentationNode() if self._node is not None else None

    def segmentationNodeID(self) -> str:
        node = self.segmentationNode()
        return node.GetID() if node is not None else ""

    def setSourceVolumeNode(self, node: Any) -> None:
        if self._node is not None:
            self._node.SetAndObserveSourceVolumeNode(node)
            self.updateWidgetFromMRML()

    def sourceVolumeNode(self) -> Any:
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    setMasterVolumeNode, masterVolumeNode = setSourceVolumeNode, sourceVolumeNode

    def setCurrentSegmentID(self, identifier: str) -> None:
        if self._node is not None:
            self._node.SetSelectedSegmentID(identifier)
            self.updateWidgetFromMRML()

    def currentSegmentID(self) -> str:
        return (self._node.GetSelectedSegmentID() or "") if self._node is not None else ""

    def availableEffectNames(self) -> tuple[str, ...]:
        return EFFECTS

    def effectNameOrder(self) -> tuple[str, ...]:
        return self._order

    def setEffectNameOrder(self, names: Any) -> None:
        self._order = tuple(names)
        self.updateEffectList()

    def effectByName(self, name: str) -> Any:
        return self._effects.get(name)

    def effectCount(self) -> int:
        return len(self._effects)

    def activeEffect(self) -> Any:
        return self._active

    def setActiveEffect(self, effect: Any) -> None:
        self._active = effect
        if self._node is not None:
            self._node.SetActiveEffectName(effect.name if effect is not None else "")
        for name, button in self._buttons.items():
            button.setChecked(effect is not None and effect.name == name)

    def setActiveEffectByName(self, name: str) -> None:
        self.setActiveEffect(self._effects.get(name))

    def saveStateForUndo(self) -> None:
        if self.undoEnabled:
            self._history.SaveState()

    def undo(self) -> None:
        self._history.RestorePreviousState()

    def redo(self) -> None:
        self._history.RestoreNextState()

    def setMaximumNumberOfUndoStates(self, number: int) -> None:
        self.maximumNumberOfUndoStates = number

    def setUndoEnabled(self, enabled: bool) -> None:
        self.undoEnabled = enabled

    def installKeyboardShortcuts(self, parent: Any = None) -> None:
        for keys, action in (("Ctrl+Z", self.undo), ("Ctrl+Y", self.redo)):
            shortcut = QtGui.QShortcut(QtGui.QKeySequence(keys), parent or self)
            shortcut.activated.connect(action)
            self._shortcuts.append(shortcut)

    def uninstallKeyboardShortcuts(self) -> None:
        for shortcut in self._shortcuts:
            shortcut.deleteLater()
        self._shortcuts = []

    def setupViewObservations(self) -> None:
        """There are no views to observe."""

    removeViewObservations = setupViewObservations
