"""The script for 3D Slicer in the README runs as it stands there, on the sample scan."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import slicer

from HeartSeg3DLib import resources
from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.scene.sample_data import FILE

REPOSITORY = Path(__file__).resolve().parents[3]


def script_of_readme() -> str:
    """The one block of Python that imports the module's logic."""
    blocks = re.findall(r"```python\n(.+?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (script,) = [block for block in blocks if "from HeartSeg3D import HeartSeg3DLogic" in block]
    return str(script)


class ReadmeScriptTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.enterContext(mock.patch("sys.path", [str(REPOSITORY / "HeartSeg3D"), *sys.path]))
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(contextlib.chdir(self.folder))

    def test_it_prints_the_volumes_saves_the_heart_and_ends_slicer(self) -> None:
        script = script_of_readme()
        self.assertEqual(script.count('"scan.nrrd"'), 1)
        script = script.replace('"scan.nrrd"', repr(str(resources.path(FILE))))
        with mock.patch.object(slicer.util, "exit") as leave, contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(script, "volumes.py", "exec"), {"__name__": "__main__"})
        leave.assert_called_once_with()
        lines = printed.getvalue()
        for value in WHOLE_HEART:
            self.assertRegex(lines, rf"(?m)^{STRUCTURES[value].id}: [1-9]\d+ mL$")
        saved = slicer.util.loadSegmentation(str(self.folder / "heart.seg.nrrd"))
        self.assertEqual(saved.GetSegmentation().GetNumberOfSegments(), len(WHOLE_HEART))

    def test_it_has_ten_lines(self) -> None:
        self.assertLessEqual(len([line for line in script_of_readme().splitlines() if line.strip()]), 10)
