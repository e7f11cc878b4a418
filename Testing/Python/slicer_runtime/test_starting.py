"""Where a library of the system is missing, tests say which Debian packages they need."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
sys.path.insert(0, {testing!r})
import SlicerRuntime, SlicerRuntime.pytest_support as support
def start():
    raise SlicerRuntime.SystemLibraryMissingError("libEGL.so.1")
support.start = start
import pytest
class Plugin:
    def pytest_pycollect_makemodule(self, module_path, parent):
        return support.pytest_pycollect_makemodule(module_path, parent)
sys.exit(pytest.main(["-rs", "-p", "no:cacheprovider", {test!r}], plugins=[Plugin()]))
"""


@pytest.mark.parametrize(("required", "outcome"), [("0", "1 skipped"), ("1", "1 error")])
def test_a_missing_library_skips_for_a_user_and_fails_where_it_is_promised(tmp_path, repository, required, outcome):
    test = tmp_path / "test_nothing.py"
    test.write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    program = PROGRAM.format(testing=str(repository / "Testing"), test=str(test))
    environment = {"HEARTSEG_REQUIRE_SYSTEM_LIBRARIES": required, "PATH": str(Path(sys.executable).parent)}
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert outcome in run.stdout
    assert "sudo apt-get install libgl1" in run.stdout
    assert "imported" not in run.stdout


def test_nothing_of_the_product_imports_the_runtime(repository):
    for folder in ("HeartSeg3D", "HeartSegTraining"):
        for path in (repository / folder).rglob("*.py"):
            assert "SlicerRuntime" not in path.read_text(encoding="utf-8"), path
