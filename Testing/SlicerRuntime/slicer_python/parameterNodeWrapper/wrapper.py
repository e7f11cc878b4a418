"""The decorator that makes a class of annotations into typed access to a parameter node."""

from __future__ import annotations

import typing
import weakref
from typing import Any

import qt
import slicer
import vtk

from .connectors import GuiConnector, createGuiConnector
from .serializers import Default, Serializer, make_serializer, split_annotations
from .validators import Validator

SlicerParameterNamePropertyName = "SlicerParameterName"


class _Parameter:
    """One parameter as an attribute of the wrapper."""

    def __init__(self, name: str, datatype: Any, serializer: Serializer, default: Default) -> None:
        self.name, self.datatype, self.serializer, self.default = name, datatype, serializer, default

    def read(self, instance: Any) -> Any:
        """The value in the parameter node, which gets the default where it has none."""
        key = instance._prefix + self.name
        if not instance.parameterNode.HasParameter(key):
            self.serializer.write(instance.parameterNode, key, self.default.value)
        return self.serializer.read(instance.parameterNode, key)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else instance._values[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        with slicer.util.NodeModify(instance.parameterNode):
            self.serializer.write(instance.parameterNode, instance._prefix + self.name, value)
            instance._values[self.name] = self.read(instance)


class _Gone:
    """In the place of a wrapper that nobody holds any more."""

    def _read(self, name: str) -> None:
        """There is nothing to read."""


class _Wrapper:
    """What every wrapper can do besides its parameters."""

    allParameters: dict[str, _Parameter]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._prefix = prefix or ""
        self._connected: dict[int, dict[str, GuiConnector]] = {}
        self._next_tag = 0
        self._is_updating = False
        # As in Slicer, values are read again only when the parameter node says that it was modified.
        self._values: dict[str, Any] = {}
        reference = weakref.ref(self)
        for name in self.allParameters:
            self._read(name)
            # One observer for each parameter, as in Slicer: VTK calls the first of them last, after the widgets'.
            parameterNode.AddObserver(
                vtk.vtkCommand.ModifiedEvent, lambda *_, name=name: (reference() or _Gone())._read(name)
            )

    def _read(self, name: str) -> None:
        self._values[name] = self.allParameters[name].read(self)

    def _parameter(self, name: str) -> _Parameter:
        if name not in self.allParameters:
            raise ValueError(f"there is no parameter {name}; there are {', '.join(self.allParameters)}")
        return self.allParameters[name]

    def default(self, name: str) -> Default:
        return self._parameter(name).default

    def dataType(self, name: str) -> Any:
        return self._parameter(name).datatype

    def isCached(self, name: str) -> bool:
        self._parameter(name)
        return True

    def getValue(self, name: str) -> Any:
        return self._parameter(name).__get__(self)

    def setValue(self, name: str, value: Any) -> None:
        self._parameter(name).__set__(self, value)

    def connectGui(self, gui: Any) -> None:
        """Connect every widget with the property SlicerParameterName; Slicer's gives no tag to undo it by."""
        widgets = gui.findChildren(qt.QWidget) if isinstance(gui, qt.QWidget) else list(vars(gui).values())
        named = {widget.property(SlicerParameterNamePropertyName): widget for widget in widgets}
        self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        connectors = {
            name: target if isinstance(target, GuiConnector) else createGuiConnector(target, self.dataType(name))
            for name, target in mapping.items()
        }
        tag = self._next_tag
        self._next_tag += 1
        self._connected[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.onChanged(self._taker(name, connector))
        # Slicer's refers to the wrapper by a function, too, and so keeps it as long as the node's Python object lives.
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())
        return tag

    def _taker(self, name: str, connector: GuiConnector) -> Any:
        def take() -> None:
            if not self._is_updating:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return take

    def _show(self, *_: Any) -> None:
        if self._is_updating:
            return
        self._is_updating = True
        try:
            with slicer.util.NodeModify(self):
                for connectors in self._connected.values():
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._is_updating = False

    def disconnectGui(self, tag: int | None) -> None:
        for connector in self._connected.pop(tag, {}).values() if tag is not None else ():
            connector.onChanged(None)

    def StartModify(self) -> int:
        return int(self.parameterNode.StartModify())

    def EndModify(self, wasModified: int) -> None:
        self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return int(self.parameterNode.AddObserver(event, callback, priority))

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def _parameter_of(classtype: Any, name: str, datatype: Any) -> _Parameter:
    kind, annotations = split_annotations(datatype)
    validators = [annotation for annotation in annotations if isinstance(annotation, Validator)]
    serializer = make_serializer(kind, validators)
    if name in vars(classtype):
        return _Parameter(name, datatype, serializer, Default(vars(classtype)[name]))
    defaults = [annotation for annotation in annotations if isinstance(annotation, Default)]
    return _Parameter(name, datatype, serializer, defaults[0] if defaults else Default(serializer.default()))


def parameterNodeWrapper(classtype: Any = None) -> Any:
    """Make a class whose annotations are parameters; usable with and without parentheses."""
    if classtype is None:
        return parameterNodeWrapper
    hints = typing.get_type_hints(classtype, include_extras=True)
    parameters = {name: _parameter_of(classtype, name, datatype) for name, datatype in hints.items()}
    reserved = sorted(set(parameters) & set(vars(_Wrapper)))
    if reserved:
        raise ValueError(f"Cannot use reserved name '{reserved[0]}' in a parameterNodeWrapper")
    for name, parameter in parameters.items():
        setattr(classtype, name, parameter)
    classtype.allParameters = parameters
    classtype._is_parameter_node_wrapper = True
    for name, member in vars(_Wrapper).items():
        if callable(member) and (name == "__init__" or not name.startswith("__")):
            setattr(classtype, name, member)
    return classtype


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    """Whether it is a wrapper or its class."""
    return bool(getattr(classOrObj, "_is_parameter_node_wrapper", False))


def findChildWidgetForParameter(widget: Any, parameter: str) -> Any:
    """The widget that shows a parameter, or None."""
    for child in widget.findChildren(qt.QWidget):
        if child.property(SlicerParameterNamePropertyName) == parameter:
            return child
    return None
