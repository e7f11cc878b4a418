"""Stand-ins for Slicer's widgets of numbers: CTK's, with a unit that the scene knows (none is shown here)."""

from __future__ import annotations

from typing import Any

from .ctk_ranges import ctkRangeWidget
from .ctk_values import ctkDoubleSpinBox, ctkSliderWidget
from .declaring import stands_for_cpp, stored


@stands_for_cpp
class qMRMLSliderWidget(ctkSliderWidget):
    """A slider and a spin box for one number with a unit."""

    quantity = stored("quantity", str, "")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene

    def mrmlScene(self) -> Any:
        return self._scene


@stands_for_cpp
class qMRMLSpinBox(ctkDoubleSpinBox):
    """A spin box for one number with a unit."""

    quantity = stored("quantity", str, "")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene

    def mrmlScene(self) -> Any:
        return self._scene


@stands_for_cpp
class qMRMLRangeWidget(ctkRangeWidget):
    """Two numbers with a unit that bound a range."""

    quantity = stored("quantity", str, "")
    mrmlScene = stored("mrmlScene", object, None)

    def setMRMLScene(self, scene: Any) -> None:
        self.mrmlScene = scene
