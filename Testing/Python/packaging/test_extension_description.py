"""CMakeLists.txt, HeartSeg.s4ext and HeartSeg.json say the same about the extension, and say it as Slicer wants it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest

from extension_install import Extension

# Fields of an entry in the Extensions Index, slicer-extension-catalog-entry-schema-v1.0.2.json.
SCHEMA = ("https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/"
          "slicer-extension-catalog-entry-schema-v1.0.2.json#")
REQUIRED = {"$schema", "category", "scm_url"}
OPTIONAL = {"scm_revision": str, "scm_type": str, "build_dependencies": list, "build_subdirectory": str,
            "enabled": bool, "tier": int, "dicom_support_rule": str}
# Facts of the source, which Slicer takes from the Extensions Index and CMakeLists.txt does not hold.
SOURCE_FACTS = {"scm", "scmurl", "scmrevision"}


@pytest.fixture
def homepage(repository: Path) -> str:
    return tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Homepage"]


@pytest.fixture
def s4ext(repository: Path) -> dict[str, str]:
    lines = (repository / "HeartSeg.s4ext").read_text("utf-8").splitlines()
    fields = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    assert len({keyword for keyword, _, _ in fields}) == len(fields)
    return {keyword: value for keyword, _, value in fields}


@pytest.fixture
def index_entry(repository: Path) -> dict[str, object]:
    text = (repository / "HeartSeg.json").read_bytes().decode("utf-8")
    assert "\r" not in text
    return json.loads(text)


def test_the_project_is_called_as_its_description_files(extension: Extension, repository: Path) -> None:
    assert (repository / f"{extension.project}.s4ext").is_file()
    assert (repository / f"{extension.project}.json").is_file()


def test_the_s4ext_file_equals_cmakelists(extension: Extension, s4ext: dict[str, str]) -> None:
    files = {"LICENSE_FILE", "README_FILE"}
    described = {name.lower(): value for name, value in extension.description.items() if name not in files}
    assert {name: value for name, value in s4ext.items() if name not in SOURCE_FACTS} == described


def test_the_index_entry_holds_what_its_schema_asks_for(index_entry: dict[str, object]) -> None:
    assert set(index_entry) >= REQUIRED
    assert set(index_entry) <= REQUIRED | set(OPTIONAL)
    assert index_entry["$schema"] == SCHEMA
    assert {name: type(value) for name, value in index_entry.items() if name in OPTIONAL} == {
        name: kind for name, kind in OPTIONAL.items() if name in index_entry}
    assert index_entry["scm_type"] in ("git", "local")
    assert index_entry["tier"] in range(1, 6)


def test_the_index_entry_equals_the_s4ext_file(index_entry: dict[str, object], s4ext: dict[str, str]) -> None:
    same = {"scm_type": "scm", "scm_url": "scmurl", "scm_revision": "scmrevision", "category": "category",
            "build_subdirectory": "build_subdirectory"}
    assert {name: index_entry[name] for name in same} == {name: s4ext[other] for name, other in same.items()}
    assert " ".join(index_entry["build_dependencies"]) == s4ext["depends"]
    assert (index_entry["tier"], index_entry["enabled"]) == (int(s4ext["tier"]), s4ext["enabled"] == "1")


def test_addresses_point_to_the_homepage(s4ext: dict[str, str], homepage: str) -> None:
    assert s4ext["homepage"] == homepage
    assert s4ext["scmurl"] == f"{homepage}.git"
    assert homepage.rsplit("/", 1)[1].startswith("Slicer"), "the Extensions Index asks for this"


def test_icon_and_screenshots_are_pictures_of_this_repository(
    repository: Path, s4ext: dict[str, str], homepage: str
) -> None:
    below = homepage.replace("https://github.com/", "https://raw.githubusercontent.com/") + f"/{s4ext['scmrevision']}/"
    pictures = [s4ext["iconurl"], *s4ext["screenshoturls"].split()]
    assert len(pictures) >= 2
    for address in pictures:
        assert address.startswith(below)
        file = repository / unquote(address.removeprefix(below))
        assert file.is_file(), f"{file} is what the Extensions Manager shows"
        assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_icon_has_the_size_that_the_extensions_manager_shows(repository: Path) -> None:
    header = (repository / "HeartSeg3D" / "Resources" / "Icons" / "HeartSeg3D.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")) == (128, 128)


def test_the_index_can_read_the_fields_line_by_line(repository: Path) -> None:
    # The Extensions Index checks icon and screenshots with a regular expression instead of CMake.
    text = (repository / "CMakeLists.txt").read_text("utf-8")
    for name in ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert re.search(rf'^set\(EXTENSION_{name} "[^"$]+"\)$', text, re.MULTILINE), name


def test_license_and_readme_of_the_package_are_this_projects(extension: Extension, repository: Path) -> None:
    assert Path(extension.description["LICENSE_FILE"]) == repository / "LICENSE"
    assert Path(extension.description["README_FILE"]) == repository / "README.md"
