"""How a parameter is shown in a widget and taken from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import ctk
import qt
import slicer

from .serializers import node_classes, split_annotations
from .validators import Choice, Maximum, Minimum, WithinRange


@dataclasses.dataclass
class Decimals:
    """An annotation with the number of digits after the point."""

    value: int


@dataclasses.dataclass
class SingleStep:
    """An annotation with the step of a spin box or slider."""

    value: float


class GuiConnector:
    """A widget and the signal by which it tells of a change."""

    def __init__(self, widget: Any, signal: str) -> None:
        self._widget, self._signal = widget, signal
        self._callback: Callable[[], None] | None = None

    def widget(self) -> Any:
        return self._widget

    def onChanged(self, callback: Callable[[], None] | None) -> None:
        if callback is None:
            self._widget.disconnect(self._signal, self.changed)
        else:
            self._widget.connect(self._signal, self.changed)
        self._callback = callback

    def changed(self) -> None:
        if self._callback is not None:
            self._callback()

    def read(self) -> Any:
        raise NotImplementedError

    def write(self, value: Any) -> None:
        raise NotImplementedError


class _PropertyConnector(GuiConnector):
    def __init__(self, widget: Any, signal: str, name: str) -> None:
        super().__init__(widget, signal)
        self._name = name

    def read(self) -> Any:
        return getattr(self._widget, self._name)

    def write(self, value: Any) -> None:
        setattr(self._widget, self._name, value)


class _ChoiceConnector(GuiConnector):
    def __init__(self, widget: Any, choices: Any) -> None:
        super().__init__(widget, "currentIndexChanged(int)")
        self._choices = list(choices)
        widget.clear()
        for choice in self._choices:
            widget.addItem(str(choice))

    def read(self) -> Any:
        return self._choices[self._widget.currentIndex]

    def write(self, value: Any) -> None:
        self._widget.currentIndex = self._choices.index(value)


class _NodeConnector(GuiConnector):
    def __init__(self, widget: Any, classes: list[Any]) -> None:
        super().__init__(widget, "currentNodeChanged(vtkMRMLNode*)")
        widget.nodeTypes = [kind().GetClassName() for kind in classes]

    def read(self) -> Any:
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        self._widget.setCurrentNode(value)


def _first(annotations: Any, kind: Any) -> Any:
    return next((annotation for annotation in annotations if isinstance(annotation, kind)), None)


def _limit(widget: Any, annotations: Any, lowest: float, highest: float) -> None:
    decimals, step = _first(annotations, Decimals), _first(annotations, SingleStep)
    if decimals is not None:
        widget.decimals = decimals.value
    if step is not None:
        widget.singleStep = step.value
    within = _first(annotations, WithinRange)
    minimum, maximum = _first(annotations, Minimum), _first(annotations, Maximum)
    if within is None and (minimum is None or maximum is None) and type(widget) in (qt.QSlider, ctk.ctkSliderWidget):
        raise RuntimeError(f"a {type(widget).__name__} needs a parameter with bounds")
    widget.minimum = within.minimum if within else minimum.minimum if minimum else lowest
    widget.maximum = within.maximum if within else maximum.maximum if maximum else highest


def createGuiConnector(widget: Any, datatype: Any) -> GuiConnector:
    """The connector of a widget and a type; as in Slicer, the widget's class counts exactly, not its subclasses."""
    kind, annotations = split_annotations(datatype)
    widget_kind = type(widget)
    if kind is bool and widget_kind is qt.QCheckBox:
        return _PropertyConnector(widget, "toggled(bool)", "checked")
    if kind is bool and widget_kind is qt.QPushButton:
        widget.checkable = True
        return _PropertyConnector(widget, "toggled(bool)", "checked")
    if kind is int and widget_kind in (qt.QSlider, qt.QSpinBox):
        _limit(widget, annotations, -(2**31), 2**31 - 1)
        return _PropertyConnector(widget, "valueChanged(int)", "value")
    if kind in (int, float) and widget_kind in (qt.QDoubleSpinBox, ctk.ctkSliderWidget):
        _limit(widget, annotations, float("-inf"), float("inf"))
        return _PropertyConnector(widget, "valueChanged(double)", "value")
    if kind in (int, float, str, bool) and widget_kind is qt.QComboBox:
        choice = _first(annotations, Choice)
        if choice is None:
            raise RuntimeError("a combo box needs a parameter with the annotation Choice")
        return _ChoiceConnector(widget, choice.choices)
    if kind is str and widget_kind is qt.QLineEdit:
        return _PropertyConnector(widget, "textChanged(QString)", "text")
    if node_classes(datatype) and widget_kind is slicer.qMRMLNodeComboBox:
        return _NodeConnector(widget, node_classes(datatype))
    raise RuntimeError(f"Unable to create GUI connector from datatype '{datatype}' to widget type '{widget_kind}'")
