"""A stand-in for ``slicer.app``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, QObject, Signal

from .layout import LayoutManager
from .scene import SlicerScene
from .widgets.declaring import stands_for_cpp, stored


@stands_for_cpp
class qSlicerModuleManager(QObject):
    """Knows the loaded modules."""

    moduleAboutToBeUnloaded = Signal(str)
    moduleLoaded = Signal(str)
    cpp_signals = {
        "moduleAboutToBeUnloaded(QString)": "moduleAboutToBeUnloaded",
        "moduleLoaded(QString)": "moduleLoaded",
    }

    def factoryManager(self) -> Any:
        return self

    def module(self, name: str) -> Any:
        return getattr(slicer.modules, name.lower(), None)

    def modulesNames(self) -> tuple[str, ...]:
        return tuple(module.name for module in vars(slicer.modules).values() if hasattr(module, "path"))


@stands_for_cpp
class qSlicerApplication(QObject):
    """The application."""

    startupCompleted = Signal()
    aboutToQuit = Signal()
    mrmlSceneChanged = Signal(object)
    cpp_signals = {
        "startupCompleted()": "startupCompleted",
        "aboutToQuit()": "aboutToQuit",
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged",
    }
    applicationName = stored("applicationName", str, "Slicer")
    applicationVersion = stored("applicationVersion", str, "5.12.0-2026-06-01")
    mainApplicationName = stored("mainApplicationName", str, "Slicer")
    majorVersion = stored("majorVersion", int, 5)
    minorVersion = stored("minorVersion", int, 12)
    revision = stored("revision", str, "34500")
    repositoryRevision = stored("repositoryRevision", str, "a5df71450f")
    os = stored("os", str, {"linux": "linux", "darwin": "macosx"}.get(sys.platform, "win"))
    arch = stored("arch", str, "amd64")
    isInstalled = stored("isInstalled", bool, True)
    documentationBaseUrl = stored("documentationBaseUrl", str, "https://slicer.readthedocs.io/en/5.12/")
    temporaryPath = stored("temporaryPath", str, "")
    cachePath = stored("cachePath", str, "")
    defaultScenePath = stored("defaultScenePath", str, "")
    slicerHome = stored("slicerHome", str, "")
    layoutDirection = stored("layoutDirection", object, QtCore.Qt.LeftToRight)

    def __init__(self, application: QtWidgets.QApplication, scene: SlicerScene) -> None:
        super().__init__()
        self._application, self._scene = application, scene
        self._is_testing = False
        self._module_manager = qSlicerModuleManager()
        self._layout_manager: LayoutManager | None = LayoutManager(scene)
        # ``qt.QSettings()`` of module code is the application's, and no file in the user's home.
        application.setOrganizationName("NA-MIC")
        application.setApplicationName("Slicer")
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
        QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, QtCore.QSettings.UserScope, str(scene.folder))
        self._settings = QtCore.QSettings()
        temporary = scene.folder / "temporary"
        temporary.mkdir()
        self.temporaryPath = self.defaultScenePath = str(temporary)
        self.cachePath = str(scene.folder / "cache")
        self.slicerHome = str(Path(slicer.__file__).parent)

    def testingEnabled(self) -> bool:
        return self._is_testing

    def mrmlScene(self) -> Any:
        return slicer.mrmlScene

    def applicationLogic(self) -> Any:
        return self._scene.application_logic

    def moduleLogic(self, name: str) -> Any:
        return self._scene.application_logic.GetModuleLogic(name)

    def moduleManager(self) -> qSlicerModuleManager:
        return self._module_manager

    def layoutManager(self) -> LayoutManager | None:
        return self._layout_manager

    def settings(self) -> QtCore.QSettings:
        return self._settings

    userSettings = revisionUserSettings = settings

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def environment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def setEnvironmentVariable(self, key: str, value: str) -> None:
        os.environ[key] = value

    def processEvents(self, *flags: Any) -> None:
        self._application.processEvents(*flags)

    def translate(self, context: str, text: str) -> str:
        return text

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def openUrl(self, url: str) -> bool:
        return QtGui.QDesktopServices.openUrl(QtCore.QUrl(url))

    def restart(self) -> None:
        raise AssertionError("the application was asked to restart, which a test has to expect")

    def setRenderPaused(self, paused: bool) -> None:
        """Nothing is rendered unless a test asks for a picture."""

    def pauseRender(self) -> None:
        self.setRenderPaused(True)

    def resumeRender(self) -> None:
        self.setRenderPaused(False)

    def setOverrideCursor(self, cursor: Any) -> None:
        self._application.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        self._application.restoreOverrideCursor()

    def clipboard(self) -> QtGui.QClipboard:
        return self._application.clipboard()

    def keyboardModifiers(self) -> Any:
        return self._application.keyboardModifiers()

    def palette(self, *widget: Any) -> QtGui.QPalette:
        return self._application.palette(*widget)

    def style(self) -> QtWidgets.QStyle:
        return self._application.style()

    def topLevelWidgets(self) -> list[QtWidgets.QWidget]:
        return list(self._application.topLevelWidgets())

    def focusWidget(self) -> QtWidgets.QWidget | None:
        return self._application.focusWidget()

    platform = Property(str, lambda self: f"{self.os}-{self.arch}")
