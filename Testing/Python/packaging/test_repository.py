"""A clone stays small, and data lies in Resources alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

MB = 1_000_000
LARGEST_MB = 17
DATA = (
    ".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".raw", ".dcm", ".npz", ".npy", ".zarr", ".h5", ".safetensors",
    ".pt", ".pth", ".ckpt", ".pkl", ".onnx", ".vtk", ".vtp", ".vtu", ".stl", ".obj", ".ply", ".glb", ".zip", ".gz",
)


@pytest.fixture
def tracked_files(repository: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this folder is not a git checkout")
    return [Path(name) for name in listed.stdout.split("\0") if name and (repository / name).is_file()]


def test_no_file_is_large(repository: Path, tracked_files: list[Path]) -> None:
    large = [str(path) for path in tracked_files if (repository / path).stat().st_size > LARGEST_MB * MB]
    assert large == []


def test_shipped_weights_together_stay_small(repository: Path) -> None:
    weights = (repository / "Resources" / "Models").rglob("*.safetensors")
    assert sum(path.stat().st_size for path in weights) <= LARGEST_MB * MB


def test_data_lies_in_resources_alone(tracked_files: list[Path]) -> None:
    outside = [str(path) for path in tracked_files if path.parts[0] != "Resources" and path.name.endswith(DATA)]
    assert outside == []


def test_the_repository_holds_no_pickle(tracked_files: list[Path]) -> None:
    assert [str(path) for path in tracked_files if path.suffix in {".pkl", ".pt", ".pth", ".ckpt"}] == []
