"""Stand-ins for CTK's sliders of one number, and of two that bound a range."""

from __future__ import annotations

import math
from typing import Any

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .declaring import stands_for_cpp, stored

_STEPS = 1000


def _first_widget(arguments: tuple[Any, ...]) -> list[QtWidgets.QWidget]:
    return [argument for argument in arguments if isinstance(argument, QtWidgets.QWidget)]


@stands_for_cpp
class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider for a number with digits after the point."""

    valueChanged = Signal(float)
    rangeChanged = Signal(float, float)
    cpp_signals = {"valueChanged(double)": "valueChanged", "rangeChanged(double,double)": "rangeChanged"}
    singleStep = stored("singleStep", float, 1.0)
    pageStep = stored("pageStep", float, 10.0)
    tickInterval = stored("tickInterval", float, 0.0)
    tracking = stored("tracking", bool, True)
    orientation = stored("orientation", object, QtCore.Qt.Horizontal)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*_first_widget(arguments))
        self._lowest, self._highest, self._value = 0.0, 99.0, 0.0
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal, self)
        self._slider.setRange(0, _STEPS)
        QtWidgets.QHBoxLayout(self).addWidget(self._slider)
        self._slider.sliderMoved.connect(self._slid)

    def _slid(self, step: int) -> None:
        self.setValue(self._lowest + (self._highest - self._lowest) * step / _STEPS)

    def setValue(self, value: float) -> None:
        value = max(self._lowest, min(value, self._highest))
        span = self._highest - self._lowest
        self._slider.setValue(round(_STEPS * (value - self._lowest) / span) if math.isfinite(span) and span else 0)
        if value != self._value:
            self._value = value
            self.valueChanged.emit(value)

    def _set_range(self, lowest: float, highest: float) -> None:
        if (lowest, highest) != (self._lowest, self._highest):
            self._lowest, self._highest = lowest, max(lowest, highest)
            self.rangeChanged.emit(self._lowest, self._highest)
        self.setValue(self._value)

    value = Property(float, lambda self: self._value, lambda self, value: self.setValue(value))
    minimum = Property(
        float, lambda self: self._lowest, lambda self, value: self._set_range(value, max(value, self._highest))
    )
    maximum = Property(
        float, lambda self: self._highest, lambda self, value: self._set_range(min(value, self._lowest), value)
    )


class _Range(QtWidgets.QWidget):
    """What the widgets of a range share: limits, and two values within them."""

    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    valuesChanged = Signal(float, float)
    rangeChanged = Signal(float, float)
    cpp_signals = {
        "minimumValueChanged(double)": "minimumValueChanged",
        "maximumValueChanged(double)": "maximumValueChanged",
        "valuesChanged(double,double)": "valuesChanged",
        "rangeChanged(double,double)": "rangeChanged",
    }
    singleStep = stored("singleStep", float, 1.0)
    tickInterval = stored("tickInterval", float, 0.0)
    tracking = stored("tracking", bool, True)
    symmetricMoves = stored("symmetricMoves", bool, False)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*_first_widget(arguments))
        self._limits = (0.0, 99.0)
        self._values = (0.0, 99.0)

    def setValues(self, lower: float, upper: float) -> None:
        lowest, highest = self._limits
        lower, upper = sorted(max(lowest, min(value, highest)) for value in (lower, upper))
        before, self._values = self._values, (lower, upper)
        if lower != before[0]:
            self.minimumValueChanged.emit(lower)
        if upper != before[1]:
            self.maximumValueChanged.emit(upper)
        if (lower, upper) != before:
            self.valuesChanged.emit(lower, upper)

    def setRange(self, lowest: float, highest: float) -> None:
        if (lowest, highest) != self._limits:
            self._limits = (lowest, max(lowest, highest))
            self.rangeChanged.emit(*self._limits)
        self.setValues(*self._values)

    def setMinimumValue(self, value: float) -> None:
        self.setValues(value, max(value, self._values[1]))

    def setMaximumValue(self, value: float) -> None:
        self.setValues(min(value, self._values[0]), value)

    minimumValue = Property(float, lambda self: self._values[0], lambda self, value: self.setMinimumValue(value))
    maximumValue = Property(float, lambda self: self._values[1], lambda self, value: self.setMaximumValue(value))
    minimum = Property(
        float, lambda self: self._limits[0], lambda self, value: self.setRange(value, max(value, self._limits[1]))
    )
    maximum = Property(
        float, lambda self: self._limits[1], lambda self, value: self.setRange(min(value, self._limits[0]), value)
    )


@stands_for_cpp
class ctkDoubleRangeSlider(_Range):
    """A slider with two handles."""

    orientation = stored("orientation", object, QtCore.Qt.Horizontal)


@stands_for_cpp
class ctkRangeWidget(_Range):
    """A slider with two handles between two spin boxes."""

    decimals = stored("decimals", int, 2)
    prefix = stored("prefix", str, "")
    suffix = stored("suffix", str, "")

    def setDecimals(self, decimals: int) -> None:
        self.decimals = decimals

    def reset(self) -> None:
        self.setValues(*self._limits)
