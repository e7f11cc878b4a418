"""How a stand-in declares what the C++ widget has: properties, signals, and that it is to be as strict as C++."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property


def stands_for_cpp(kind: Any) -> Any:
    """Mark a class as a stand-in for a C++ class, on whose objects no attribute may be invented."""
    kind._stands_for_cpp = True
    return kind


def stored(name: str, kind: Any, default: Any) -> Any:
    """A Qt property that is kept and has no other effect, except through ``_<name>_changed`` where the class has it."""
    key = f"_stored_{name}"

    def read(self: Any) -> Any:
        value = self.__dict__.get(key, default)
        return tuple(value) if kind == "QStringList" else value

    def write(self: Any, value: Any) -> None:
        self.__dict__[key] = value
        changed = getattr(type(self), f"_{name}_changed", None)
        if changed is not None:
            changed(self, value)

    return Property(kind, read, write)


def forwarded(name: str, kind: Any, inner: str, inner_name: str | None = None) -> Any:
    """A Qt property that is one of an inner widget, kept in the attribute ``inner``."""

    def read(self: Any) -> Any:
        return self.__dict__[inner].property(inner_name or name)

    def write(self: Any, value: Any) -> None:
        self.__dict__[inner].setProperty(inner_name or name, value)

    return Property(kind, read, write)
