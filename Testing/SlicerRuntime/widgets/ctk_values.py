"""Stand-ins for CTK's widgets that hold a number or a choice."""

from __future__ import annotations

import math
from typing import Any

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .declaring import forwarded, stands_for_cpp, stored

_STEPS = 1000
_LARGEST = 1e300


def _bounded(value: float) -> float:
    return max(-_LARGEST, min(_LARGEST, value)) if not math.isnan(value) else 0.0


class _Number(QtWidgets.QWidget):
    """What ctkSliderWidget and ctkDoubleSpinBox share: a spin box inside."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[argument for argument in arguments if isinstance(argument, QtWidgets.QWidget)])
        self._row = QtWidgets.QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._spin = QtWidgets.QDoubleSpinBox()
        self._row.addWidget(self._spin)


@stands_for_cpp
class ctkSliderWidget(_Number):
    """A slider and a spin box for one number."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    cpp_signals = {
        "valueChanged(double)": "valueChanged",
        "valueIsChanging(double)": "valueIsChanging",
        "decimalsChanged(int)": "decimalsChanged",
    }
    minimum = Property(float, lambda self: self._spin.minimum, lambda self, v: self._spin.setMinimum(_bounded(v)))
    maximum = Property(float, lambda self: self._spin.maximum, lambda self, v: self._spin.setMaximum(_bounded(v)))
    value = forwarded("value", float, "_spin")
    singleStep = forwarded("singleStep", float, "_spin")
    decimals = forwarded("decimals", int, "_spin")
    prefix = forwarded("prefix", str, "_spin")
    suffix = forwarded("suffix", str, "_spin")
    pageStep = stored("pageStep", float, 1.0)
    tickInterval = stored("tickInterval", float, 0.0)
    tracking = stored("tracking", bool, True)
    synchronizeSiblings = stored("synchronizeSiblings", int, 0)
    invertedAppearance = stored("invertedAppearance", bool, False)
    invertedControls = stored("invertedControls", bool, False)
    popupSlider = stored("popupSlider", bool, False)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._slider.setRange(0, _STEPS)
        self._row.insertWidget(0, self._slider, 1)
        self._spin.valueChanged.connect(self._spun)
        self._slider.sliderMoved.connect(self._slid)
        self._spin.setMaximum(100.0)

    def _spun(self, value: float) -> None:
        span = self._spin.maximum - self._spin.minimum
        self._slider.blockSignals(True)
        self._slider.setValue(round(_STEPS * (value - self._spin.minimum) / span) if span else 0)
        self._slider.blockSignals(False)
        self.valueIsChanging.emit(value)
        self.valueChanged.emit(value)

    def _slid(self, step: int) -> None:
        self._spin.setValue(self._spin.minimum + (self._spin.maximum - self._spin.minimum) * step / _STEPS)

    def setValue(self, value: float) -> None:
        self._spin.setValue(value)

    def setDecimals(self, decimals: int) -> None:
        self._spin.setDecimals(decimals)

    def setSpinBoxVisible(self, visible: bool) -> None:
        self._spin.setVisible(visible)

    def reset(self) -> None:
        self._spin.setValue(max(self._spin.minimum, min(0.0, self._spin.maximum)))

    spinBoxVisible = Property(
        bool, lambda self: not self._spin.isHidden(), lambda self, shown: self._spin.setVisible(shown)
    )


@stands_for_cpp
class ctkDoubleSpinBox(_Number):
    """A spin box that is a widget around Qt's, not one of them."""

    valueChanged = Signal(float)
    editingFinished = Signal()
    decimalsChanged = Signal(int)
    cpp_signals = {
        "valueChanged(double)": "valueChanged",
        "editingFinished()": "editingFinished",
        "decimalsChanged(int)": "decimalsChanged",
    }
    minimum = Property(float, lambda self: self._spin.minimum, lambda self, v: self._spin.setMinimum(_bounded(v)))
    maximum = Property(float, lambda self: self._spin.maximum, lambda self, v: self._spin.setMaximum(_bounded(v)))
    value = forwarded("value", float, "_spin")
    singleStep = forwarded("singleStep", float, "_spin")
    decimals = forwarded("decimals", int, "_spin")
    prefix = forwarded("prefix", str, "_spin")
    suffix = forwarded("suffix", str, "_spin")
    readOnly = forwarded("readOnly", bool, "_spin")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._spin.valueChanged.connect(self.valueChanged)
        self._spin.editingFinished.connect(self.editingFinished)

    def setValue(self, value: float) -> None:
        self._spin.setValue(value)

    setValueIfDifferent = setValue

    def setDecimals(self, decimals: int) -> None:
        self._spin.setDecimals(decimals)

    def setReadOnly(self, read_only: bool) -> None:
        self._spin.setReadOnly(read_only)

    def stepUp(self) -> None:
        self._spin.stepUp()

    def stepDown(self) -> None:
        self._spin.stepDown()


@stands_for_cpp
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that shows a default text while nothing is chosen."""

    defaultText = stored("defaultText", str, "")
    elideMode = stored("elideMode", object, QtCore.Qt.ElideNone)
    forceDefault = stored("forceDefault", bool, False)
    scrollWheelEffect = stored("scrollWheelEffect", int, 2)

    def _defaultText_changed(self, text: str) -> None:
        self.setPlaceholderText(text)

    def setCurrentUserDataAsString(self, data: str) -> None:
        self.setCurrentIndex(self.findData(data))

    currentUserDataAsString = Property(
        str,
        lambda self: str(self.currentData if self.currentData is not None else ""),
        lambda self, data: self.setCurrentIndex(self.findData(data)),
    )
