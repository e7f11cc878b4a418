"""The extension's CMake lists name every file, and what they install runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

import module_lists
from extension_install import Extension
from SlicerRuntime import SYSTEM_PACKAGES
from use_module import LIBRARY_MISSING

REMEDY = "the module's CMakeLists.txt does not name the files of this tree; run: make lists"


def installed_files(extension: Extension) -> set[str]:
    return set(module_lists.files_below(extension.folder))


def python(*arguments: str, cwd: Path, path: Path) -> str:
    """Runs Python in another folder with one folder of modules before all others."""
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(path)})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("module", module_lists.MODULES)
def test_the_lists_name_every_file_and_no_other(repository: Path, module: str) -> None:
    text = (repository / module / "CMakeLists.txt").read_text("utf-8")
    assert text == module_lists.with_lists(text, module_lists.packaged_files(repository, module)), REMEDY


def test_lists_are_rewritten_from_the_tree(tmp_path: Path) -> None:
    for name in ("HeartSeg3D/HeartSeg3D.py", "HeartSeg3D/HeartSeg3DLib/__init__.py",
                 "HeartSeg3D/HeartSeg3DLib/__pycache__/old.py", "HeartSeg3D/Resources/Icons/Heart.png",
                 "HeartSeg3D/Resources/.DS_Store", "Resources/Models/tiny/model.json", "Resources/README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    lists = module_lists.packaged_files(tmp_path, "HeartSeg3D")
    assert lists == {"MODULE_PYTHON_SCRIPTS": ["HeartSeg3D.py", "HeartSeg3DLib/__init__.py"],
                     "MODULE_PYTHON_RESOURCES": ["Resources/Icons/Heart.png"],
                     "MODULE_SHARED_RESOURCES": ["Models/tiny/model.json"]}
    before = "".join(f"set({name}\n  gone.py\n)\n" for name in lists)
    assert "  Models/tiny/model.json\n)" in module_lists.with_lists(before, lists)
    assert "gone" not in module_lists.with_lists(before, lists)
    with pytest.raises(ValueError, match="MODULE_SHARED_RESOURCES 0 times"):
        module_lists.with_lists(before.replace("SHARED", "OTHER"), lists)


def test_the_installed_folder_holds_what_the_tree_holds(extension: Extension, repository: Path) -> None:
    expected: list[str] = []
    for module in module_lists.MODULES:
        lists = module_lists.packaged_files(repository, module)
        expected += [f"HeartSeg3DLib/Resources/{name}" for name in lists.pop("MODULE_SHARED_RESOURCES", [])]
        expected += [name for names in lists.values() for name in names]
    assert len(set(expected)) == len(expected), "two modules install a file of the same name into one folder"
    assert installed_files(extension) == set(expected), REMEDY


def test_slicer_is_asked_to_test_the_modules(extension: Extension, repository: Path) -> None:
    assert extension.unittests == [repository / module / f"{module}.py" for module in module_lists.MODULES]


def test_the_installed_library_finds_its_own_resources(extension: Extension, tmp_path: Path) -> None:
    ask = ("import HeartSeg3DLib, json; from HeartSeg3DLib import resources; "
           "print(json.dumps([HeartSeg3DLib.__file__, str(resources.path('Models'))]))")
    code, models = json.loads(python("-c", ask, cwd=tmp_path, path=extension.folder))
    assert Path(code).parent == extension.folder / "HeartSeg3DLib"
    assert Path(models) == extension.folder / "HeartSeg3DLib" / "Resources" / "Models"


def test_the_installed_worker_answers(extension: Extension, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-m", "HeartSeg3DLib.worker"], cwd=tmp_path, text=True,
                          env={**os.environ, "PYTHONPATH": str(extension.folder)},
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps({"job": "1", "action": "devices"}) + "\n")
        worker.stdin.flush()
        events = (json.loads(line) for line in worker.stdout)
        result = next(event for event in events if event["event"] in ("result", "error"))
        worker.stdin.write(json.dumps({"action": "quit"}) + "\n")
        worker.stdin.close()
        assert worker.wait(60) == 0
    assert "cpu" in {device["id"] for device in result["devices"]}


def test_the_installed_modules_open_segment_and_offer_recipes(
    extension: Extension, repository: Path, tmp_path: Path, system_library_is_missing: Callable[[str], NoReturn]
) -> None:
    path = os.pathsep.join([str(extension.folder), str(repository / "Testing")])
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("use_module.py")), str(extension.folder)],
                          cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": path, "HEARTSEG_DATA": str(tmp_path / "data")})
    if done.returncode == LIBRARY_MISSING:
        system_library_is_missing(SYSTEM_PACKAGES)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert Path(report["library"]).parent == extension.folder / "HeartSeg3DLib"
    assert (report["title"], report["failures"], report["imported_at_start"]) == ("HeartSeg3D", [], False)
    assert report["volumes"]["LV"] > 50
    assert Path(report["training_library"]).parent == extension.folder / "HeartSegTrainingLib"
    assert report["recipes"] == ["demo", "lab", "cluster"]
