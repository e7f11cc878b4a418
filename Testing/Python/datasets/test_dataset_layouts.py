"""Every data set becomes entries, from a small copy of what its publisher distributes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSegTrainingLib.datasets import LAYOUTS, Entry, build_index, layout_of, read_case_labels, structures_in
from layout_copies import COPIES
from small_data import labels, noise, save, scan, with_values


def test_every_layout_has_a_copy_to_be_tested_on() -> None:
    assert set(COPIES) == set(LAYOUTS)


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_the_data_set_becomes_its_cases(name: str, tmp_path: Path) -> None:
    expected = COPIES[name](tmp_path / "download")
    built = build_index(tmp_path / "download", LAYOUTS[name])
    assert built.quarantined == []
    found = {entry.id: entry for entry in built.index.entries}
    assert sorted(found) == sorted(f"{name}/{case.name}" for case in expected)
    for case in expected:
        entry = found[f"{name}/{case.name}"]
        assert (entry.subject, entry.present, entry.split, entry.frame, entry.usable) == (
            case.subject, case.drawn, case.split, case.frame, case.usable), entry.id
        assert not case.sequence or entry.sequence == case.sequence
        assert not case.site or entry.site == case.site
        assert entry.usable == bool(entry.shape and entry.checksum), entry.id
        assert built.index.image(entry).exists()


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if layout.values or layout.masks])
def test_label_values_become_the_structures_that_the_data_set_means(name: str, tmp_path: Path) -> None:
    COPIES[name](tmp_path)
    index = build_index(tmp_path, LAYOUTS[name]).index
    drawn: set[str] = set()
    for entry in index.entries:
        if path := index.labels(entry):
            drawn |= set(structures_in(read_case_labels(entry, index.datasets[name], path)))
    promised = {id_ for entry in index.entries for id_ in entry.present}
    assert drawn <= promised
    assert drawn >= promised - {"OEDEMA", "RV", "RA", "AO", "PA"}


def blocks(tmp_path: Path, name: str, file: str) -> dict[str, int]:
    """Which structure the value at each place along x became."""
    index = build_index(tmp_path, LAYOUTS[name]).index
    entry = next(one for one in index.entries if one.labels and one.path.endswith(file))
    path = index.labels(entry)
    assert path is not None
    row = sitk.GetArrayViewFromImage(read_case_labels(entry, index.datasets[name], path))[3, 3]
    places = {id_: np.flatnonzero(row == BY_ID[id_].value) for id_ in entry.present}
    return {id_: int(found[0]) for id_, found in places.items() if len(found)}


def test_left_and_right_are_not_swapped_between_acdc_and_mms(tmp_path: Path) -> None:
    COPIES["acdc"](tmp_path / "acdc")
    COPIES["mnms2"](tmp_path / "mnms2")
    assert blocks(tmp_path / "acdc", "acdc", "patient001_frame01.nii.gz") == {"RV": 0, "MYO": 1, "LV": 2}
    assert blocks(tmp_path / "mnms2", "mnms2", "001_SA_ED.nii.gz") == {"LV": 0, "MYO": 1, "RV": 2}


def test_421_of_mmwhs_is_the_left_atrium(tmp_path: Path) -> None:
    scan(tmp_path / "ct_train_1001_image.nii.gz")
    labels(tmp_path / "ct_train_1001_label.nii.gz", 421)
    assert blocks(tmp_path, "mmwhs", "ct_train_1001_image.nii.gz") == {"LA": 0}


def test_an_unknown_value_stops_and_names_data_set_case_and_value(tmp_path: Path) -> None:
    scan(tmp_path / "ct_train_1001_image.nii.gz")
    labels(tmp_path / "ct_train_1001_label.nii.gz", 500, 422)
    with pytest.raises(InputError, match=r"mmwhs, case mmwhs/ct_1001 .*value 422 has no known meaning"):
        build_index(tmp_path, LAYOUTS["mmwhs"])


def test_a_table_explains_a_value_to_the_layout(tmp_path: Path) -> None:
    scan(tmp_path / "ct_train_1001_image.nii.gz")
    labels(tmp_path / "ct_train_1001_label.nii.gz", 422)
    (tmp_path / "more.csv").write_text("value,structure\n422,LA\n")
    index = build_index(tmp_path, LAYOUTS["mmwhs"], values=tmp_path / "more.csv").index
    assert index.datasets["mmwhs"].values[422] == "LA"


@pytest.mark.parametrize("voxels", [with_values([-1]), with_values([70000], kind=np.int32)])
def test_values_below_0_and_above_65535_stop_too(voxels: np.ndarray, tmp_path: Path) -> None:
    scan(tmp_path / "ct_train_1001_image.nii.gz")
    save(tmp_path / "ct_train_1001_label.nii.gz", voxels)
    with pytest.raises(InputError, match="has no known meaning"):
        build_index(tmp_path, LAYOUTS["mmwhs"])


def test_float_labels_are_rounded_and_interpolated_ones_put_aside(tmp_path: Path) -> None:
    for number, off in ((1001, 0.004), (1002, 0.3)):
        scan(tmp_path / f"ct_train_{number}_image.nii.gz")
        save(tmp_path / f"ct_train_{number}_label.nii.gz", with_values([500], kind=np.float32) + np.float32(off))
    built = build_index(tmp_path, LAYOUTS["mmwhs"])
    assert [entry.id for entry in built.index.entries] == ["mmwhs/ct_1001"]
    assert "no whole numbers" in built.quarantined[0].reason


def test_an_empty_label_map_counts_as_none(tmp_path: Path) -> None:
    scan(tmp_path / "ct_train_1001_image.nii.gz")
    labels(tmp_path / "ct_train_1001_label.nii.gz")
    built = build_index(tmp_path, LAYOUTS["mmwhs"])
    assert built.empty == ["mmwhs/ct_1001"]
    assert (built.index.entries[0].labels, built.index.entries[0].present) == ("", ())


def test_broken_files_are_put_aside_with_the_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    for number in (1001, 1002, 1003):
        scan(tmp_path / f"ct_train_{number}_image.nii.gz")
        labels(tmp_path / f"ct_train_{number}_label.nii.gz", 500)
    whole = (tmp_path / "ct_train_1001_image.nii.gz").read_bytes()
    (tmp_path / "ct_train_1001_image.nii.gz").write_bytes(whole[: len(whole) // 2])
    save(tmp_path / "ct_train_1002_label.nii.gz", with_values([500], (6, 7, 9)))
    built = build_index(tmp_path, LAYOUTS["mmwhs"])
    assert [entry.id for entry in built.index.entries] == ["mmwhs/ct_1003"]
    assert ["does not lie on its image's grid" in one.reason for one in built.quarantined] == [False, True]
    assert all(one.remedy for one in built.quarantined)


def test_labels_that_would_be_mirrored_are_put_aside_and_another_order_of_axes_is_fine(tmp_path: Path) -> None:
    whole = sitk.GetImageFromArray(with_values([500], (8, 8, 8)))
    mirrored, shifted = sitk.Image(whole), sitk.Image(whole)
    mirrored.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    shifted.SetOrigin((30.0, 0.0, 0.0))
    for number, drawn in enumerate((whole, sitk.DICOMOrient(whole, "SAR"), mirrored, shifted), start=1001):
        save(tmp_path / f"ct_train_{number}_image.nii.gz", noise(number, (8, 8, 8)), (1.0, 1.0, 1.0))
        sitk.WriteImage(drawn, str(tmp_path / f"ct_train_{number}_label.nii.gz"))
    built = build_index(tmp_path, LAYOUTS["mmwhs"], quick=True)
    assert [entry.id for entry in built.index.entries] == ["mmwhs/ct_1001", "mmwhs/ct_1002", "mmwhs/ct_1004"]
    assert [one.id for one in built.quarantined] == ["mmwhs/ct_1003"]
    assert "mirrored or turned against its image: its axes are RAS, those of the image are LPS" in (
        built.quarantined[0].reason)


def test_the_folder_itself_and_one_above_it_give_the_same_cases(tmp_path: Path) -> None:
    COPIES["hvsmr2"](tmp_path)
    above, itself = (build_index(folder, LAYOUTS["hvsmr2"]).index for folder in (tmp_path, tmp_path / "cropped"))
    assert ([(entry.id, entry.present) for entry in above.entries]
            == [(entry.id, entry.present) for entry in itself.entries])
    assert itself.labels(itself.entries[0]) == tmp_path / "cropped" / "pat0_cropped_seg.nii.gz"


def test_what_must_not_be_learned_from_is_said_to_be_ignored(tmp_path: Path) -> None:
    COPIES["avt"](tmp_path)
    entry: Entry = build_index(tmp_path, LAYOUTS["avt"]).index.entries[0]
    assert (entry.present, entry.ignored) == ((), ("AO",))
    assert entry.absent == ("LV", "MYO", "RV", "LA", "RA", "PA")


def test_nothing_found_and_unknown_names_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Nothing in .* looks like"):
        build_index(tmp_path, LAYOUTS["acdc"])
    with pytest.raises(UsageError, match="'acdcc' is unknown"):
        layout_of("acdcc")
