"""Rooms stand on floors: an import goes down or stays on its floor, never up, and never in a circle."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARIES = {"HeartSeg3DLib": "HeartSeg3D", "HeartSegTrainingLib": "HeartSegTraining"}

FLOORS = (
    {"anatomy", "errors", "notice", "resources", "imaging"},
    {"networks"},
    {"models", "segmentation", "trust", "measurement", "meshing"},
    {"api", "worker", "report"},
    {"scene"},
    {"panel", "cli", "web"},
)
# What a floor may import from outside Python and this project, beyond what the floors below it may.
OUTSIDE = (
    {"numpy", "SimpleITK"},
    {"torch"},
    {"scipy", "safetensors", "vtk", "vtkmodules"},
    set(),
    {"slicer", "SampleData", "PyTorchUtils"},  # modules that Slicer and its extensions bring
    {"qt", "ctk", "typer", "rich", "trame", "trame_slicer"},
)
ONE_ROOM_ONLY = {"slicer": {"scene"}, "SampleData": {"scene"}, "PyTorchUtils": {"scene"}, "qt": {"panel"},
                 "ctk": {"panel"}, "typer": {"cli"}, "rich": {"cli"}, "trame": {"web"}, "trame_slicer": {"web"}}
# Optional packages that one file needs, inside the function that uses them.
ONE_FILE_ONLY = {"highdicom": "imaging/dicom_segmentation.py", "pydicom": "imaging/dicom_segmentation.py",
                 "h5py": "meshing/export/xdmf.py"}
# The generator and the training loop run on any machine with these; SimpleITK only where files are read.
TRAINING_CORE = {"generator", "augmentation", "engine", "finetuning", "jobs", "pretraining"}
# filelock comes with torch.
TRAINING_ONE_FILE_ONLY = {"submitit": "jobs/cluster.py"}
TRAINING_CORE_OUTSIDE = {"numpy", "torch", "safetensors", "scipy", "SimpleITK", "filelock"}
# What rooms of training may import above floor 3: its own rooms of these names, and HeartSeg3DLib's.
TRAINING_ABOVE = {"scene": {"scene"}, "panel": {"scene", "panel"}, "cli": {"cli"}}
# Names of fields and sets of labels, which the checks of fibers have to know.
FIBER_WORDS = ("FIBER", "SHEET", "tissue.LEFT_TISSUE", "tissue.RIGHT_WALL", "tissue.VENTRICULAR_TISSUE")
NEVER = {"pickle", "cPickle", "dill", "joblib", "imp", "marshal", "shelve"}

Import = tuple[Path, int, str]


def imports_of(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Every imported dotted name with its line, relative ones resolved against `package`, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def all_imports(repository: Path, library: str) -> list[Import]:
    root = repository / LIBRARIES[library]
    found = []
    for path in sorted((root / library).rglob("*.py")):
        package = ".".join(path.parent.relative_to(root).parts)
        found += [(path, line, name) for line, name in imports_of(path.read_text(encoding="utf-8"), package)]
    return found


def room_of(path: Path, library: str) -> str:
    inside = path.parts[len(path.parts) - path.parts[::-1].index(library):]
    return Path(inside[0]).stem


def floor_of(room: str) -> int:
    return next((number for number, rooms in enumerate(FLOORS) if room in rooms), len(FLOORS))


def complaint(library: str, path: Path, name: str) -> str | None:
    """What is wrong with one import, or None."""
    room, parts = room_of(path, library), name.split(".")
    top, target = parts[0], (parts[1] if len(parts) > 1 else "")
    if top in NEVER:
        return f"{top} can run code from a data file; use JSON or safetensors"
    if room == "__init__" and top not in sys.stdlib_module_names:
        return "the package itself imports nothing, so that every room can be used alone"
    if top in sys.stdlib_module_names or name in LIBRARIES or target == "__version__":
        return None
    if library == "HeartSegTrainingLib":
        if top in ("slicer", "qt", "ctk") and room not in ONE_ROOM_ONLY[top]:
            return f"{room} may not import {top}"
        if top in TRAINING_ONE_FILE_ONLY and path.as_posix().endswith(f"{library}/{TRAINING_ONE_FILE_ONLY[top]}"):
            return None
        if room in TRAINING_CORE and top not in LIBRARIES and top not in TRAINING_CORE_OUTSIDE:
            return f"{room} runs with {sorted(TRAINING_CORE_OUTSIDE)} alone"
        if top == "HeartSeg3DLib" and target not in TRAINING_ABOVE.get(room, set()) and floor_of(target) > 3:
            return f"training's {room} stands on floors 0-3, {target} is above"
        if top == library and target in TRAINING_ABOVE and target not in {room, *TRAINING_ABOVE.get(room, ())}:
            return f"{target} is above {room}"
        return None
    if top == "HeartSegTrainingLib":
        return "HeartSeg3DLib never imports HeartSegTrainingLib"
    if top == "HeartSeg3DLib":
        if floor_of(target) <= floor_of(room):
            return None
        return f"{room} (floor {floor_of(room)}) imports {target} (floor {floor_of(target)})"
    if top in ONE_FILE_ONLY and path.as_posix().endswith(f"{library}/{ONE_FILE_ONLY[top]}"):
        return None
    allowed = set().union(*OUTSIDE[: floor_of(room) + 1])
    if top not in allowed or room not in ONE_ROOM_ONLY.get(top, {room}):
        return f"{room} (floor {floor_of(room)}) may not import {top}"
    return None


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_import_goes_down(repository: Path, library: str) -> None:
    complaints = [
        f"{path.relative_to(repository)}:{line}: {problem}"
        for path, line, name in all_imports(repository, library)
        if (problem := complaint(library, path, name))
    ]
    assert not complaints, "\n".join(complaints)


def test_rooms_do_not_import_each_other_in_a_circle(repository: Path) -> None:
    below: dict[str, set[str]] = {}
    for path, _, name in all_imports(repository, "HeartSeg3DLib"):
        room, parts = room_of(path, "HeartSeg3DLib"), name.split(".")
        if parts[0] == "HeartSeg3DLib" and len(parts) > 1 and parts[1] != room:
            below.setdefault(room, set()).add(parts[1])
    graphlib.TopologicalSorter(below).prepare()


def test_those_who_make_meshes_and_those_who_check_them_share_no_code(repository: Path) -> None:
    meshing = "HeartSeg3DLib.meshing"
    currency = (f"{meshing}.quality", f"{meshing}.mesh.", *(f"{meshing}.fibers.{name}" for name in FIBER_WORDS))
    crossed = []
    for path, line, name in all_imports(repository, "HeartSeg3DLib"):
        if meshing.replace(".", "/") in path.as_posix():
            checks = path.parent.name == "quality"
            shared = name.startswith(meshing) and not name.startswith(currency)
            if shared if checks else name.startswith(f"{meshing}.quality"):
                crossed.append(f"{path.relative_to(repository)}:{line}: {name}")
    assert not crossed, "\n".join(crossed)


def test_every_room_of_the_library_has_a_floor(repository: Path) -> None:
    library = repository / "HeartSeg3D" / "HeartSeg3DLib"
    rooms = {path.stem for path in library.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__", "__main__"} <= set().union(*FLOORS)


@pytest.mark.parametrize("library", LIBRARIES)
def test_torch_load_is_never_called(repository: Path, library: str) -> None:
    calls = [
        f"{path}:{node.lineno}"
        for path in (repository / LIBRARIES[library] / library).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "load"
        and isinstance(node.value, ast.Name) and node.value.id == "torch"
    ]
    assert not calls, "weights are safetensors: " + ", ".join(calls)


@pytest.mark.parametrize(
    ("library", "file", "name"),
    [
        ("HeartSeg3DLib", "anatomy.py", "HeartSeg3DLib.networks.vil"),
        ("HeartSeg3DLib", "anatomy.py", "scipy.ndimage"),
        ("HeartSeg3DLib", "imaging/dicom.py", "pydicom"),
        ("HeartSeg3DLib", "models/store.py", "HeartSeg3DLib.api"),
        ("HeartSeg3DLib", "models/store.py", "HeartSegTrainingLib.generator"),
        ("HeartSeg3DLib", "models/store.py", "pickle"),
        ("HeartSeg3DLib", "segmentation/locate.py", "monai.networks"),
        ("HeartSeg3DLib", "panel/form.py", "slicer.util"),
        ("HeartSeg3DLib", "cli/main.py", "qt"),
        ("HeartSegTrainingLib", "generator/sampler.py", "monai"),
        ("HeartSegTrainingLib", "evaluation/dice.py", "HeartSeg3DLib.scene"),
        ("HeartSegTrainingLib", "worker/actions.py", "slicer"),
        ("HeartSegTrainingLib", "scene/jobs.py", "qt"),
        ("HeartSegTrainingLib", "scene/jobs.py", "HeartSeg3DLib.panel.pump"),
        ("HeartSegTrainingLib", "panel/jobs.py", "slicer.util"),
        ("HeartSegTrainingLib", "worker/actions.py", "HeartSegTrainingLib.scene.jobs"),
        ("HeartSegTrainingLib", "scene/jobs.py", "HeartSegTrainingLib.panel.jobs"),
    ],
)
def test_the_check_sees_what_is_forbidden(library: str, file: str, name: str) -> None:
    assert complaint(library, Path(library, file), name)


def test_the_check_resolves_relative_imports() -> None:
    source = "from . import card\nfrom ..errors import ModelError\ndef f():\n    import torch.nn"
    names = [name for _, name in imports_of(source, "HeartSeg3DLib.models")]
    assert names == ["HeartSeg3DLib.models.card", "HeartSeg3DLib.errors.ModelError", "torch.nn"]
