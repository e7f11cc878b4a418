"""What does not fit about a label map is found, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from HeartSeg3DLib.anatomy import BY_ID, MYOCARDIAL_DENSITY_G_PER_ML
from HeartSeg3DLib.trust.geometry import Geometry, Wall, geometry_of
from HeartSeg3DLib.trust.plausibility import _WALL_MM, VOLUME_LIMITS_ML, findings
from trust_hearts import VALUES, heart_voxels, volume_of


def found_in(voxels: np.ndarray, spacing: float = 2.0, *, known: bool = True) -> set[tuple[str, str]]:
    return {(one.id, one.check) for one in findings(geometry_of(volume_of(voxels, spacing)), known)}


@pytest.fixture
def voxels() -> np.ndarray:
    return heart_voxels()


def test_a_heart_that_fits_raises_no_question(voxels: np.ndarray) -> None:
    assert found_in(voxels) == set()


def test_nothing_is_said_of_an_empty_label_map(voxels: np.ndarray) -> None:
    assert found_in(np.zeros_like(voxels)) == set()


def test_volumes_contacts_and_centers_are_measured(voxels: np.ndarray) -> None:
    geometry = geometry_of(volume_of(voxels))
    assert geometry.volumes_ml["RV"] == pytest.approx(30 * 30 * 25 * 0.008)
    assert geometry.touch("MYO", "RV") == pytest.approx(60 * 60, rel=0.15)
    assert geometry.touch("LA", "PA") == 0
    assert geometry.centers_mm["RV"] == pytest.approx((64, 69, 69), abs=1.5)
    assert geometry.cut == {}


def test_the_wall_is_as_thick_as_it_was_made() -> None:
    grid = np.indices((80, 80, 80)) - 39.5
    radius = np.sqrt((grid**2).sum(0))
    shell = np.where(radius < 20, 1, np.where(radius < 30, 2, 0)).astype(np.uint8)  # 10 mm on 1 mm voxels
    wall = geometry_of(volume_of(shell, 1.0)).wall
    assert wall is not None
    assert wall.mean_mm == pytest.approx(10, abs=1.5)
    assert wall.enclosed_share == pytest.approx(1.0)


def test_a_wall_that_does_not_enclose_the_cavity_is_found(voxels: np.ndarray) -> None:
    voxels[voxels == 2] = 0
    voxels[24:46, 24:50, 71:75] = 2
    assert ("MYO", "wall") in found_in(voxels)


def test_a_tiny_and_a_huge_heart_are_found(voxels: np.ndarray) -> None:
    assert {("LV", "volume"), ("RV", "volume")} <= found_in(voxels, 0.8)
    assert {("LV", "volume"), ("RV", "volume")} <= found_in(voxels, 4.0)


def test_a_structure_that_the_border_cuts_is_not_judged_by_volume(voxels: np.ndarray) -> None:
    cut = voxels[:, :, 43:]  # two voxels of the right ventricle are left
    assert ("RV", "volume") not in found_in(cut)
    assert ("LV", "ratio") not in found_in(cut)
    inside = voxels.copy()
    inside[:, :, :43][inside[:, :, :43] == 3] = 0
    assert ("RV", "ratio") in found_in(inside)


def test_pieces_and_missing_contacts_are_found(voxels: np.ndarray) -> None:
    voxels[5:12, 5:12, 5:12] = 5  # 2.7 mL
    assert found_in(voxels) == {("RA", "pieces")}
    apart = heart_voxels()
    apart[apart == 7] = 0
    apart[55:80, 20:30, 30:42] = 7
    assert found_in(apart) == {("PA", "missing_contact"), ("RV", "missing_contact")}


def test_ventricles_that_touch_over_a_large_area_are_found(voxels: np.ndarray) -> None:
    voxels[24:46, 24:50, 45:49] = 1
    assert {("LV", "wrong_contact"), ("RV", "wrong_contact")} <= found_in(voxels)


def test_a_mirrored_heart_is_found_where_the_sides_are_known(voxels: np.ndarray) -> None:
    mirrored = voxels[:, :, ::-1]
    assert {("LV", "place"), ("LA", "place")} <= found_in(mirrored)
    assert not {one for one in found_in(mirrored, known=False) if one[1] == "place"}


def a_geometry(**changes: object) -> Geometry:
    """The heart that fits, with some of its measurements changed."""
    return replace(geometry_of(volume_of(heart_voxels())), **changes)  # type: ignore[arg-type]


def test_arteries_are_as_wide_as_they_were_made() -> None:
    grid = np.indices((70, 70, 70)) - 34.5
    tubes = np.zeros((70, 70, 70), np.uint8)
    tubes[np.hypot(grid[1], grid[2] + 18) < 14] = 6  # 28 mm wide on 1 mm voxels
    tubes[np.hypot(grid[1], grid[2] - 18) < 11] = 7
    tubes[:5] = tubes[-5:] = 0
    widths = geometry_of(volume_of(tubes, 1.0)).widths_mm
    assert widths["AO"] == pytest.approx(28, abs=2)
    assert widths["PA"] == pytest.approx(22, abs=2)


@pytest.mark.parametrize(("widths", "cut", "expected"), [
    ({"AO": 30.0, "PA": 24.0}, {}, set()),
    ({"AO": 11.0, "PA": 14.0}, {}, {("AO", "narrow with 11 mm")}),
    ({"AO": 85.0, "PA": 45.0}, {}, {("AO", "wide with 85 mm")}),
    ({"PA": 12.0}, {}, {("PA", "narrow with 12 mm")}),
    ({"AO": 40.0, "PA": 62.0}, {}, {("PA", "wide with 62 mm")}),
    ({"AO": 60.0, "PA": 15.0}, {}, {("PA", "4.0 times narrower than the aorta")}),
    ({"AO": 15.0, "PA": 30.0}, {}, {("AO", "2.0 times narrower than the pulmonary artery")}),
    ({"AO": 11.0, "PA": 12.0}, {"AO": ["upper"], "PA": ["upper"]}, set())])
def test_arteries_of_an_unlikely_width_are_found(
    widths: dict[str, float], cut: dict[str, list[str]], expected: set[tuple[str, str]]
) -> None:
    found = [one for one in findings(a_geometry(widths_mm=widths, cut=cut)) if one.check == "width"]
    assert len(found) == len(expected)
    for id, words in expected:
        assert any(one.id == id and words in one.words for one in found)


@pytest.mark.parametrize(("wall", "words"), [
    (Wall(9.0, 4.0, 0.8), None), (Wall(2.5, 2.0, 0.8), "unusually thin, 2.5 mm"), (Wall(26.0, 9.0, 0.8),
    "unusually thick, 26.0 mm"), (Wall(9.0, 1.2, 0.8), "thinner than 1.5 mm in a tenth"),
    (Wall(9.0, 4.0, 0.3), "encloses only 30 %")])
def test_walls_that_no_heart_has_are_found(wall: Wall, words: str | None) -> None:
    found = [one.words for one in findings(a_geometry(wall=wall)) if one.check == "wall"]
    assert len(found) == (words is not None)
    assert words is None or words in found[0]
    assert not [one for one in findings(a_geometry(wall=wall, cut={"LV": ["lower"]})) if one.check == "wall"]


def test_a_left_ventricle_far_smaller_than_the_right_is_found() -> None:
    volumes = {"LV": 40.0, "RV": 160.0}
    (found,) = (one for one in findings(a_geometry(volumes_ml=volumes)) if one.check == "ratio")
    assert (found.id, found.words) == ("LV", "4.0 times smaller than the right ventricle cavity")


@pytest.mark.parametrize(("one", "other", "axis"), [
    ("LV", "RV", 0), ("LV", "RA", 0), ("LA", "RA", 0), ("LA", "RV", 1), ("PA", "RV", 2), ("AO", "LV", 2)])
def test_structures_that_changed_places_are_found(one: str, other: str, axis: int) -> None:
    centers = dict(a_geometry().centers_mm)
    moved = list(centers[one])
    moved[axis] = centers[other][axis] - 1.0
    centers[one] = (moved[0], moved[1], moved[2])
    found = {(found.id, found.words) for found in findings(a_geometry(centers_mm=centers)) if found.check == "place"}
    assert any(id == one and BY_ID[other].name.lower() in words for id, words in found)


@pytest.mark.parametrize("id", VALUES)
def test_any_structure_may_be_missing(voxels: np.ndarray, id: str) -> None:
    voxels[voxels == VALUES[id]] = 0
    assert id not in {one for one, _ in found_in(voxels)}


def test_the_limits_follow_from_the_published_values_as_it_is_said() -> None:
    lower = {"LV": (42, 12), "RV": (56, 18), "MYO": (42 * 1.5, 7 * 1.5)}
    upper = {"LV": (160, 29, 2.0), "RV": (190, 33, 2.0), "LA": (103, 30, 2.5), "MYO": (53 * 2.2, 9 * 2.2, 2.5)}
    density = {"MYO": MYOCARDIAL_DENSITY_G_PER_ML}
    for id, (mean, deviation) in lower.items():
        assert VOLUME_LIMITS_ML[id][0] == pytest.approx((mean - 2 * deviation) / 1.5 / density.get(id, 1), abs=0.5)
    for id, (mean, deviation, times) in upper.items():
        assert VOLUME_LIMITS_ML[id][1] == pytest.approx((mean + 2 * deviation) * times / density.get(id, 1), abs=1.0)
    assert VOLUME_LIMITS_ML["RA"] == VOLUME_LIMITS_ML["LA"]
    assert VOLUME_LIMITS_ML["LA"][0] == pytest.approx((89 - 48) / 4, abs=0.5)


def test_no_healthy_ventricle_or_wall_raises_a_question() -> None:
    """Means and two deviations: ventricles of Hudsmith 2005, walls of Kawel 2012."""
    for id, smallest, largest in (("LV", 42 - 2 * 12, 160 + 2 * 29), ("RV", 56 - 2 * 18, 190 + 2 * 33)):
        assert VOLUME_LIMITS_ML[id][0] < smallest < largest < VOLUME_LIMITS_ML[id][1]
    assert _WALL_MM[0] < 5.3 - 2 * 0.9 < 6.3 + 2 * 1.1 < _WALL_MM[1]
