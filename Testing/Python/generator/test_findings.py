"""What is added to a scene lies where it lies in people, and belongs to the structure it lies in."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from HeartSegTrainingLib.generator import findings as findings_module
from HeartSegTrainingLib.generator import make_scene, scenes
from HeartSegTrainingLib.generator import muscle as muscle_module
from HeartSegTrainingLib.generator.chest import draw_body
from HeartSegTrainingLib.generator.findings import _FINDINGS, add_findings
from HeartSegTrainingLib.generator.muscle import _paint_papillary_muscles, _paint_scar, _Ventricle
from HeartSegTrainingLib.generator.tissues import LABEL_OF_TISSUE
from HeartSegTrainingLib.generator.tissues import Tissue as T

TISSUES_OF = {"coronary arteries": {T.CORONARY}, "calcium of walls": {T.CALCIUM},
              "calcium of the aortic valve": {T.VALVE_CALCIUM}, "clot": {T.THROMBUS},
              "dissection": {T.FALSE_LUMEN, T.FLAP}, "artificial valve": {T.PROSTHESIS}, "coronary stent": {T.METAL},
              "stent graft": {T.METAL}, "lead": {T.LEAD_RA, T.LEAD_RV, T.METAL}, "wires": {T.METAL}}
PAINT = {name: paint for name, _, _, paint in _FINDINGS}


def rng():
    return np.random.default_rng(11)


def body(age=0.5):
    return dataclasses.replace(draw_body(rng()), age=age)


@pytest.fixture(scope="module")
def scene(small_grid):
    """A scene with an appendage of the left atrium and without findings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes, "add_findings", lambda *_: [])
        return make_scene(1, 7, {}, small_grid)


@pytest.fixture
def painted(scene, small_grid):
    """Paint findings into a copy of the scene, one after the other."""
    def paint(*names, age=0.5):
        tissue = scene.tissue.copy()
        for name in names:
            PAINT[name](tissue, small_grid, body(age), rng())
        return tissue
    return paint


@pytest.mark.parametrize("name", ["calcium of the aortic valve", "dissection", "artificial valve", "clot"])
def test_a_finding_inside_a_structure_keeps_its_label(painted, scene, name):
    tissue = painted(name)
    assert np.isin(tissue, list(TISSUES_OF[name])).any()
    np.testing.assert_array_equal(LABEL_OF_TISSUE[tissue], LABEL_OF_TISSUE[scene.tissue])


def test_a_lead_runs_through_vein_atrium_and_ventricle_and_changes_no_label(painted, scene):
    tissue = painted("lead")
    for code in (T.METAL, T.LEAD_RA, T.LEAD_RV):
        assert (tissue == code).any(), T(code).name
    np.testing.assert_array_equal(LABEL_OF_TISSUE[tissue], LABEL_OF_TISSUE[scene.tissue])


def test_a_dissection_leaves_two_lumina_and_a_flap_between_them(painted):
    tissue = painted("dissection")
    true, false, flap = ((tissue == code).sum() for code in (T.AORTA, T.FALSE_LUMEN, T.FLAP))
    assert true > 0.1 * (true + false)
    assert false > 0.1 * (true + false)
    assert 0 < flap < true + false


def test_wires_spare_the_heart(painted, scene):
    tissue = painted("wires")
    changed = tissue != scene.tissue
    assert changed.any()
    assert set(np.unique(tissue[changed])) == {T.METAL}
    assert not LABEL_OF_TISSUE[scene.tissue][changed].any()


def new_tissues(tissue, before):
    return set(np.unique(tissue[tissue != before]))


@pytest.mark.parametrize("name", sorted(set(PAINT) - {"coronary stent"}))
def test_each_finding_paints_its_tissues(painted, scene, name):
    assert new_tissues(painted(name), scene.tissue) == TISSUES_OF[name]


def test_names_of_findings_tell_what_was_painted(scene, small_grid):
    seen = set()
    for seed in range(12):
        tissue = scene.tissue.copy()
        found = add_findings(tissue, small_grid, body(age=1.0), np.random.default_rng(seed))
        assert new_tissues(tissue, scene.tissue) == set().union(*(TISSUES_OF[name] for name in found))
        seen |= set(found)
    assert len(seen) >= 6


def test_a_finding_without_a_place_is_not_named(scene, small_grid, monkeypatch):
    certain = [(name, 1.0, 1.0, PAINT[name]) for name in ("coronary stent", "wires")]
    monkeypatch.setattr(findings_module, "_FINDINGS", certain)
    assert not (scene.tissue == T.CORONARY).any()
    assert add_findings(scene.tissue.copy(), small_grid, body(), rng()) == ["wires"]


def test_old_bodies_have_more_findings(small_grid, monkeypatch):
    def mark(tissue, *_):
        tissue += 1

    monkeypatch.setattr(findings_module, "_FINDINGS", [(*entry[:3], mark) for entry in _FINDINGS])
    voxel, young, old = np.zeros((1, 1, 1), np.uint8), body(age=0.0), body(age=1.0)
    few, many = (np.mean([len(add_findings(voxel.copy(), small_grid, aged, np.random.default_rng(seed)))
                          for seed in range(200)]) for aged in (young, old))
    assert few < 1.2
    assert many > 2 * few


def test_coronaries_run_through_the_fat_on_the_heart(painted, scene):
    coronary = painted("coronary arteries") == T.CORONARY
    assert set(np.unique(scene.tissue[coronary])) == {T.MEDIASTINAL_FAT}
    walls = np.isin(scene.tissue, (T.MYO, T.RV_WALL, T.LA_WALL, T.RA_WALL))
    assert ndimage.binary_dilation(walls, iterations=4)[coronary].all()


def test_calcium_lies_in_walls_of_arteries_and_grows_with_age(painted):
    before = painted("coronary arteries")
    calcium = [painted("coronary arteries", "calcium of walls", age=age) == T.CALCIUM for age in (0.0, 1.0)]
    assert set(np.unique(before[calcium[1]])) == {T.AORTIC_WALL, T.CORONARY}
    assert calcium[1].sum() > 3 * calcium[0].sum() > 0


def test_a_coronary_stent_replaces_a_piece_of_a_coronary_artery(painted):
    before, tissue = painted("coronary arteries"), painted("coronary arteries", "coronary stent")
    assert set(np.unique(before[tissue != before])) == {T.CORONARY}
    np.testing.assert_array_equal(tissue == T.METAL, tissue != before)


def test_a_coronary_stent_lies_in_the_longest_artery_and_is_shorter(small_grid):
    lengths = []
    for seed in range(12):
        tissue = np.full((small_grid.size,) * 3, T.MEDIASTINAL_FAT, np.uint8)
        tissue[20:70, 30, 30] = tissue[20:50, 60, 60] = T.CORONARY
        PAINT["coronary stent"](tissue, small_grid, body(), np.random.default_rng(seed))
        assert (tissue[20:50, 60, 60] == T.CORONARY).all()
        stent = np.flatnonzero(tissue[:, 30, 30] == T.METAL)
        assert (np.diff(stent) == 1).all()
        lengths.append(len(stent) * small_grid.spacing)
    assert 6 <= min(lengths) < 20
    assert 20 < max(lengths) <= 33


def test_a_stent_graft_is_a_lattice_in_the_wall_of_the_wide_aorta(painted, scene, small_grid):
    tissue = painted("stent graft")
    graft = tissue == T.METAL
    np.testing.assert_array_equal(graft, tissue != scene.tissue)
    arch = scene.tissue == T.ARCH
    wall = arch & ~ndimage.binary_erosion(arch)
    assert wall[graft].all()
    points = small_grid.points(graft)
    assert 50 < np.ptp(points, axis=0).max() < 145
    between = small_grid.points(wall)
    inside = ((between >= points.min(0)) & (between <= points.max(0))).all(1).sum()
    assert 0.2 < graft.sum() / inside < 0.8


def test_papillary_muscles_stand_on_the_free_wall_and_belong_to_the_cavity(scene, small_grid):
    tissue = np.where(np.isin(scene.tissue, (T.PAPILLARY, T.LV_TRABECULAE)), T.LV, scene.tissue)
    ventricle = _Ventricle.of(tissue, small_grid)
    before = tissue.copy()
    _paint_papillary_muscles(tissue, small_grid, ventricle, rng())
    muscle = small_grid.points(tissue == T.PAPILLARY) - ventricle.centre
    assert len(muscle) > 20
    assert np.mean(muscle @ ventricle.right) < 0  # away from the septum
    assert np.mean(muscle @ ventricle.axis) > 0  # towards the apex
    np.testing.assert_array_equal(LABEL_OF_TISSUE[tissue], LABEL_OF_TISSUE[before])


def test_a_scar_starts_at_the_cavity_and_stays_in_the_muscle(scene, small_grid):
    tissue = scene.tissue.copy()
    for seed in range(20):
        _paint_scar(tissue, small_grid, _Ventricle.of(scene.tissue, small_grid), np.random.default_rng(seed))
    scar = tissue == T.SCAR
    assert scar.any()
    assert set(np.unique(scene.tissue[scar])) <= {T.MYO, T.SCAR}


def test_trabeculae_are_denser_towards_the_apex(scene, small_grid):
    tissue = np.where(np.isin(scene.tissue, (T.PAPILLARY, T.LV_TRABECULAE)), T.LV, scene.tissue)
    ventricle = _Ventricle.of(tissue, small_grid)
    muscle_module._paint_trabeculae(tissue, small_grid, ventricle, rng(), T.LV, T.LV_TRABECULAE, (0.5, 12.0, 0.5))
    along = (small_grid.points(tissue == T.LV_TRABECULAE) - ventricle.centre) @ ventricle.axis
    cavity = (small_grid.points(tissue == T.LV) - ventricle.centre) @ ventricle.axis
    assert along.mean() > cavity.mean() + 0.15 * ventricle.length
