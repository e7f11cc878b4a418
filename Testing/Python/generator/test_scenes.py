"""Scenes put a heart into a chest whose vessels run where they run in people."""

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSegTrainingLib.generator import (
    WIDE,
    Scene,
    load_scenes,
    make_scene,
    prepare_priors,
    prepare_scenes,
    read_priors,
)
from HeartSegTrainingLib.generator.geometry import Grid
from HeartSegTrainingLib.generator.heartless import BODIES, heartless_record, heartless_scene
from HeartSegTrainingLib.generator.tissues import LABEL_OF_TISSUE
from HeartSegTrainingLib.generator.tissues import Tissue as T
from HeartSegTrainingLib.generator.training_data import GeneratedData

GRID = Grid(size=88, spacing=3.0)


def centre(scene, tissue):
    return GRID.points(scene.tissue == tissue).mean(0)


def test_a_scene_holds_heart_chest_and_vessels(scene):
    present = set(np.unique(scene.tissue))
    for tissue in (T.LV, T.MYO, T.RV, T.LA, T.RA, T.AORTA, T.PULMONARY_ARTERY, T.ARCH, T.SVC, T.IVC, T.LUNG,
                   T.LIVER, T.SPONGY_BONE, T.AIRWAY, T.MEDIASTINAL_FAT):
        assert tissue in present, T(tissue).name


def test_the_body_is_the_right_way_round(scene):
    assert centre(scene, T.LIVER)[0] < 0  # the liver lies on the right, x grows towards the left
    assert centre(scene, T.SPONGY_BONE)[1] > centre(scene, T.STERNUM)[1]
    assert centre(scene, T.SVC)[2] > centre(scene, T.IVC)[2]
    assert centre(scene, T.SVC)[0] < centre(scene, T.AORTA)[0]


def test_the_right_pulmonary_branch_runs_behind_the_ascending_aorta(scene):
    aorta, artery = GRID.points(scene.tissue == T.AORTA), GRID.points(scene.tissue == T.PULMONARY_ARTERY)
    crossing = artery[np.abs(artery[:, 0] - np.median(aorta[:, 0])) < 4]
    level = np.median(crossing[:, 2])
    assert np.median(crossing[:, 1]) > np.median(aorta[np.abs(aorta[:, 2] - level) < 12][:, 1])


def test_a_scene_is_a_pure_function_of_seed_and_index(scene):
    np.testing.assert_array_equal(make_scene(0, 7, {}, GRID).tissue, scene.tissue)
    assert (make_scene(1, 7, {}, GRID).tissue != scene.tissue).any()


def test_a_saved_scene_comes_back_whole(scene, tmp_path):
    scene.save(tmp_path / "scene_0000.safetensors")
    back = Scene.load(tmp_path / "scene_0000.safetensors")
    np.testing.assert_array_equal(back.tissue, scene.tissue)
    np.testing.assert_allclose(back.centres, scene.centres, rtol=1e-6)
    assert (back.spacing, back.record) == (scene.spacing, scene.record)
    assert scene.findings
    assert back.findings == scene.findings


def test_preparing_again_makes_only_what_is_missing(tmp_path, scene):
    scene.save(tmp_path / "scene_0000.safetensors")
    before = (tmp_path / "scene_0000.safetensors").stat().st_mtime_ns
    paths = list(prepare_scenes(tmp_path, 2, 7, {}, GRID))
    assert [path.name for path in paths] == ["scene_0000.safetensors", "scene_0001.safetensors"]
    assert paths[0].stat().st_mtime_ns == before
    assert len(load_scenes(tmp_path)) == 2


@pytest.mark.parametrize("asked", [
    {"seed": 8}, {"grid": Grid(size=80, spacing=3.0)}, {"grid": Grid(size=88, spacing=2.5)}, {"held_out": True},
    {"priors": {"left_out_before": np.zeros((1, 1, 1), np.uint8)}, "parametric_share": 0.0}])
def test_scenes_of_other_settings_are_refused_and_kept(asked, tmp_path, scene):
    path = tmp_path / "scene_0000.safetensors"
    scene.save(path)
    content = path.read_bytes()
    settings = {"seed": 7, "priors": {}, "grid": GRID, **asked}
    with pytest.raises(UsageError, match=r"scene_0000\.safetensors was prepared with other settings"):
        list(prepare_scenes(tmp_path, 1, **settings))
    assert path.read_bytes() == content


def test_a_file_that_is_no_scene_is_refused(tmp_path):
    (tmp_path / "scene_0000.safetensors").write_bytes(b"something else")
    with pytest.raises(UsageError, match="is no prepared scene"):
        list(prepare_scenes(tmp_path, 1, 7, {}, GRID))


def test_bodies_without_a_heart_of_another_seed_are_refused(tmp_path):
    body = Scene(np.zeros((WIDE.size,) * 3, np.uint8), WIDE.spacing, np.zeros((0, 3)), heartless_record(0, 3))
    body.save(tmp_path / "heartless_0000.safetensors")
    table = {"scenes": str(tmp_path), "count": 0, "heartless": 1, "grid": "wide"}
    assert GeneratedData.from_table({**table, "seed": 3}).prepare() == [tmp_path / "heartless_0000.safetensors"]
    with pytest.raises(UsageError, match="other settings"):
        GeneratedData.from_table({**table, "seed": 4}).prepare()


def test_an_empty_folder_of_scenes_is_said(tmp_path):
    with pytest.raises(InputError, match="No prepared scenes"):
        load_scenes(tmp_path)


@pytest.mark.parametrize("index", range(len(BODIES)))
def test_bodies_without_a_heart_carry_no_label(index):
    scene = heartless_scene(index, 3, GRID)
    assert not LABEL_OF_TISSUE[scene.tissue].any()
    assert len(np.unique(scene.tissue)) >= 4


@pytest.fixture
def prior_file(tmp_path):
    """A blocky prior at 2 mm, stored right to left as some files are."""
    labels = np.zeros((12, 14, 16), np.uint8)
    for value in range(1, 8):
        labels[value : value + 3, 3:9, 2 * value : 2 * value + 2] = value
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((2, 2, 2))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    path = tmp_path / "blocky.nii.gz"
    sitk.WriteImage(image, str(path))
    return path


def test_priors_are_brought_to_one_millimetre_in_lps(prior_file):
    priors = read_priors(prior_file.parent)
    labels = priors["blocky"]
    assert labels.shape == (24, 28, 32)
    x_of = [np.argwhere(labels == value)[:, 2].mean() for value in (1, 7)]
    assert x_of[0] > x_of[1]  # stored towards the right, read towards the left


def test_prepared_priors_need_no_image_library(prior_file, tmp_path):
    target = tmp_path / "prepared"
    prepare_priors(prior_file.parent, target)
    np.testing.assert_array_equal(read_priors(target)["blocky"], read_priors(prior_file.parent)["blocky"])


def test_a_prior_with_an_unknown_value_is_refused(prior_file):
    image = sitk.ReadImage(str(prior_file))
    image[0, 0, 0] = 55
    sitk.WriteImage(image, str(prior_file))
    with pytest.raises(InputError, match=r"unknown values \[55\]"):
        read_priors(prior_file.parent)


def test_a_folder_without_label_maps_is_said(tmp_path):
    with pytest.raises(InputError, match="No label maps"):
        read_priors(tmp_path)


def test_real_priors_make_scenes(shared_data):
    priors = read_priors(shared_data / "priors")
    scene = make_scene(0, 5, priors, GRID, parametric_share=0.0)
    assert scene.record["heart"] in priors
    assert set(range(1, 8)) <= set(np.unique(LABEL_OF_TISSUE[scene.tissue]))
