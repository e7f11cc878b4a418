from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from typer.testing import CliRunner

from HeartSeg3DLib.errors import InputError
from HeartSegTrainingLib.cli import full_app
from HeartSegTrainingLib.generator import read_priors
from HeartSegTrainingLib.generator.shell_heart import heart_from_shells, sort_parts
from HeartSegTrainingLib.generator.shells import Shell, grid_around, read_shells, voxelise, weld
from shell_phantom import ball, heart_shells, hollow, tube, write_glb

REFERENCE = Path(__file__).parents[4] / "shared/data/meshes/VH_F_Heart.glb"
APART = ((1, 3), (1, 5), (4, 5), (3, 4), (6, 7), (0, 1))
OPEN = ((1, 4), (3, 5), (1, 6), (3, 7))
"""The phantom's balls are closed: there, only the way to the aorta is opened."""


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder = tmp_path_factory.mktemp("priors")
    source = write_glb(folder / "phantom.glb", heart_shells())
    result = CliRunner().invoke(full_app(), ["priors", str(source), "-o", str(folder), "--credit", "Nobody, CC0"])
    assert result.exit_code == 0, result.stderr
    assert "Nobody, CC0" in (folder / "ORIGIN.txt").read_text(encoding="utf-8")
    return read_priors(folder)["phantom"]


def touch(labels: np.ndarray, value: int, other: int) -> bool:
    """Whether two structures share a voxel face."""
    return bool((ndimage.binary_dilation(labels == value) & (labels == other)).any())


def middle(labels: np.ndarray, value: int) -> np.ndarray:
    """Mean (z, y, x) of a structure."""
    return np.argwhere(labels == value).mean(0)


def assert_sound(labels: np.ndarray, openings: tuple[tuple[int, int], ...]) -> None:
    """Check position and contacts of the chambers, frame LPS."""
    lv, rv, la, ra, aorta, artery = (middle(labels, value) for value in (1, 3, 4, 5, 6, 7))
    assert lv[2] > rv[2] > ra[2], "left is towards +x"
    assert min(lv[1], la[1]) > rv[1], "posterior is towards +y"
    assert min(la[0], aorta[0], artery[0]) > lv[0], "superior is towards +z"
    assert not [pair for pair in APART if touch(labels, *pair)]
    assert not [pair for pair in openings if not touch(labels, *pair)]
    for value in range(1, 8):
        assert ndimage.label(labels == value)[1] == 1, value


def test_a_ball_has_its_volume_also_with_holes() -> None:
    whole = weld(ball((0.2, 0.1, -0.3), 20))
    holed = Shell(whole.points, np.delete(whole.faces, [5, 6, 300], axis=0))
    grid = grid_around([whole], 3, 3)
    for shell in (whole, holed):
        assert voxelise(shell, grid).sum() == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.02)


def test_a_tube_without_ends_is_closed_by_its_caps() -> None:
    shell = weld(tube((0, 0, 0), (1, 2, 3), 10, 30, ends=False))
    assert voxelise(shell, grid_around([shell], 3, 3)).sum() == pytest.approx(np.pi * 10**2 * 30, rel=0.03)


def test_an_inner_shell_makes_a_cavity() -> None:
    shell = weld(hollow((0, 0, 0), 20, 15))
    solid = voxelise(shell, grid_around([shell], 3, 3))
    assert not solid[tuple(np.array(solid.shape) // 2)]
    assert solid.sum() == pytest.approx(4 / 3 * np.pi * (20**3 - 15**3), rel=0.04)


def test_shells_come_in_mm_and_lps(tmp_path: Path) -> None:
    shells = read_shells(write_glb(tmp_path / "ball.glb", {"ball": ball((10, 20, 400), 5)}))
    assert shells["ball"].points.mean(0) == pytest.approx([10, 20, 400], abs=0.1)


def test_the_phantom_becomes_a_prior(prior: np.ndarray) -> None:
    assert_sound(prior, ((1, 6),))
    volumes = {value: np.count_nonzero(prior == value) / 1000 for value in (3, 4, 5)}
    assert volumes == {3: pytest.approx(4 / 3 * np.pi * 28**3 / 1000, rel=0.1),
                       4: pytest.approx(4 / 3 * np.pi * 24**3 / 1000, rel=0.1),
                       5: pytest.approx(4 / 3 * np.pi * 24**3 / 1000, rel=0.1)}


def test_unknown_and_missing_parts_are_named() -> None:
    shells = heart_shells()
    shells["X_thyroid"] = shells.pop("X_mitral_valve")
    with pytest.raises(InputError, match=r"unknown X_thyroid; missing mitral"):
        sort_parts(shells)


@pytest.mark.parametrize("content", [b"", b"solid ball", b"glTF\x02\0\0\0\x0c\0\0\0"])
def test_what_is_no_gltf_binary_is_bad_input(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "heart.glb"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"heart\.glb"):
        read_shells(path)


def test_transforms_are_not_overlooked(tmp_path: Path) -> None:
    path = write_glb(tmp_path / "heart.glb", {"ball": ball((0, 0, 0), 5)}, node={"scale": [2, 2, 2]})
    with pytest.raises(InputError, match="cannot be read"):
        read_shells(path)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference hearts do not lie beside the clone")
def test_a_reference_heart_becomes_a_prior() -> None:
    labels = heart_from_shells(read_shells(REFERENCE)).labels
    assert_sound(labels, OPEN)
    low, high = (80, 80, 60, 40, 40), (200, 200, 200, 150, 150)
    volumes = [np.count_nonzero(labels == value) / 1000 for value in (1, 2, 3, 4, 5)]
    assert all(a < volume < b for a, volume, b in zip(low, volumes, high, strict=True)), volumes
    muscle = labels == 2
    outer = muscle & ndimage.binary_dilation(labels == 0)
    assert 7 < np.median(ndimage.distance_transform_edt(labels != 1)[outer]) < 12
