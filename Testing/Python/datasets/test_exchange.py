"""nnU-Net, Decathlon and MONAI descriptions: written, read back, and the labels mean the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSegTrainingLib.datasets import (
    LAYOUTS,
    Index,
    SplitRequest,
    build_index,
    merged,
    read_case_labels,
    split_index,
)
from HeartSegTrainingLib.datasets.exchange import EXPORTS, IMPORTS
from HeartSegTrainingLib.datasets.probing import read_frame
from layout_copies import COPIES
from small_data import labels, scan


@pytest.fixture
def hearts(tmp_path: Path) -> Index:
    """Five labelled CTs and one for testing, in folds, at known voxels."""
    for number in range(1001, 1006):
        scan(tmp_path / f"in/ct_train/ct_train_{number}_image.nii.gz", number)
        labels(tmp_path / f"in/ct_train/ct_train_{number}_label.nii.gz", 500, 205, 421)
    scan(tmp_path / "in/ct_test/ct_test_2001_image.nii.gz", 9)
    return split_index(build_index(tmp_path / "in", LAYOUTS["mmwhs"]).index, SplitRequest())[0]


def seen(index: Index) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Voxels of image and canonical labels by the number in the case's name."""
    found = {}
    for one in index.entries:
        path = index.labels(one)
        drawn = None if path is None else sitk.GetArrayFromImage(
            read_case_labels(one, index.datasets[one.dataset], path))
        image = sitk.GetArrayFromImage(read_frame(index.image(one), one.series, one.frame))
        found[one.id[-4:]] = (image, drawn)
    return found


@pytest.mark.parametrize(("name", "target"),
                         [("nnunet", "Dataset101_Heart"), ("msd", "Task02"), ("monai", "list.json")])
def test_what_is_exported_comes_back_with_images_labels_people_and_folds(
    name: str, target: str, hearts: Index, tmp_path: Path
) -> None:
    EXPORTS[name](hearts, tmp_path / target)
    built = IMPORTS[name](tmp_path / target)
    assert (built.quarantined, built.empty) == ([], [])
    before, after = seen(hearts), seen(built.index)
    assert before.keys() == after.keys()
    for case, (image, drawn) in before.items():
        assert np.array_equal(image, after[case][0])
        assert (drawn is None) == (after[case][1] is None)
        assert drawn is None or np.array_equal(drawn, after[case][1])
    facts = {one.id[-4:]: (one.fold, one.split, one.sequence, one.modality) for one in hearts.entries}
    assert {one.id[-4:]: (one.fold, one.split, one.sequence, one.modality) for one in built.index.entries} == facts
    assert len({one.subject for one in built.index.entries}) == 6
    assert all("mmwhs" in one.subject or "ct_" in one.subject for one in built.index.entries)


def test_nnunets_folder_is_what_nnunet_asks_for(hearts: Index, tmp_path: Path) -> None:
    EXPORTS["nnunet"](hearts, tmp_path / "Dataset101_Heart", structures=("LV", "MYO"))
    folder = tmp_path / "Dataset101_Heart"
    described = json.loads((folder / "dataset.json").read_text())
    assert described["labels"] == {"background": 0, "LV": 1, "MYO": 2}
    assert described["channel_names"] == {"0": "CT"}
    assert (described["numTraining"], described["file_ending"]) == (5, ".nii.gz")
    assert len(list((folder / "imagesTr").glob("*_0000.nii.gz"))) == len(list((folder / "labelsTr").iterdir())) == 5
    splits = json.loads((folder / "splits_final.json").read_text())
    assert [len(split["val"]) for split in splits] == [1] * 5
    values = np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(next((folder / "labelsTr").iterdir())))))
    assert values.tolist() == [0, 1, 2]


def test_lesions_belong_to_the_myocardium_where_they_are_not_asked_for(tmp_path: Path) -> None:
    COPIES["emidec"](tmp_path / "in")
    index = build_index(tmp_path / "in", LAYOUTS["emidec"]).index
    EXPORTS["msd"](index, tmp_path / "out")
    row = sitk.GetArrayFromImage(sitk.ReadImage(str(next((tmp_path / "out/labelsTr").iterdir()))))[3, 3]
    assert row[:5].tolist() == [1, 2, 2, 2, 0]


def test_dicom_and_frames_of_cines_are_written_as_files(tmp_path: Path) -> None:
    COPIES["mnms"](tmp_path / "in")
    index = build_index(tmp_path / "in", LAYOUTS["mnms"]).index
    export = EXPORTS["nnunet"](index, tmp_path / "Dataset102_Cine")
    assert [one.id for one in export.training] == ["mnms/A1B2C3_ED", "mnms/A1B2C3_ES"]
    image = sitk.ReadImage(str(tmp_path / "Dataset102_Cine/imagesTr/mnms-A1B2C3_ES_0000.nii.gz"))
    assert image.GetDimension() == 3


def test_several_channels_of_nnunet_become_one_case(tmp_path: Path) -> None:
    for channel in (0, 1):
        scan(tmp_path / f"D/imagesTr/case_{channel:04d}.nii.gz", channel)
    labels(tmp_path / "D/labelsTr/case.nii.gz", 1, 2)
    (tmp_path / "D/dataset.json").write_text(json.dumps({
        "channel_names": {"0": "bSSFP", "1": "LGE"}, "labels": {"background": 0, "left ventricle cavity": 1, "MYO": 2},
        "file_ending": ".nii.gz"}))
    (case,) = IMPORTS["nnunet"](tmp_path / "D").index.entries
    assert (case.path, case.more_channels) == ("imagesTr/case_0000.nii.gz", ("imagesTr/case_0001.nii.gz",))
    assert (case.modality, case.present) == ("mr", ("LV", "MYO"))


def test_labels_with_foreign_names_need_a_table(tmp_path: Path) -> None:
    scan(tmp_path / "a.nii.gz")
    labels(tmp_path / "b.nii.gz", 1)
    (tmp_path / "list.json").write_text(json.dumps({"training": [{"image": "a.nii.gz", "label": "b.nii.gz"}],
                                                    "labels": {"1": "tumour"}}))
    with pytest.raises(InputError, match="'tumour', which is no structure"):
        IMPORTS["monai"](tmp_path / "list.json")
    (tmp_path / "values.csv").write_text("value,structure\n1,LV\n")
    assert IMPORTS["monai"](tmp_path / "list.json", values=tmp_path / "values.csv").index.entries[0].present == ("LV",)


@pytest.mark.parametrize(("content", "said"), [
    ("{", "not JSON"), ("[]", "not the description"), ('{"labels": {"1": "LV"}}', "lists no images"),
    ('{"training": ["a.nii.gz"]}', "nothing about label values"),
    ('{"labels": {"LV": [1, 2]}, "training": ["a"]}', "region of several values")])
def test_lists_that_cannot_be_understood_are_refused(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(InputError, match=said):
        IMPORTS["monai"](tmp_path / "list.json")


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(hearts: Index, tmp_path: Path) -> None:
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: EXPORTS["nnunet"](hearts, tmp_path / "in"), "exists already"),
        (lambda: EXPORTS["nnunet"](hearts, tmp_path / "out", structures=("SVC",)), "was annotated for SVC"),
        (lambda: EXPORTS["monai"](hearts, tmp_path / "out.json", structures=("LV",)), "structures cannot be chosen"),
        (lambda: EXPORTS["msd"](hearts.with_entries([]), tmp_path / "out"), "no labelled case"),
    ]
    for attempt, said in refused:
        with pytest.raises(UsageError, match=said):
            attempt()
    COPIES["acdc"](tmp_path / "acdc")
    both = merged([hearts, build_index(tmp_path / "acdc", LAYOUTS["acdc"]).index])
    with pytest.raises(UsageError, match="CT and MR"):
        EXPORTS["nnunet"](both, tmp_path / "out")
    (tmp_path / "in/ct_train/ct_train_1003_image.nii.gz").write_bytes(b"broken")
    with pytest.raises(InputError):
        EXPORTS["nnunet"](hearts, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acdc", "in"]
