"""How a parameter of a type is kept in a parameter node."""

from __future__ import annotations

import typing
from typing import Annotated, Any

import slicer

from .validators import IsInstance, NotNone, Validator


class Default:
    """An annotation with the value that a new parameter has."""

    def __init__(self, value: Any = None, *, generator: Any = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator is not None else self._value


def split_annotations(datatype: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and its annotations, whether it has some or not."""
    arguments = typing.get_args(Annotated[datatype, None])
    return arguments[0], arguments[1:-1]


def node_classes(datatype: Any) -> list[Any]:
    """The node classes that a type allows: one, or those of a union; empty for other types.

    Slicer knows ``Union[A, B, None]`` alone: not ``A | B``, and without None there would be no value to begin with.
    """
    kind = split_annotations(datatype)[0]
    members = [kind]
    if typing.get_origin(kind) is typing.Union:
        members = [member for member in typing.get_args(kind) if member is not type(None)]
        if type(None) not in typing.get_args(kind):
            raise TypeError(f"Unable to write value 'None': {datatype} does not name None")
    if all(isinstance(member, type) and issubclass(member, slicer.vtkMRMLNode) for member in members):
        return members
    return []


class Serializer:
    """Reads and writes values of one type; refuses values that are not of it."""

    def __init__(self, datatype: Any, validators: list[Validator]) -> None:
        self.kind = datatype
        allowed = (int, float) if datatype is float else datatype
        self.validators = [NotNone(), IsInstance(allowed), *validators]

    def default(self) -> Any:
        return self.kind() if self.kind is not float else 0

    def validate(self, value: Any) -> None:
        for validator in self.validators:
            validator.validate(value)

    def write(self, node: Any, name: str, value: Any) -> None:
        self.validate(value)
        node.SetParameter(name, str(value))

    def read(self, node: Any, name: str) -> Any:
        text = node.GetParameter(name)
        return text == "True" if self.kind is bool else self.kind(text)


class NodeSerializer(Serializer):
    """A node is kept as a reference, so that it is found again in a loaded scene."""

    def __init__(self, classes: list[Any], validators: list[Validator]) -> None:
        self.validators = [IsInstance(tuple(classes)), *validators]

    def default(self) -> Any:
        return None

    def write(self, node: Any, name: str, value: Any) -> None:
        self.validate(value)
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node: Any, name: str) -> Any:
        return node.GetNodeReference(name)


def make_serializer(datatype: Any, validators: list[Validator]) -> Serializer:
    """The serializer of a type; TypeError for one that the stand-in does not know."""
    if datatype in (str, int, float, bool):
        return Serializer(datatype, validators)
    classes = node_classes(datatype)
    if classes:
        return NodeSerializer(classes, validators)
    raise TypeError(f"the test runtime's parameterNodeWrapper does not know the type {datatype}")
