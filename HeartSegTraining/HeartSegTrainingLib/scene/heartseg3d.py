"""The way to the module that uses what was trained here."""

from __future__ import annotations

import slicer

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.scene.text import _


def open_with_model(id: str) -> None:
    """Show the module HeartSeg3D with a model chosen.

    Args:
        id: Of an installed model.

    Raises:
        UsageError: The module is not loaded.
    """
    if not hasattr(slicer.modules, "heartseg3d"):
        raise UsageError(_("The module HeartSeg3D is not loaded."),
                         _("Tick it in Edit, Application Settings, Modules, and restart 3D Slicer."))
    slicer.util.getModuleLogic("HeartSeg3D").getParameterNode().model = id
    if slicer.util.mainWindow() is not None:  # without one nobody looks at a module
        slicer.util.selectModule("HeartSeg3D")
