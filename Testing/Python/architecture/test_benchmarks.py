"""Benchmarks work from any folder, and `make benchmark` runs what the README's table names."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "Benchmarks"
AFIB = "--prior fourchamber_afib_labels"


@pytest.mark.parametrize("name", ["generated_hearts.py", "no_heart.py"])
def test_prepared_scenes_are_kept_in_the_repository_wherever_the_benchmark_is_started(
    repository: Path, name: str
) -> None:
    calls = [node for node in ast.walk(ast.parse((BENCHMARKS / name).read_text("utf-8")))
             if isinstance(node, ast.Call) and node.args and ast.unparse(node.args[0]) == "'--scenes'"]
    (default,) = (keyword.value for keyword in calls[0].keywords if keyword.arg == "default")
    folder = eval(ast.unparse(default), {"Path": Path, "__file__": str(BENCHMARKS / name)})
    assert folder == repository / "work" / "scenes" / "heldout"


def commands_of_make_benchmark(clone: Path) -> str:
    return subprocess.run(["make", "--dry-run", "benchmark"], cwd=clone, capture_output=True, text=True,
                          check=True).stdout


def test_the_heart_that_was_left_out_is_measured_where_it_lies_beside_the_clone(clone: Path) -> None:
    assert "--prior" not in commands_of_make_benchmark(clone)
    (clone.parent / "shared" / "data" / "priors").mkdir(parents=True)
    commands = commands_of_make_benchmark(clone)
    trained, exported, measured = (commands.index(word) for word in ("train finetune", "train export", AFIB))
    assert trained < exported < measured
    assert "--model work/without_afib_model/ --cases 6 --out without_afib.json" in commands


def test_every_script_of_the_benchmarks_table_is_run(clone: Path) -> None:
    (clone.parent / "shared" / "data" / "priors").mkdir(parents=True)
    (loop,) = re.findall(r"for name in (.+?);", commands_of_make_benchmark(clone))
    named = re.findall(r"^\| `(\w+)\.py` \|", (BENCHMARKS / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(loop.split()) == sorted(named)


def test_thick_slices_are_measured_again_where_model_generator_or_meshing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyvista")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import mesh_runs
    import subvoxel_surfaces as script

    assert [place for place in script.CODE if not (mesh_runs.ROOT / place).exists()] == []
    monkeypatch.setattr(mesh_runs, "ROOT", tmp_path)
    monkeypatch.setattr(script, "RESULTS", tmp_path / "results.json")
    for place in script.CODE:
        file = tmp_path / place if place.endswith(".py") else tmp_path / place / "part.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("before")
    kept = {"sha256": "model", "code": mesh_runs.fingerprint(script.CODE), "kinds": {"CT": {"cases": [1]}}}
    script.RESULTS.write_text(json.dumps(kept))
    assert script.still_valid("model", mesh_runs.fingerprint(script.CODE)) == kept
    assert script.still_valid("other", mesh_runs.fingerprint(script.CODE))["kinds"] == {}
    for changed in ("HeartSegTraining/HeartSegTrainingLib/generator", "HeartSeg3D/HeartSeg3DLib/meshing"):
        (tmp_path / changed / "part.py").write_text("after")
        assert script.still_valid("model", mesh_runs.fingerprint(script.CODE))["kinds"] == {}
        (tmp_path / changed / "part.py").write_text("before")
    assert script.still_valid("model", mesh_runs.fingerprint(script.CODE)) == kept


def test_results_of_other_weights_are_named_as_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import machine
    import stale as script

    assert set(machine.describe_machine()["models"]) == {"tiny", "nano"}  # type: ignore[arg-type]
    shipped = {"nano": "1", "tiny": "2"}
    for name in script.OF_THE_MODELS:
        assert (BENCHMARKS / script.COMMANDS.get(name, f"{name}.py").split()[0]).exists()
        (tmp_path / f"{name}.json").write_text(json.dumps({"machine": {"models": shipped}}))
    assert script.stale(tmp_path, shipped) == {}
    (tmp_path / "no_heart.json").unlink()
    (tmp_path / "orientations.json").write_text(json.dumps({"machine": {"models": {"nano": "1", "tiny": "old"}}}))
    (tmp_path / "cta_speed.json").write_text(json.dumps({"machine": {}}))
    assert script.stale(tmp_path, shipped) == {
        "no_heart": "not measured yet", "orientations": "measured with other weights of tiny",
        "cta_speed": "measured with other weights of nano, tiny"}
