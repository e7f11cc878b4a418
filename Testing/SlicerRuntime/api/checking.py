"""Lists every name of ``slicer``, ``qt`` and ``ctk`` in a module's Python files that Slicer does not have."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import ctk
import qt
import slicer

from . import names

# Parts of slicer that exist only in the application.
_APPLICATION = {"app": "qSlicerApplication"}
_FREE = {"modules", "mrmlScene", "util", "i18n", "packaging", "cli", "testing", "selfTests", "dicomDatabase"}
# How methods of VTK begin; classes of the module itself are capitalized, too.
_VTK_METHOD = re.compile(
    r"(Get|Set|Add|Remove|Create|Is|Has|Export|Import|Update|Modified|Start|End|Clear|Generate|Deep|Shallow|Harden|"
    r"Transform|Copy|Observe|Select|Show|Find|Load|Read|Write|Insert|Delete|Reset|Replace|Save|Restore|Invoke)(?![a-z])"
)
_SIGNAL = re.compile(r"^\w+\([\w:*<>, &]*\)$")


class ModuleChecker(ast.NodeVisitor):
    """Collects mistakes as ``file:line: sentence``."""

    def __init__(self, path: Path, widgets: dict[str, str]) -> None:
        self.path = path
        self.mistakes: list[str] = []
        self._widgets = widgets
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._types = dict(self._constructed())
        self._functions: dict[str, tuple[str, str]] = {}

    def check(self) -> list[str]:
        """Every mistake in the file."""
        self.visit(self._tree)
        return self.mistakes

    def _say(self, node: ast.AST, text: str) -> None:
        self.mistakes.append(f"{self.path.name}:{getattr(node, 'lineno', 0)}: {text}")

    def _constructed(self) -> Iterator[tuple[str, str]]:
        """Variables that only ever hold one class of widget: ``x = qt.QLabel(...)``, ``self.x = ctk.y()``."""
        found: dict[str, set[str]] = {}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Assign):
                targets, value = node.targets, node.value
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                targets, value = [node.target], node.value
            else:
                continue
            for target in targets:
                key = ast.unparse(target) if isinstance(target, ast.Name | ast.Attribute) else None
                if key is not None:
                    found.setdefault(key, set()).add(_constructed_class(value) or "?")
        for key, kinds in found.items():
            if len(kinds) == 1 and names.knows_class(next(iter(kinds))):
                yield key, next(iter(kinds))

    def _class_of(self, node: ast.expr) -> str | None:
        text = ast.unparse(node)
        if text in self._types:
            return self._types[text]
        if text.startswith("slicer.") and text.count(".") == 1:
            return _APPLICATION.get(text.partition(".")[2])
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).rpartition(".")[2] in ("ui", "_ui"):
            return self._widgets.get(node.attr)
        return _constructed_class(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        functions = names.fixture()["functions"].get(node.module or "")
        classes = names.fixture()["classes"].get(node.module or "", {})
        for alias in node.names:
            if functions is not None and alias.name in functions:
                self._functions[alias.asname or alias.name] = (node.module or "", alias.name)
            elif node.module in ("slicer.util", "slicer.i18n", "slicer.packaging") and alias.name not in classes:
                self._say(node, f"{node.module} has no {alias.name}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = ast.unparse(node.value)
        if owner in ("qt", "ctk"):
            self._check_library(node, owner)
        elif owner == "slicer":
            self._check_slicer(node)
        elif owner in ("slicer.util", "slicer.i18n", "slicer.packaging"):
            known = names.fixture()["functions"].get(owner, {}) | names.fixture()["classes"].get(owner, {})
            if node.attr not in known:
                self._say(node, f"{owner} has no {node.attr}")
        else:
            self._check_member(node)
        self.generic_visit(node)

    def _check_library(self, node: ast.Attribute, owner: str) -> None:
        if owner == "qt" and not hasattr(qt, node.attr):
            self._say(node, f"Qt has no {node.attr}")
        if owner == "ctk" and not (names.is_widget(node.attr) and hasattr(ctk, node.attr)):
            self._say(node, f"ctk.{node.attr} is not known to the test runtime")

    def _check_slicer(self, node: ast.Attribute) -> None:
        known = node.attr in _FREE or node.attr in _APPLICATION or names.is_widget(node.attr)
        if not known and not (node.attr.startswith("vtk") and hasattr(slicer, node.attr)):
            self._say(node, f"slicer has no {node.attr}")

    def _check_member(self, node: ast.Attribute) -> None:
        kind = self._class_of(node.value)
        if kind is not None and names.knows_class(kind):
            if not names.member(kind, node.attr)[0]:
                self._say(node, f"{kind} has no {node.attr}")
            return
        owner = ast.unparse(node.value)
        if owner.startswith("slicer.vtk") and not hasattr(getattr(slicer, owner.partition(".")[2], None), node.attr):
            self._say(node, f"{owner} has no {node.attr}")

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Name) and function.id in self._functions:
            self._check_python(node, *self._functions[function.id])
        elif isinstance(function, ast.Attribute):
            owner = ast.unparse(function.value)
            if owner in names.fixture()["functions"]:
                self._check_python(node, owner, function.attr)
            elif owner in ("qt", "ctk") or (owner == "slicer" and names.is_widget(function.attr)):
                self._refuse_keywords(node, f"{owner}.{function.attr}")
            else:
                self._check_method(node, function)
        self.generic_visit(node)

    def _refuse_keywords(self, node: ast.Call, text: str) -> None:
        if node.keywords:
            self._say(node, f"{text}() takes no keyword arguments in PythonQt")

    def _check_python(self, node: ast.Call, module: str, name: str) -> None:
        parameters = names.fixture()["functions"][module].get(name)
        if parameters is None or any(isinstance(argument, ast.Starred) for argument in node.args):
            return
        try:
            _bind(parameters, node)
        except TypeError as error:
            self._say(node, f"{module}.{name}({parameters}): {error}")

    def _check_method(self, node: ast.Call, function: ast.Attribute) -> None:
        if function.attr in ("connect", "disconnect") and node.args and isinstance(node.args[0], ast.Constant):
            self._check_signal(node, function)
        kind = self._class_of(function.value)
        if kind is None and ast.unparse(function.value).startswith("qt."):
            kind = ast.unparse(function.value).removeprefix("qt.").partition(".")[0]
        if kind is not None and names.knows_class(kind):
            self._check_call_of_member(node, kind, function.attr)
        elif function.attr[:1].isupper() and not ast.unparse(function.value)[:1].isupper():
            self._check_vtk(node, function)

    def _check_call_of_member(self, node: ast.Call, kind: str, name: str) -> None:
        self._refuse_keywords(node, f"{kind}.{name}")
        if names.is_property(kind, name):
            self._say(node, f"{kind}.{name} is a property and cannot be called")
        arity = names.member(kind, name)[1]
        if arity is None or any(isinstance(argument, ast.Starred) for argument in node.args):
            return
        if not arity[0] <= len(node.args) <= arity[1]:
            self._say(node, f"{kind}.{name} takes {arity[0]} to {arity[1]} arguments, not {len(node.args)}")

    def _check_signal(self, node: ast.Call, function: ast.Attribute) -> None:
        signal = node.args[0].value  # type: ignore[attr-defined]
        if not isinstance(signal, str) or not _SIGNAL.match(signal):
            return
        kind = self._class_of(function.value)
        if kind is not None and names.knows_class(kind):
            if not names.has_signal(kind, signal):
                self._say(node, f"{kind} has no signal {signal}")
        elif names.normalized(signal) not in names.known_signals():
            self._say(node, f"no class has a signal {signal}")

    def _check_vtk(self, node: ast.Call, function: ast.Attribute) -> None:
        imported = _imported_modules(self._tree)
        if not imported & {"slicer", "vtk", "qt", "ctk"} or not _VTK_METHOD.match(function.attr):
            return
        if ast.unparse(function.value).partition(".")[0] in imported - {"slicer"} or function.attr in _DEFINED:
            return
        if function.attr not in names.vtk_members():
            self._say(node, f"no class of VTK or Slicer has a method {function.attr}")


# Names that Python files of the module define themselves, filled in by check_files.
_DEFINED: set[str] = set()


def _constructed_class(node: ast.expr) -> str | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    return node.func.attr if ast.unparse(node.func.value) in ("qt", "ctk", "slicer") else None


def _imported_modules(tree: ast.Module) -> set[str]:
    imports = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {(alias.asname or alias.name).partition(".")[0] for alias in imports} | {"sitk"}


def _bind(parameters: str, node: ast.Call) -> None:
    scope: dict[str, object] = {}
    plain = re.sub(r"=[^,()]*(\([^()]*\))?", "=None", parameters)
    exec(f"import inspect\ndef f({plain}): pass\nsignature = inspect.signature(f)", scope)
    keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg}
    scope["signature"].bind(*node.args, **keywords)  # type: ignore[attr-defined]


def widget_classes(ui_files: list[Path]) -> dict[str, str]:
    """The class of every named widget, action and layout of .ui files."""
    found = {}
    for path in ui_files:
        for element in ElementTree.parse(path).getroot().iter():
            if element.tag in ("widget", "layout") and element.get("name"):
                found[element.get("name", "")] = element.get("class", "")
    return found


def check_files(python_files: list[Path], ui_files: list[Path]) -> list[str]:
    """Every mistake in a module's files."""
    widgets = widget_classes(ui_files)
    for path in python_files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        _DEFINED.update(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return [mistake for path in python_files for mistake in ModuleChecker(path, widgets).check()]


def check_ui(ui_files: list[Path]) -> list[str]:
    """Properties, signals and slots in .ui files that the classes of their widgets do not have."""
    mistakes = []
    for path in ui_files:
        root = ElementTree.parse(path).getroot()
        classes = widget_classes([path])
        for widget in root.iter("widget"):
            kind = widget.get("class", "")
            for entry in widget.findall("property"):
                name = entry.get("name", "")
                if entry.get("stdset") != "0" and names.knows_class(kind) and not names.is_property(kind, name):
                    mistakes.append(f"{path.name}: {kind} {widget.get('name')} has no property {name}")
            if not names.knows_class(kind):
                mistakes.append(f"{path.name}: no class {kind} is known")
        for connection in root.iter("connection"):
            sender = classes.get(connection.findtext("sender", ""), "")
            receiver = classes.get(connection.findtext("receiver", ""), "")
            if not names.has_signal(sender, connection.findtext("signal", "")):
                mistakes.append(f"{path.name}: {sender} has no signal {connection.findtext('signal')}")
            slot = connection.findtext("slot", "").partition("(")[0]
            if not names.member(receiver, slot)[0]:
                mistakes.append(f"{path.name}: {receiver} has no slot {slot}")
    return mistakes
