"""HeartSeg finds its code and resources in a checkout, an editable install and a wheel."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from extension_install import run

LIBRARIES = {"HeartSeg3DLib": "HeartSeg3D", "HeartSegTrainingLib": "HeartSegTraining"}
RESOURCES = ("Models", "Recipes", "Samples", "Terminologies")
PROBE = "Samples/probe.txt"

# Runs isolated from the environment and its packages, so that only the layout under test can answer.
ASK = """
import json, site, sys
for folder in sys.argv[1:]:
    site.addsitedir(folder)
import HeartSeg3DLib, HeartSegTrainingLib
from HeartSeg3DLib import resources
probe = resources.path("Samples/probe.txt")
print(json.dumps([HeartSeg3DLib.__file__, HeartSegTrainingLib.__file__, str(probe), probe.read_text()]))
"""


@pytest.fixture(scope="module")
def checkout(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what packaging reads, with a probe among the resources; building leaves the original untouched."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(repository / name, root / name)
    for name in ("HeartSeg3D", "HeartSegTraining", "Resources"):
        shutil.copytree(repository / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in RESOURCES:
        (root / "Resources" / name).mkdir(exist_ok=True)
    (root / "Resources" / PROBE).write_text("found")
    return root


def build(checkout: Path, kind: str, folder: Path) -> Path:
    """Unpack what the build backend makes of the checkout, as pip does, and return the folder."""
    script = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
    run(sys.executable, "-c", script, kind, folder, cwd=checkout)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")
    return folder / "site-packages"


def ask(cwd: Path, *search: Path) -> tuple[Path, Path, Path]:
    """Where a new process in another folder finds both libraries and the probe."""
    *found, content = json.loads(run(sys.executable, "-I", "-S", "-c", ASK, *search, cwd=cwd))
    assert content == "found"
    library, training, probe = (Path(name) for name in found)
    return library.parent, training.parent, probe


def expected_files(checkout: Path) -> set[str]:
    """Every file that an install has to hold, relative to the folder that holds both libraries."""
    code = {
        path.relative_to(checkout / module).as_posix()
        for library, module in LIBRARIES.items()
        for path in (checkout / module / library).rglob("*.py")
    }
    resources = {
        "HeartSeg3DLib/" + path.relative_to(checkout).as_posix()
        for name in RESOURCES
        for path in (checkout / "Resources" / name).rglob("*")
        if path.is_file()
    }
    return code | resources


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".dist-info" not in str(path) and "__pycache__" not in path.parts
    }


def test_a_checkout_finds_its_resources(checkout: Path, tmp_path: Path) -> None:
    library, training, probe = ask(tmp_path, checkout / "HeartSeg3D", checkout / "HeartSegTraining")
    assert library == checkout / "HeartSeg3D" / "HeartSeg3DLib"
    assert training == checkout / "HeartSegTraining" / "HeartSegTrainingLib"
    assert probe == checkout / "Resources" / PROBE


def test_an_editable_install_finds_code_and_resources_of_the_checkout(checkout: Path, tmp_path: Path) -> None:
    library, training, probe = ask(tmp_path, build(checkout, "build_editable", tmp_path))
    assert library == checkout / "HeartSeg3D" / "HeartSeg3DLib"
    assert training == checkout / "HeartSegTraining" / "HeartSegTrainingLib"
    assert probe == checkout / "Resources" / PROBE


def test_a_wheel_holds_all_code_and_resources_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    site_packages = build(checkout, "build_wheel", tmp_path)
    assert files_below(site_packages) == expected_files(checkout)
    library, training, probe = ask(tmp_path, site_packages)
    assert {library.parent, training.parent} == {site_packages}
    assert probe == library / "Resources" / PROBE


def test_the_console_script_of_a_wheel_exists(checkout: Path, tmp_path: Path) -> None:
    site_packages = build(checkout, "build_wheel", tmp_path)
    (scripts,) = site_packages.glob("*.dist-info/entry_points.txt")
    module, function = re.search(r"^heartseg = ([\w.]+):(\w+)$", scripts.read_text(), re.MULTILINE).groups()
    source = (site_packages / module.replace(".", "/") / "__init__.py").read_text()
    assert f"def {function}(" in source


def test_the_libraries_hold_code_only(checkout: Path) -> None:
    others = [
        str(path)
        for library, module in LIBRARIES.items()
        for path in (checkout / module / library).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    ]
    assert others == [], "data belongs into Resources, where every layout finds it"
