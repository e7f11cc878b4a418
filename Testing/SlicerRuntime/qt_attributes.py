"""Makes PySide6 objects answer as PythonQt's: Qt properties are attributes, and nothing may be invented on them.

PythonQt differs from PySide6 in ways that a module's author cannot see here unless the tests insist on them:
``button.text`` is the text and not a method, ``button.txet = "Run"`` fails, methods of C++ take no keyword arguments.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from PySide6.QtCore import Property, QObject, SignalInstance

_read_property = QObject.property
_write_property = QObject.setProperty
_plain_getattribute = QObject.__getattribute__
_loading: list[bool] = []
# Reading a property may call a virtual function of C++ (sizeHint), for which PySide6 then looks on the object.
_reading: set[tuple[int, str]] = set()
_special: dict[str, Callable[..., Any]] = {}
# A static method keeps its name where a property has the same one, as in PythonQt.
HIDDEN_PROPERTIES = {"singleShot"}


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """While a .ui file is loaded, the attributes that only PySide6's loader sets are left out."""
    _loading.append(True)
    try:
        yield
    finally:
        _loading.pop()


def meta_object(instance: QObject) -> Any:
    """The description of an object's class.

    Asked of the class: PySide6 ties what `QObject.metaObject` returns to the life of the object, and hands the same
    thing out for the class, which would lose it with the object.
    """
    return type(instance).staticMetaObject


class QtProperty:
    """A Qt property as a Python attribute; asked of the class it is what PySide6 has there."""

    def __init__(self, name: str, original: Any = None) -> None:
        self.name = name
        self.original = original

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            bind = getattr(self.original, "__get__", None)
            return bind(None, owner) if bind else self.original
        key = (id(instance), self.name)
        if key in _reading:
            return self.original.__get__(instance, owner)
        _reading.add(key)
        try:
            return _read_property(instance, self.name)
        finally:
            _reading.discard(key)

    def __set__(self, instance: Any, value: Any) -> None:
        meta = meta_object(instance)
        class_name, index = meta.className(), meta.indexOfProperty(self.name)
        if self.name in HIDDEN_PROPERTIES:
            raise AttributeError(f"'{self.name}' of {class_name} is a function: call set{self.name.capitalize()}()")
        if index < 0 or not meta.property(index).isWritable():
            raise AttributeError(f"property '{self.name}' of {class_name} is read-only")
        if not _write_property(instance, self.name, value):
            expected = meta.property(index).typeName()
            raise ValueError(f"property '{self.name}' of type '{expected}' does not accept {value!r}")


class PositionalMethod:
    """A method of C++: it takes no keyword arguments."""

    __slots__ = ("__self__", "_method")

    def __init__(self, method: Any) -> None:
        self._method = method
        self.__self__ = method.__self__

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if keywords:
            raise TypeError(f"{self.__name__}() takes no keyword arguments in PythonQt (got {', '.join(keywords)})")
        return self._method(*arguments)

    @property
    def __name__(self) -> str:
        return str(self._method.__name__)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return str(self._method.__doc__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PositionalMethod) and self._method == other._method

    def __hash__(self) -> int:
        return hash(self._method)

    def __repr__(self) -> str:
        return f"<method of C++ {self._method!r}>"


def is_cpp(kind: type) -> bool:
    """Whether a class stands for one of C++: PySide6's own, or a stand-in for one of CTK or Slicer."""
    return kind.__module__.startswith("PySide6") or "_stands_for_cpp" in kind.__dict__


def instance_method(name: str, function: Callable[..., Any]) -> None:
    """Give every QObject a method that PySide6 resolves in C, before the class is asked (connect, disconnect)."""
    _special[name] = function


def _getattribute(self: QObject, name: str) -> Any:
    if name in _special:
        return types.MethodType(_special[name], self)
    value = _plain_getattribute(self, name)
    if type(value) is types.BuiltinMethodType and not name.startswith("__"):
        return PositionalMethod(value)
    return value


def _setattr(self: QObject, name: str, value: Any) -> None:
    kind = type(self)
    if isinstance(value, SignalInstance):  # PySide6 keeps the bound signal on the object when it is first used
        self.__dict__[name] = value
        return
    if _loading and isinstance(value, QObject) and not name.startswith("_"):
        return
    for base in kind.__mro__:
        if name not in base.__dict__:
            continue
        if isinstance(base.__dict__[name], Property):
            _set_declared(self, base.__dict__[name], name, value)
            return
        setter = getattr(type(base.__dict__[name]), "__set__", None)
        if setter is not None:
            setter(base.__dict__[name], self, value)
            return
        if is_cpp(kind):
            raise AttributeError(f"'{name}' of {kind.__name__} is a method and cannot be replaced")
        break
    if is_cpp(kind) and (kind.__module__.startswith("PySide6") or not name.startswith("_")):
        raise AttributeError(
            f"'{name}' does not exist on {kind.__name__} and creating new attributes on C++ objects is not allowed"
        )
    self.__dict__[name] = value


_ACCEPTED = {"QString": str, "bool": (bool, int), "int": int, "double": (int, float)}


def _set_declared(instance: QObject, declared: Any, name: str, value: Any) -> None:
    """Set a property of a stand-in, with the conversions that PythonQt allows."""
    if declared.fset is None:
        raise AttributeError(f"property '{name}' of {type(instance).__name__} is read-only")
    meta = meta_object(instance)
    expected = meta.property(meta.indexOfProperty(name)).typeName()
    if not isinstance(value, _ACCEPTED.get(expected, object)):
        raise ValueError(f"property '{name}' of type '{expected}' does not accept {value!r}")
    declared.fset(instance, value)


def _declare_properties(kind: Any, done: set[type]) -> None:
    for base in reversed(kind.__mro__):
        if base in done or "staticMetaObject" not in base.__dict__:
            continue
        done.add(base)
        meta = base.staticMetaObject
        for index in range(meta.propertyOffset(), meta.propertyCount()):
            name = meta.property(index).name()
            if name not in HIDDEN_PROPERTIES:
                setattr(base, name, QtProperty(name, base.__dict__.get(name)))


def adapt(classes: Iterable[type]) -> None:
    """Make Qt classes behave as PythonQt's; called once for each process."""
    done: set[type] = set()
    for kind in classes:
        _declare_properties(kind, done)
    QObject.name = QtProperty("objectName")  # type: ignore[attr-defined]
    QObject.__getattribute__ = _getattribute  # type: ignore[method-assign]
    QObject.__setattr__ = _setattr  # type: ignore[method-assign]
    for kind in done:
        if "__setattr__" in kind.__dict__:
            kind.__setattr__ = _setattr  # type: ignore[method-assign]
