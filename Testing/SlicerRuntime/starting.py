"""Puts the runtime together, once for a process."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import types
from pathlib import Path
from typing import Any

import slicer
import slicer.util

from . import dialogs, files, qt_modules
from .hierarchy import SubjectHierarchy
from .scene import SlicerScene

_OWN_FILES = Path(__file__).parent / "slicer_python"
_MRML_WIDGETS = (
    "mrml_basics",
    "mrml_numbers",
    "node_combo_box",
    "segment_editor",
    "segments_table",
    "table_views",
    "plot_view",
)


def start_once() -> dict[str, Any]:
    """Everything that a module finds in Slicer; what has to live on is returned."""
    failures: list[BaseException] = []
    _collect_failures(failures)
    _keep_constants_alive()
    qt = qt_modules.make_qt()
    dialogs.adapt()
    application = qt_modules.application()
    _use_python_files()
    scene = SlicerScene()
    hierarchy = SubjectHierarchy(scene.scene)
    qt_modules.make_ctk()
    _add_widgets_to_slicer()
    from .modules import ScriptedModule
    from .ui_loader import QUiLoader

    slicer.qSlicerScriptedLoadableModule = ScriptedModule
    qt.QUiLoader = QUiLoader  # type: ignore[attr-defined]
    from .application import qSlicerApplication

    slicer.app = qSlicerApplication(application, scene)
    from .sample_data import install as install_sample_data

    install_sample_data()
    _adapt_util()
    return {"qt": application, "scene": scene, "hierarchy": hierarchy, "failures": failures}


def _keep_constants_alive() -> None:
    """PySide6 6.12 gives None and booleans back without taking them: Python 3.11 counts them down, and aborts.

    From Python 3.12 on they are immortal; here they become so in effect.
    """
    if sys.version_info < (3, 12):
        for constant in (None, True, False):
            ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 40


def _collect_failures(failures: list[BaseException]) -> None:
    """Qt and VTK print an error in a function that they call and go on; a test wants to know."""
    print_failure = sys.excepthook

    def collect(kind: Any, error: BaseException, traceback: Any) -> None:
        failures.append(error)
        print_failure(kind, error, traceback)

    sys.excepthook = collect


def _use_python_files() -> None:
    """Slicer's own Python files where a folder with them is named, else the stand-ins; packages are never installed."""
    folder = os.environ.get("HEARTSEG_SLICER_PYTHON")
    slicer.__path__.append(str(_OWN_FILES))
    importlib.import_module("slicer.packaging")
    if folder:
        slicer.__path__.insert(slicer.__path__.index(str(_OWN_FILES)), folder)


def _add_widgets_to_slicer() -> None:
    kinds = qt_modules.stand_ins("q", _MRML_WIDGETS)
    for name, kind in kinds.items():
        if name.startswith(("qMRML", "qSlicer")):
            setattr(slicer, name, kind)
    tree = types.ModuleType("qSlicerSubjectHierarchyModuleWidgetsPythonQt")
    tree.qMRMLSubjectHierarchyTreeView = slicer.qMRMLSubjectHierarchyTreeView  # type: ignore[attr-defined]
    sys.modules[tree.__name__] = tree


def _adapt_util() -> None:
    files.adapt()
    slicer.util.mainWindow = lambda: None
    slicer.util.delayDisplay = lambda message, *_, **__: slicer.app.processEvents()
