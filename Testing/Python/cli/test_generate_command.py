from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from command_line import NOTE, assert_failed_in_words, call
from HeartSeg3DLib.segmentation import device
from HeartSegTrainingLib.cli import generated_pairs
from HeartSegTrainingLib.generator import Sampler, SamplerConfig, Scene
from HeartSegTrainingLib.generator.geometry import Grid
from HeartSegTrainingLib.generator.scenes import CHAMBERS
from HeartSegTrainingLib.generator.tissues import Tissue


@pytest.fixture(scope="session")
def coarse_scene() -> Scene:
    """Balls for chambers on a coarse grid: a real scene costs a quarter of a minute."""
    grid = Grid(size=66, spacing=4.0)
    x, y, z = grid.coordinates()
    tissue = np.full((66, 66, 66), Tissue.SOFT_TISSUE, np.uint8)
    centres = np.array([[20, 0, -20], [10, 30, 20], [-20, -20, -10], [-40, 10, 10], [0, 0, 50]], float)
    for chamber, (cx, cy, cz) in zip(CHAMBERS, centres, strict=True):
        tissue[(x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 < 20**2] = chamber
    return Scene(tissue, grid.spacing, centres, {"heart": "balls"})


@pytest.fixture
def quick_scenes(coarse_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated_pairs, "make_scene", lambda index, seed, priors, grid: coarse_scene)


def generate(folder: Path, *more: object) -> dict:
    result = call("generate", "-o", folder, "--size", 40, "--spacing", 4, *more)
    assert result.exit_code == 0, result.stderr
    return json.loads((folder / "manifest.json").read_text())


@pytest.mark.usefixtures("quick_scenes")
def test_pairs_lie_on_one_grid_and_the_manifest_names_them(tmp_path: Path) -> None:
    manifest = generate(tmp_path / "out", "-n", 2, "--seed", 5, "--modality", "ct")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "image_0000.nii.gz", "image_0001.nii.gz", "labels_0000.nii.gz", "labels_0001.nii.gz", "manifest.json"]
    assert (manifest["note"], manifest["seed"], manifest["size"], manifest["spacing"]) == (NOTE, 5, 40, 4.0)
    for pair in manifest["pairs"]:
        image, labels = (sitk.ReadImage(str(tmp_path / "out" / pair[kind])) for kind in ("image", "labels"))
        assert image.GetSize() == labels.GetSize() == (40, 40, 40)
        assert image.GetSpacing() == labels.GetSpacing() == (4.0, 4.0, 4.0)
        assert np.reshape(image.GetDirection(), (3, 3)).tolist() == np.eye(3).tolist()
        assert image.GetPixelID() == sitk.sitkInt16
        voxels = sitk.GetArrayViewFromImage(image)
        assert voxels.min() >= -1024
        assert voxels.std() > 5
        assert set(np.unique(sitk.GetArrayViewFromImage(labels))) <= set(range(8))
        assert pair["modality"] == "ct"
        assert pair["mode"] in ("ct_contrast", "ct_plain")


@pytest.mark.usefixtures("quick_scenes")
def test_a_pair_depends_on_seed_and_number_alone(tmp_path: Path) -> None:
    generate(tmp_path / "one", "-n", 2, "--seed", 5, "--modality", "mr")
    generate(tmp_path / "two", "-n", 1, "--seed", 5, "--modality", "mr")
    generate(tmp_path / "three", "-n", 1, "--seed", 6, "--modality", "mr")
    first = [sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name / "image_0000.nii.gz")))
             for name in ("one", "two", "three")]
    second = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "one" / "image_0001.nii.gz")))
    assert first[0].min() >= 0
    assert np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], first[2])
    assert not np.array_equal(first[0], second)


@pytest.mark.usefixtures("quick_scenes")
def test_nothing_is_replaced_without_force(tmp_path: Path) -> None:
    (tmp_path / "labels_0000.nii.gz").write_text("mine")
    result = call("generate", "-o", tmp_path, "-n", 1, "--size", 40, "--spacing", 4)
    assert_failed_in_words(result, 2, "labels_0000.nii.gz exists already")
    assert [path.name for path in tmp_path.iterdir()] == ["labels_0000.nii.gz"]
    generate(tmp_path, "-n", 1, "--force")


def test_a_cancelled_run_leaves_whole_pairs_and_their_record(
    tmp_path: Path, coarse_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scene(index: int, *rest: object) -> Scene:
        if index == 1:
            raise KeyboardInterrupt
        return coarse_scene

    monkeypatch.setattr(generated_pairs, "make_scene", scene)
    result = call("generate", "-o", tmp_path, "-n", 3, "--size", 40, "--spacing", 4)
    assert_failed_in_words(result, 130, "Cancelled")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "image_0000.nii.gz", "labels_0000.nii.gz", "manifest.json"]
    assert len(json.loads((tmp_path / "manifest.json").read_text())["pairs"]) == 1


@pytest.mark.usefixtures("quick_scenes")
def test_scans_are_drawn_on_the_chosen_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def sampler(scenes: list[Scene], config: SamplerConfig, device: str) -> Sampler:
        asked.append(device)
        return Sampler(scenes, config, "cpu")

    monkeypatch.setattr(generated_pairs, "Sampler", sampler)
    monkeypatch.setattr(device, "_present", lambda found: found.type == "cuda")
    monkeypatch.setattr(device, "_try", lambda found: None)
    manifest = generate(tmp_path / "out", "-n", 1, "--device", "cuda:1")
    assert asked == ["cuda:1"]
    assert manifest["device"] == "cuda:1"


@pytest.mark.usefixtures("quick_scenes")
def test_a_card_that_fails_is_mentioned_and_the_processor_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_present", lambda found: found.type == "cuda")
    monkeypatch.setattr(device, "_try", lambda found: "no kernel image")
    result = call("generate", "-o", tmp_path, "-n", 1, "--size", 40, "--spacing", 4, "--device", "auto")
    assert result.exit_code == 0, result.stderr
    assert "no kernel image" in result.stderr
    assert json.loads((tmp_path / "manifest.json").read_text())["device"] == "cpu"


@pytest.mark.usefixtures("quick_scenes")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card")
def test_a_graphics_card_draws_the_same_anatomy(tmp_path: Path) -> None:
    for name in ("cpu", "cuda"):
        generate(tmp_path / name, "-n", 1, "--modality", "ct", "--device", name)
    one, other = (sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name / "labels_0000.nii.gz")))
                  for name in ("cpu", "cuda"))
    assert (one == other).mean() > 0.99


@pytest.mark.parametrize(("more", "exit_code", "said"), [
    (("--device", "cuda:99"), 5, "99"),
    (("--size", 400, "--spacing", 2), 2, "800 mm"),
    (("--priors", "nowhere"), 3, "No label maps in nowhere"),
])
def test_what_cannot_be_generated_is_explained(
    tmp_path: Path, more: tuple[object, ...], exit_code: int, said: str
) -> None:
    assert_failed_in_words(call("generate", "-o", tmp_path / "out", "-n", 1, *more), exit_code, said)
    assert not (tmp_path / "out").exists()


def test_a_large_window_gets_a_large_scene() -> None:
    assert generated_pairs.PairRequest(1, size=112, spacing=1.5).grid == Grid(176, 1.5)
    wide = generated_pairs.PairRequest(1, size=200, spacing=2.0).grid
    assert wide.size * wide.spacing >= 440
