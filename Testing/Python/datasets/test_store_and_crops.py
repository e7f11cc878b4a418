"""Prepared cases: the right voxels at the right place, whole or not at all; crops that read only themselves."""

from __future__ import annotations

import json
import pickle
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import DiskError, InputError, UsageError
from HeartSegTrainingLib.datasets import (
    IGNORED_VOXEL,
    LAYOUTS,
    CropSource,
    Index,
    Store,
    StoreSettings,
    array_files,
    build_index,
    bytes_needed,
    preprocess,
    preprocessing,
    read_quarantine,
)
from layout_copies import COPIES
from small_data import dicom, labels, noise, save, scan, with_values

NATIVE = StoreSettings(spacing=0.0)


@pytest.fixture
def hearts(tmp_path: Path) -> Index:
    """Three labelled CTs of 6 x 7 x 8 voxels (z, y, x)."""
    for number in (1001, 1002, 1003):
        scan(tmp_path / f"in/ct_train_{number}_image.nii.gz", number)
        labels(tmp_path / f"in/ct_train_{number}_label.nii.gz", 500, 205, 420)
    return build_index(tmp_path / "in", LAYOUTS["mmwhs"]).index


@pytest.fixture
def store(hearts: Index, tmp_path: Path) -> Path:
    """The three on their own grids."""
    assert len(preprocess(hearts, tmp_path / "store", NATIVE).made) == 3
    return tmp_path / "store"


def test_a_window_of_the_whole_image_gives_it_back(hearts: Index, store: Path) -> None:
    crop = CropSource(store, hearts.entries[:1], (6, 7, 8))[0]
    assert np.array_equal(crop.image[0], noise(1001))
    assert crop.image.dtype == np.float32
    assert np.array_equal(crop.labels, with_values([1, 2, 4]))
    assert (crop.start, crop.case.spacing) == ((0, 0, 0), (2.0, 1.5, 1.5))


def test_crops_lie_where_they_say(hearts: Index, store: Path) -> None:
    source = CropSource(store, hearts.entries, (3, 4, 5))
    for index in range(50):
        crop = source[index]
        place = tuple(slice(begin, begin + width) for begin, width in zip(crop.start, (3, 4, 5), strict=True))
        assert np.array_equal(crop.image[0], noise(int(crop.case.id[-4:]))[place])
        assert np.array_equal(crop.labels, with_values([1, 2, 4])[place])


def test_a_window_larger_than_the_image_is_filled_around_it(hearts: Index, store: Path) -> None:
    crop = CropSource(store, hearts.entries[:1], (10, 7, 5))[0]
    assert crop.start[0] == -2
    assert np.array_equal(crop.image[0, 2:8], noise(1001)[:, :, crop.start[2]:crop.start[2] + 5])
    assert (crop.image[0, [0, 1, 8, 9]] == noise(1001).min()).all()
    assert (crop.labels[[0, 1, 8, 9]] == IGNORED_VOXEL).all()


def test_crop_i_depends_on_seed_and_i_alone(hearts: Index, store: Path) -> None:
    one, other = (CropSource(store, hearts.entries, (3, 4, 5), seed=seed) for seed in (1, 2))
    copy = pickle.loads(pickle.dumps(one))
    backwards = [copy[index] for index in reversed(range(8))][::-1]
    forwards = [one[index] for index in range(8)]
    assert all(np.array_equal(a.image, b.image) and a.case.id == b.case.id
               for a, b in zip(forwards, backwards, strict=True))
    assert any(a.start != b.start for a, b in zip(forwards, (other[index] for index in range(8)), strict=True))


def test_temperature_keeps_a_large_data_set_from_swamping_a_small_one(hearts: Index, store: Path) -> None:
    cases = [*(replace(hearts.entries[0], dataset="large") for _ in range(99)), hearts.entries[1]]
    shares = []
    for temperature in (1.0, 2.0, 1e6):
        source = CropSource(store, cases, (1, 1, 1), temperature=temperature)
        drawn = Counter(source[index].case.id for index in range(300))
        shares.append(drawn[hearts.entries[1].id] / 300)
    assert shares[0] < 0.05 < shares[1] < 0.2 < 0.4 < shares[2] < 0.6


def test_crops_can_be_aimed_at_structures(hearts: Index, store: Path) -> None:
    aimed = CropSource(store, hearts.entries, (2, 2, 2), structure_share=1.0)
    drawn = [np.isin(aimed[index].labels, (1, 2, 4)).any() for index in range(40)]
    assert all(drawn)


def test_lesions_count_as_myocardium_unless_they_are_asked_for(tmp_path: Path) -> None:
    COPIES["emidec"](tmp_path / "in")
    index = build_index(tmp_path / "in", LAYOUTS["emidec"]).index
    preprocess(index, tmp_path / "store", NATIVE)
    case = [one for one in index.entries if one.present][:1]
    row = [CropSource(tmp_path / "store", case, (6, 7, 8), merge_lesions=merge)[0].labels[3, 3, :5].tolist()
           for merge in (True, False)]
    assert row == [[1, 2, 2, 2, 0], [1, 2, 20, 21, 0]]


def test_axes_are_turned_to_one_orientation_however_the_file_stores_them(tmp_path: Path) -> None:
    voxels = noise(3)
    standard = sitk.GetImageFromArray(voxels)
    standard.SetSpacing((1.0, 2.0, 3.0))
    for number, code in enumerate(("LPS", "RAS", "SPL", "ASR"), start=1001):
        image = sitk.DICOMOrient(standard, code)
        sitk.WriteImage(image, str(tmp_path / f"ct_train_{number}_image.nii.gz"))
    index = build_index(tmp_path, LAYOUTS["mmwhs"]).index
    assert [one.orientation for one in index.entries] == ["LPS", "RAS", "SPL", "ASR"]
    preprocess(index, tmp_path / "store", NATIVE)
    for entry in index.entries:
        crop = CropSource(tmp_path / "store", [entry], (6, 7, 8))[0]
        assert np.array_equal(crop.image[0], voxels)
        assert crop.case.spacing == (3.0, 2.0, 1.0)


def test_an_even_grid_keeps_places_and_volumes(tmp_path: Path) -> None:
    z, y, x = np.mgrid[:20, :40, :40]
    ball = ((3.0 * (z - 9.5)) ** 2 + (y - 19.5) ** 2 + (x - 17.5) ** 2 < 15.0**2)
    save(tmp_path / "ct_train_1001_image.nii.gz", (ball * 400 + x).astype(np.int16), (1.0, 1.0, 3.0))
    save(tmp_path / "ct_train_1001_label.nii.gz", (ball * 500).astype(np.int16), (1.0, 1.0, 3.0))
    index = build_index(tmp_path, LAYOUTS["mmwhs"]).index
    preprocess(index, tmp_path / "store", StoreSettings(spacing=2.0))
    case = Store(tmp_path / "store").cases()["mmwhs/ct_1001"]
    assert case.shape == (1, 30, 20, 20)
    crop = CropSource(tmp_path / "store", index.entries, (30, 20, 20))[0]
    assert (crop.labels == 1).sum() * 8.0 == pytest.approx(ball.sum() * 3.0, rel=0.05)
    center = np.argwhere(crop.labels == 1).mean(0)
    assert center == pytest.approx([14.5, 9.5, 8.5], abs=0.1)
    assert crop.image[0, 14, 9, 8] == pytest.approx(416, abs=2)


def test_a_tilted_image_lies_where_the_scanner_saw_it(tmp_path: Path) -> None:
    angle = np.radians(30)
    direction = (np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1)
    marked = np.zeros((20, 30, 30), np.int16)
    marked[8:12, 18:24, 4:9] = 500
    for name, voxels in (("label", marked), ("image", marked + noise(0, marked.shape) // 100)):
        image = sitk.GetImageFromArray(voxels)
        image.SetDirection(direction)
        sitk.WriteImage(image, str(tmp_path / f"ct_train_1001_{name}.nii.gz"))
    index = build_index(tmp_path, LAYOUTS["mmwhs"]).index
    preprocess(index, tmp_path / "store", StoreSettings(spacing=1.0))
    case = Store(tmp_path / "store").cases()["mmwhs/ct_1001"]
    crop = CropSource(tmp_path / "store", index.entries, case.shape[1:])[0]
    drawn = crop.labels == 1
    assert drawn.sum() == pytest.approx((marked > 0).sum(), rel=0.1)
    assert crop.image[0][drawn].mean() > 400
    assert (crop.labels == IGNORED_VOXEL).mean() > 0.2  # corners that the tilted scan does not reach


def test_a_cine_keeps_some_frames_and_a_labelled_one_its_own(tmp_path: Path) -> None:
    COPIES["mnms"](tmp_path / "in")
    index = build_index(tmp_path / "in", LAYOUTS["mnms"]).index
    preprocess(index, tmp_path / "store", StoreSettings(spacing=0.0, cine_frames=2))
    cases = Store(tmp_path / "store").cases()
    assert (cases["mnms/A1B2C3"].axis, cases["mnms/A1B2C3"].shape[0]) == ("frames", 2)
    es = next(one for one in index.entries if one.id == "mnms/A1B2C3_ES")
    assert np.array_equal(CropSource(tmp_path / "store", [es], (6, 7, 8))[0].image[0], noise(2))
    cine = next(one for one in index.entries if one.id == "mnms/A1B2C3")
    source = CropSource(tmp_path / "store", [cine], (6, 7, 8))
    crops = [source[number] for number in range(20)]
    assert {crop.frame for crop in crops} == {0, 1}
    assert all(np.array_equal(crop.image[0], noise(crop.frame)) for crop in crops)
    assert all((crop.labels == IGNORED_VOXEL).all() for crop in crops)


def test_channels_and_dicom_folders_are_prepared_too(tmp_path: Path) -> None:
    for channel in (0, 1):
        scan(tmp_path / f"D/imagesTr/case_{channel:04d}.nii.gz", channel)
    (tmp_path / "D/dataset.json").write_text(json.dumps({"labels": {"LV": 1}, "channel_names": {"0": "a", "1": "b"}}))
    from HeartSegTrainingLib.datasets.exchange import import_nnunet

    index = import_nnunet(tmp_path / "D").index
    preprocess(index, tmp_path / "store", NATIVE)
    crop = CropSource(tmp_path / "store", index.entries, (6, 7, 8))[0]
    assert np.array_equal(crop.image, np.stack([noise(0), noise(1)]))
    dicom(tmp_path / "scans/Patient_1", modality="CT")
    index = build_index(tmp_path / "scans", LAYOUTS["cardioscans"]).index
    assert preprocess(index, tmp_path / "other", NATIVE).made == ["cardioscans/Patient_1"]


def test_a_crop_reads_only_the_blocks_that_it_touches(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 900, (1, 128, 128, 128)).astype(np.int16)
    array_files.write_array(tmp_path / "whole.b2nd", array)
    whole = (tmp_path / "whole.b2nd").read_bytes()
    spoiled = bytearray(whole)
    middle = slice(int(0.4 * len(whole)), int(0.6 * len(whole)))
    spoiled[middle] = bytes(middle.stop - middle.start)
    (tmp_path / "spoiled.b2nd").write_bytes(spoiled)
    part = (slice(0, 1), slice(0, 32), slice(0, 32), slice(0, 32))
    assert np.array_equal(array_files.read_part(tmp_path / "spoiled.b2nd", part), array[part])
    with pytest.raises((OSError, RuntimeError, ValueError)):
        array_files.read_part(tmp_path / "spoiled.b2nd", (slice(None),) * 4)


def test_a_second_run_makes_nothing_anew_but_what_changed(hearts: Index, store: Path, tmp_path: Path) -> None:
    stamps = {case: (store / "cases" / case / "image.b2nd").stat().st_mtime_ns for case in Store(store).cases()}
    again = preprocess(hearts, store, NATIVE)
    assert (again.made, len(again.finished_before)) == ([], 3)
    scan(tmp_path / "in/ct_train_1002_image.nii.gz", 77)
    changed = build_index(tmp_path / "in", LAYOUTS["mmwhs"]).index
    assert preprocess(changed, store, NATIVE).made == ["mmwhs/ct_1002"]
    after = {case: (store / "cases" / case / "image.b2nd").stat().st_mtime_ns for case in stamps}
    assert [case for case in stamps if after[case] != stamps[case]] == ["mmwhs/ct_1002"]


def test_an_interrupted_run_keeps_whole_cases_and_goes_on(hearts: Index, tmp_path: Path) -> None:
    def stop_at_the_third(fraction: float, stage: str) -> None:
        if "3 of 3" in stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preprocess(hearts, tmp_path / "store", NATIVE, progress=stop_at_the_third)
    assert sorted(Store(tmp_path / "store").cases()) == ["mmwhs/ct_1001", "mmwhs/ct_1002"]
    assert preprocess(hearts, tmp_path / "store", NATIVE).made == ["mmwhs/ct_1003"]


def test_a_full_disk_leaves_nothing_half_written(
    hearts: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def full(path: Path, array: np.ndarray) -> None:
        written.append(path)
        if len(written) > 3:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        array_files.write_array(path, array)

    monkeypatch.setattr(preprocessing, "write_array", full)
    with pytest.raises(DiskError, match="mmwhs/ct_1002 could not be written"):
        preprocess(hearts, tmp_path / "store", NATIVE)
    assert [path.name for path in (tmp_path / "store/cases/mmwhs").iterdir()] == ["ct_1001"]
    assert list(Store(tmp_path / "store").cases()) == ["mmwhs/ct_1001"]


def test_the_disk_is_judged_before_the_work(hearts: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bytes_needed(hearts.entries, NATIVE) == 3 * 6 * 7 * 8 * 2
    finer = bytes_needed(hearts.entries, StoreSettings(spacing=0.75))
    assert finer == pytest.approx(3 * 336 * 2 * 4.5 / 0.421875, rel=1e-3)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 5))
    with pytest.raises(DiskError, match="needs about"):
        preprocess(hearts, tmp_path / "store", NATIVE)
    assert not (tmp_path / "store").exists()


def test_licences_and_other_settings_stop_before_the_work(hearts: Index, store: Path) -> None:
    with pytest.raises(UsageError, match=r"not known to be: mmwhs \(by agreement\)"):
        preprocess(hearts, store, NATIVE, commercial=True)
    with pytest.raises(UsageError, match="made with other settings"):
        preprocess(hearts, store, StoreSettings(spacing=2.0))


def test_broken_cases_are_left_out_with_the_reason(hearts: Index, tmp_path: Path) -> None:
    (tmp_path / "in/ct_train_1002_image.nii.gz").write_bytes(b"broken")
    done = preprocess(hearts, tmp_path / "store", NATIVE)
    assert (done.made, [one.id for one in done.quarantined]) == (["mmwhs/ct_1001", "mmwhs/ct_1003"], ["mmwhs/ct_1002"])
    assert [one.id for one in read_quarantine(tmp_path / "store" / "cases.jsonl")] == ["mmwhs/ct_1002"]


def test_several_machines_share_the_cases(hearts: Index, tmp_path: Path) -> None:
    made = [preprocess(hearts, tmp_path / "store", NATIVE, part=(share, 2)).made for share in (1, 2)]
    assert made == [["mmwhs/ct_1001", "mmwhs/ct_1003"], ["mmwhs/ct_1002"]]
    assert len(Store(tmp_path / "store").cases()) == 3


def test_a_case_is_put_in_place_where_nothing_may_interrupt(hearts: Index, tmp_path: Path) -> None:
    inside: list[str] = []

    @contextmanager
    def guard() -> Iterator[None]:
        before = len(list((tmp_path / "store").rglob("case.json")))
        yield
        inside.append(f"{before}->{len(list((tmp_path / 'store').rglob('case.json')))}")

    preprocess(hearts, tmp_path / "store", NATIVE, guard=guard)
    assert inside == ["0->1", "1->2", "2->3", "3->3"]


def test_what_cannot_be_drawn_from_is_explained(hearts: Index, store: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no store"):
        CropSource(tmp_path, hearts.entries, (2, 2, 2))
    with pytest.raises(UsageError, match=r"1 of 1 cases are not in the store .*the first is mmwhs/new"):
        CropSource(store, [replace(hearts.entries[0], id="mmwhs/new")], (2, 2, 2))
    with pytest.raises(UsageError, match="0 of 0 cases"):
        CropSource(store, [], (2, 2, 2))
    source = CropSource(store, hearts.entries[:1], (2, 2, 2))
    (store / "cases/mmwhs/ct_1001/image.b2nd").write_bytes(b"damaged")
    with pytest.raises(InputError, match="files of mmwhs/ct_1001 are missing or damaged"):
        source[0]
