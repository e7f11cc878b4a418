"""What is added to a scene lies where it lies in people, and belongs to the structure it lies in."""

import numpy as np
import pytest

from HeartSegTrainingLib.generator import make_scene
from HeartSegTrainingLib.generator import muscle as muscle_module
from HeartSegTrainingLib.generator.chest import draw_body
from HeartSegTrainingLib.generator.findings import _FINDINGS, add_findings
from HeartSegTrainingLib.generator.muscle import _paint_papillary_muscles, _paint_scar, _Ventricle
from HeartSegTrainingLib.generator.tissues import LABEL_OF_TISSUE
from HeartSegTrainingLib.generator.tissues import Tissue as T

LABELS_OF = {"calcium of the aortic valve": T.VALVE_CALCIUM, "clot": T.THROMBUS, "dissection": T.FALSE_LUMEN,
             "artificial valve": T.PROSTHESIS}
PAINT = {name: paint for name, _, paint in _FINDINGS}


def rng():
    return np.random.default_rng(11)


@pytest.fixture(scope="module")
def scene(small_grid):
    return make_scene(1, 7, {}, small_grid)  # with an appendage of the left atrium


@pytest.fixture
def painted(scene, small_grid):
    """Paint one finding into a copy of the scene."""
    def paint(name):
        tissue = scene.tissue.copy()
        PAINT[name](tissue, small_grid, draw_body(rng()), rng())
        return tissue
    return paint


@pytest.mark.parametrize("name", ["calcium of the aortic valve", "dissection", "artificial valve", "clot"])
def test_a_finding_inside_a_structure_keeps_its_label(painted, scene, name):
    tissue = painted(name)
    assert (tissue == LABELS_OF[name]).any()
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


def test_names_of_findings_tell_what_was_painted(scene, small_grid):
    names = [name for name, _, _ in _FINDINGS]
    found = [add_findings(scene.tissue.copy(), small_grid, draw_body(rng()), np.random.default_rng(seed))
             for seed in range(12)]
    assert all(set(some) <= set(names) for some in found)
    assert len({tuple(some) for some in found}) > 3


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


def test_findings_are_kept_with_a_scene(tmp_path, small_grid):
    from HeartSegTrainingLib.generator import Scene

    scene = make_scene(3, 7, {}, small_grid)
    scene.save(tmp_path / "scene_0000.safetensors")
    assert Scene.load(tmp_path / "scene_0000.safetensors").findings == scene.findings
