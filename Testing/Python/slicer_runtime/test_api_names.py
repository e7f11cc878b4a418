"""The module uses only names that Slicer 5.12 has, and the stand-ins offer no others."""

import tempfile
import unittest
from pathlib import Path

import ctk
import slicer
from PySide6.QtCore import Property

from SlicerRuntime.api import checking, names

REPOSITORY = Path(__file__).resolve().parents[3]


def module_files(suffix):
    files = []
    for module in ("HeartSeg3D", "HeartSegTraining"):
        folder = REPOSITORY / module
        library = folder / f"{module}Lib"
        places = [folder.glob(f"*{suffix}"), (folder / "Resources").rglob(f"*{suffix}")]
        places += [(library / room).rglob(f"*{suffix}") for room in ("scene", "panel")]
        files += [path for place in places for path in place]
    return sorted(files)


class ModuleNamesTest(unittest.TestCase):
    def test_module_code_uses_names_that_slicer_has(self):
        mistakes = checking.check_files(module_files(".py"), module_files(".ui"))
        self.assertEqual(mistakes, [], "\n".join(mistakes))

    def test_ui_files_use_names_that_the_widgets_have(self):
        self.assertEqual(checking.check_ui(module_files(".ui")), [])


class CheckerTest(unittest.TestCase):
    def mistakes(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "code.py"
            path.write_text(text, encoding="utf-8")
            return [mistake.partition(": ")[2] for mistake in checking.check_files([path], [])]

    def test_right_names_pass(self):
        self.assertEqual(
            self.mistakes(
                "import qt, ctk, slicer\n"
                "b = qt.QPushButton('x')\nb.connect('clicked(bool)', print)\nb.enabled = True\n"
                "c = slicer.qMRMLNodeComboBox()\nc.nodeTypes = []\nc.setMRMLScene(slicer.mrmlScene)\n"
                "slicer.util.confirmYesNoDisplay('x', windowTitle='y')\n"
                "n = slicer.vtkMRMLTableNode()\nn.AddEmptyRow()\n"
            ),
            [],
        )

    def test_each_kind_of_mistake_is_found(self):
        for code, expected in (
            ("slicer.util.loadVolumes('x')", "slicer.util has no loadVolumes"),
            ("slicer.vtkMRMLHeartNode()", "slicer has no vtkMRMLHeartNode"),
            ("qt.QTextCodec", "Qt has no QTextCodec"),
            ("ctk.ctkButton()", "ctk.ctkButton is not known to the test runtime"),
            ("b = qt.QPushButton()\nb.enable = True", "QPushButton has no enable"),
            ("b = qt.QPushButton()\nb.text()", "QPushButton.text is a property and cannot be called"),
            (
                "b = qt.QPushButton()\nb.setText(text='x')",
                "QPushButton.setText() takes no keyword arguments in PythonQt",
            ),
            ("b = qt.QPushButton()\nb.connect('pushed()', f)", "QPushButton has no signal pushed()"),
            ("x.connect('nothingLikeIt()', f)", "no class has a signal nothingLikeIt()"),
            ("c = slicer.qMRMLNodeComboBox()\nc.setCurrentNode()", "setCurrentNode takes 1 to 1 arguments, not 0"),
            ("node.SetAndObserveHeart(1)", "no class of VTK or Slicer has a method SetAndObserveHeart"),
            ("slicer.util.loadUI()", "missing a required argument: 'path'"),
            ("slicer.util.errorDisplay('x', titel='y', parent=None, wrong=3, text='z')", "multiple values"),
        ):
            with self.subTest(code=code):
                found = self.mistakes(f"import qt, ctk, slicer\n{code}\n")
                self.assertTrue(any(expected in mistake for mistake in found), found)


class StandInNamesTest(unittest.TestCase):
    def stand_ins(self):
        for library in (ctk, slicer):
            for name, kind in sorted(vars(library).items()):
                if isinstance(kind, type) and "_stands_for_cpp" in vars(kind):
                    yield name, kind
        yield "qSlicerApplication", type(slicer.app)
        yield "qSlicerLayoutManager", type(slicer.app.layoutManager())
        yield "qSlicerModuleManager", type(slicer.app.moduleManager())

    def test_stand_ins_offer_only_names_of_the_widgets(self):
        invented = []
        for name, kind in self.stand_ins():
            if not names.is_widget(name):
                invented.append(name)
                continue
            for base in kind.__mro__:
                if base.__module__.startswith("PySide6"):
                    break
                public = [n for n, value in vars(base).items() if not n.startswith("_") and not isinstance(value, int)]
                ignored = {"staticMetaObject", "cpp_signals", *_event_handlers(base)}
                invented += [f"{name}.{m}" for m in public if m not in ignored and not names.member(name, m)[0]]
        self.assertEqual(invented, [])

    def test_signals_of_stand_ins_are_those_of_the_widgets(self):
        wrong = [
            f"{name}: {signal}"
            for name, kind in self.stand_ins()
            for base in kind.__mro__
            for signal in vars(base).get("cpp_signals", {})
            if not names.has_signal(name, signal)
        ]
        self.assertEqual(wrong, [])

    def test_properties_of_stand_ins_are_properties(self):
        wrong = [
            f"{name}.{member}"
            for name, kind in self.stand_ins()
            for member, value in vars(kind).items()
            if isinstance(value, Property)
            and not any(
                member in names.fixture()["widgets"].get(ancestor, {}).get("properties", [member])
                for ancestor in names.lineage(name)
            )
        ]
        self.assertEqual(wrong, [])

    def test_own_python_files_offer_only_names_of_slicers(self):
        for module_name in ("slicer.i18n", "slicer.ScriptedLoadableModule"):
            module = __import__(module_name, fromlist=["*"])
            known = names.fixture()["functions"].get(module_name, {}) | names.fixture()["classes"].get(module_name, {})
            own = [n for n, value in vars(module).items() if getattr(value, "__module__", "") == module_name]
            self.assertEqual([n for n in own if n not in known and not n.startswith("_")], [])


def _event_handlers(kind):
    """Virtual functions of Qt that a stand-in overrides, which are no names of its own."""
    return [
        name for name in vars(kind) if name.endswith("Event") or name in ("sizeHint", "minimumSizeHint", "hitButton")
    ]
