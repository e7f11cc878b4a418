"""Run in a process of its own: opens the installed modules and segments their sample, in the test runtime for Slicer.

Prints where both came from, the shown title, the volumes in mL, the recipes that the training module offers, and what
failed in call-backs, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import SlicerRuntime

LIBRARY_MISSING = 77
"""Exit code where a library of the operating system is missing."""


def main(folder: Path) -> None:
    """Use the module that lies in a folder."""
    module = SlicerRuntime.load_module(folder / "HeartSeg3D.py")
    import slicer

    slicer.app.startupCompleted.emit()
    imported_at_start = any(name.startswith(("HeartSeg3DLib.panel", "HeartSeg3DLib.imaging", "SimpleITK", "torch"))
                            for name in sys.modules)
    window = SlicerRuntime.show_module(module)
    title = window.windowTitle

    import HeartSeg3DLib
    from HeartSeg3DLib.scene import sample_data

    logic = module.HeartSeg3DLogic()
    volumes = logic.volumes(logic.segment(sample_data.load_sample(), quality="fast", device="cpu"))
    SlicerRuntime.leave_module(window)
    recipes, training_library = use_training(folder)
    print(json.dumps({"recipes": recipes, "training_library": training_library, "library": HeartSeg3DLib.__file__,
                      "title": title, "volumes": volumes, "imported_at_start": imported_at_start,
                      "failures": [repr(failure) for failure in SlicerRuntime.slot_failures()]}))


def use_training(folder: Path) -> tuple[list[str], str]:
    """Open the module that trains; returns what it offers, and where it came from."""
    window = SlicerRuntime.show_module(SlicerRuntime.load_module(folder / "HeartSegTraining.py"))
    selector = window.self().panel.context.ui.recipeSelector
    offered = [selector.itemText(number) for number in range(selector.count)]
    SlicerRuntime.leave_module(window)

    import HeartSegTrainingLib

    return offered, HeartSegTrainingLib.__file__


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except SlicerRuntime.SystemLibraryMissingError:
        sys.exit(LIBRARY_MISSING)
