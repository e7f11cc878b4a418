"""PythonQt's ``object.connect("signal(type)", callable)`` over PySide6, for Qt's signals and for those of stand-ins."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import SIGNAL, QMetaMethod, QMetaObject, QObject

from .qt_attributes import instance_method, meta_object

_plain_connect = QObject.connect
_plain_disconnect = QObject.disconnect
_connections: dict[tuple[int, str], list[tuple[Any, Callable[..., Any]]]] = {}


def normalized(signature: str) -> str:
    """``const QString& text`` and ``QString`` are one: no const, no reference, no name of the argument."""
    name, _, arguments = signature.partition("(")
    kinds = []
    for argument in filter(None, (part.strip() for part in arguments.rstrip(") ").split(","))):
        kind = re.sub(r"\bconst\b|&", " ", argument).split("=")[0].strip()
        kind = re.sub(r"\s*\*\s*", "* ", kind).strip()
        words = kind.split()
        kinds.append(words[0] if len(words) == 2 and words[0] not in ("unsigned", "long") else "".join(words))
    return f"{name.strip()}({','.join(kinds)})"


def _qt_signals(source: QObject) -> list[str]:
    meta = meta_object(source)
    methods = (meta.method(index) for index in range(meta.methodCount()))
    return [
        bytes(method.methodSignature().data()).decode()
        for method in methods
        if method.methodType() == QMetaMethod.MethodType.Signal
    ]


def _stand_in_signals(source: QObject) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed(type(source).__mro__):
        found.update(base.__dict__.get("cpp_signals", {}))
    return found


def _trimmed(receiver: Callable[..., Any]) -> Callable[..., Any]:
    """PythonQt drops the arguments that a Python function has no room for; anything else gets them all."""
    function = getattr(receiver, "__func__", receiver)
    if not isinstance(function, types.FunctionType) or function.__code__.co_flags & 0x04:
        return lambda *arguments: receiver(*arguments)
    room = function.__code__.co_argcount - (1 if isinstance(receiver, types.MethodType) else 0)
    return lambda *arguments: receiver(*arguments[:room])


def connect(source: QObject, signal: str, receiver: Any, slot: str | None = None) -> bool:
    """Connect as PythonQt does, but let an unknown signal fail: PythonQt only prints that."""
    if slot is not None:
        receiver = getattr(receiver, slot.partition("(")[0])
    if not callable(receiver):
        raise TypeError(f"{receiver!r}, which {signal} should call, cannot be called")
    stand_in = _stand_in_signals(source)
    target = _trimmed(receiver)
    wanted = normalized(signal)
    if wanted in stand_in:
        getattr(source, stand_in[wanted]).connect(target)
    else:
        qt_signature = bytes(QMetaObject.normalizedSignature(signal).data()).decode()
        if qt_signature not in _qt_signals(source) or qt_signature.partition("(")[0] in stand_in.values():
            known = sorted({*stand_in, *_qt_signals(source)})
            raise ValueError(f"{type(source).__name__} has no signal {signal}; it has {', '.join(known)}")
        _plain_connect(source, SIGNAL(qt_signature), target)
    _connections.setdefault((id(source), wanted), []).append((receiver, target))
    return True


def disconnect(source: QObject, signal: str | None = None, receiver: Any = None, slot: str | None = None) -> bool:
    """Undo one :func:`connect`; false where there was none."""
    if signal is None or (receiver is not None and not callable(receiver) and slot is None):
        raise TypeError("disconnect() needs a signal and what it was connected to")
    if slot is not None:
        receiver = getattr(receiver, slot.partition("(")[0])
    wanted = normalized(signal)
    stand_in = _stand_in_signals(source)
    kept, gone = [], []
    for entry in _connections.get((id(source), wanted), []):
        (gone if receiver is None or entry[0] == receiver else kept).append(entry)
    _connections[(id(source), wanted)] = kept
    for _, target in gone:
        if wanted in stand_in:
            getattr(source, stand_in[wanted]).disconnect(target)
        else:
            qt_signature = bytes(QMetaObject.normalizedSignature(signal).data()).decode()
            _plain_disconnect(source, SIGNAL(qt_signature), target)
    return bool(gone)


def adapt() -> None:
    """Give every QObject PythonQt's connect and disconnect."""
    instance_method("connect", connect)
    instance_method("disconnect", disconnect)
