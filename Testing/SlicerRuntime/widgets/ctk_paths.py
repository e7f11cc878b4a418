"""Stand-ins for CTK's widgets that hold a file or a folder."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal

from .declaring import stands_for_cpp, stored


@stands_for_cpp
class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path and a button that asks for it."""

    Dirs, Files, Drives = 0x001, 0x002, 0x004
    Readable, Writable, Executable = 0x010, 0x020, 0x040
    Hidden, System, NoDotAndDotDot = 0x100, 0x200, 0x1000
    NoDot, NoDotDot = 0x2000, 0x4000
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    cpp_signals = {
        "currentPathChanged(QString)": "currentPathChanged",
        "validInputChanged(bool)": "validInputChanged",
    }
    filters = stored("filters", int, 0x1000 | 0x001 | 0x002 | 0x100 | 0x004)
    options = stored("options", int, 0)
    nameFilters = stored("nameFilters", "QStringList", ())
    settingKey = stored("settingKey", str, "")
    label = stored("label", str, "")
    showHistoryButton = stored("showHistoryButton", bool, True)
    minimumContentsLength = stored("minimumContentsLength", int, 0)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[argument for argument in arguments if isinstance(argument, QtWidgets.QWidget)])
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._combo = QtWidgets.QComboBox()
        self._combo.setEditable(True)
        self._combo.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        self._button = QtWidgets.QToolButton()
        self._button.setText("...")
        row.addWidget(self._combo)
        row.addWidget(self._button)
        self._button.clicked.connect(self.browse)
        self._combo.editTextChanged.connect(self.currentPathChanged)

    def comboBox(self) -> QtWidgets.QComboBox:
        return self._combo

    def setCurrentPath(self, path: str) -> None:
        self._combo.setEditText(path)

    def addCurrentPathToHistory(self) -> None:
        if self._combo.findText(self.currentPath) < 0:
            self._combo.addItem(self.currentPath)

    def retrieveHistory(self) -> None:
        """The stand-in keeps no history between sessions."""

    def browse(self) -> None:
        dialog = QtWidgets.QFileDialog
        pattern = ";;".join(self.nameFilters)
        if not self.filters & self.Files:
            chosen = dialog.getExistingDirectory(self, self.label, self.currentPath)
        elif self.filters & self.Writable:
            chosen = dialog.getSaveFileName(self, self.label, self.currentPath, pattern)
        else:
            chosen = dialog.getOpenFileName(self, self.label, self.currentPath, pattern)
        if chosen:
            self.setCurrentPath(chosen)

    currentPath = Property(str, lambda self: self._combo.currentText, lambda self, path: self.setCurrentPath(path))
    showBrowseButton = Property(
        bool, lambda self: not self._button.isHidden(), lambda self, shown: self._button.setVisible(shown)
    )


@stands_for_cpp
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and asks for another one."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)
    cpp_signals = {
        "directoryChanged(QString)": "directoryChanged",
        "directorySelected(QString)": "directorySelected",
    }
    caption = stored("caption", str, "")
    options = stored("options", int, 0)
    acceptMode = stored("acceptMode", int, 0)
    text = stored("text", str, "")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[argument for argument in arguments if isinstance(argument, QtWidgets.QWidget)])
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._directory = next((argument for argument in arguments if isinstance(argument, str)), ".")
        self._button = QtWidgets.QPushButton(self._directory)
        row.addWidget(self._button)
        self._button.clicked.connect(self.browse)

    def _set_directory(self, directory: str) -> None:
        if directory != self._directory:
            self._directory = directory
            self._button.setText(directory)
            self.directoryChanged.emit(directory)

    def browse(self) -> None:
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption, self._directory)
        if chosen:
            self._set_directory(chosen)
            self.directorySelected.emit(chosen)

    directory = Property(str, lambda self: self._directory, lambda self, value: self._set_directory(value))
