"""Outputs: judged before the work, whole or absent after it, and exactly on the input's grid."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import (
    Frame,
    check_output,
    check_output_folder,
    read_label_frames,
    read_labels,
    read_scan,
    replacing,
    write_image,
    write_segmentation,
    write_sequence,
)
from HeartSeg3DLib.imaging.scan import LazyFrames

KINDS = (".nii.gz", ".nrrd", ".seg.nrrd")
SameGrid = Callable[[sitk.Image, sitk.Image, float], bool]


def test_an_output_that_can_be_written_passes(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "A.NII.GZ", "a.nrrd", "a.seg.nrrd", "patient 1.v2.nrrd"):
        check_output(tmp_path / name, force=False, kinds=KINDS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.nii", "a.png", "a", "a.gz", "a.seq.nrrd", ".nii.gz.txt"])
def test_a_wrong_ending_is_refused_with_the_right_ones(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no known ending") as caught:
        check_output(tmp_path / name, force=True, kinds=KINDS)
    assert ".seg.nrrd" in caught.value.remedy
    assert caught.value.exit_code == 2


def test_an_existing_output_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_text("precious")
    with pytest.raises(UsageError, match="exists already") as caught:
        check_output(path, force=False, kinds=KINDS)
    assert "--force" in caught.value.remedy
    check_output(path, force=True, kinds=KINDS)
    assert path.read_text() == "precious"


def test_impossible_output_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        check_output(tmp_path / "no" / "a.nrrd", force=True, kinds=KINDS)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="file is not a folder"):
        check_output(tmp_path / "file" / "a.nrrd", force=True, kinds=KINDS)
    (tmp_path / "b.nrrd").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_output(tmp_path / "b.nrrd", force=True, kinds=KINDS)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("tempfile.TemporaryFile", denied)
    with pytest.raises(UsageError, match="cannot be written to the folder"):
        check_output_folder(tmp_path)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_a_stop_half_way_leaves_the_old_file_and_nothing_else(stop: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            assert temporary.parent == tmp_path
            assert temporary.name.endswith(".nii.gz")
            temporary.write_text("half")
            raise stop

    with pytest.raises(stop):
        write_half()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.nii.gz", "old")]


def test_a_refusal_of_the_file_system_has_one_sentence(
        tmp_path: Path, a_label_map: sitk.Image, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("a.nii.gz", "a.nrrd", "a.seg.nrrd"):
        with pytest.raises(UsageError, match="could not be written"):
            write_segmentation(tmp_path / "missing" / name, a_label_map)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "tolerance"), [
    ("a.nii.gz", 2e-6), ("a.nii", 2e-6), ("a.nrrd", 1e-12), ("a.mha", 1e-12), ("a.seg.nrrd", 1e-12)])
def test_a_label_map_comes_back_on_its_own_grid(
        name: str, tolerance: float, tmp_path: Path, a_label_map: sitk.Image, same_grid: SameGrid) -> None:
    write_segmentation(tmp_path / name, a_label_map)
    back = sitk.ReadImage(str(tmp_path / name))
    assert (sitk.GetArrayFromImage(back) == sitk.GetArrayFromImage(a_label_map)).all()
    assert same_grid(back, a_label_map, tolerance)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    write_segmentation(tmp_path / name, a_label_map)  # replaces what is there
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_what_a_format_rounds_it_rounds_once(name: str, tmp_path: Path, a_scan: sitk.Image) -> None:
    """The label map of a file has the header of that file, in all 48 orders and flips of its axes."""
    axes = np.array(a_scan.GetDirection()).reshape(3, 3)
    for number, (order, flips) in enumerate(itertools.product(itertools.permutations(range(3)),
                                                              itertools.product((1, -1), repeat=3))):
        a_scan.SetDirection((axes[:, order] * flips).ravel().tolist())
        source, result = tmp_path / f"scan{number}-{name}", tmp_path / f"labels{number}-{name}"
        sitk.WriteImage(a_scan, str(source))
        image = read_scan(source).frames[0].image
        write_image(result, sitk.Cast(image > 0, sitk.sitkUInt8))
        one, other = sitk.ReadImage(str(source)), sitk.ReadImage(str(result))
        assert one.GetOrigin() == other.GetOrigin()
        assert np.allclose(one.GetSpacing(), other.GetSpacing(), rtol=1e-15, atol=0)
        assert np.abs(np.subtract(one.GetDirection(), other.GetDirection())).max() < 3e-7


def test_outputs_carry_no_names_or_dates(tmp_path: Path, a_label_map: sitk.Image) -> None:
    a_label_map.SetMetaData("PatientName", "Somebody^Real")
    for name in ("a.nrrd", "a.mha", "a.seg.nrrd"):
        write_segmentation(tmp_path / name, a_label_map)
        assert b"Somebody" not in (tmp_path / name).read_bytes()
    assert a_label_map.GetMetaData("PatientName") == "Somebody^Real"


def test_unknown_endings_are_refused_by_every_writer(tmp_path: Path, a_label_map: sitk.Image) -> None:
    frames = [Frame(None, a_label_map)] * 2
    for write in (lambda path: write_image(path, a_label_map), lambda path: write_segmentation(path, a_label_map),
                  lambda path: write_sequence(path, frames)):
        with pytest.raises(UsageError, match="no ending that fits"):
            write(tmp_path / "a.png")
    with pytest.raises(UsageError, match="no ending that fits"):
        write_image(tmp_path / "a.seg.nrrd", a_label_map)
    assert list(tmp_path.iterdir()) == []


# Slicer's segmentation file


def fields_of(path: Path) -> dict[str, str]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}


def test_a_segmentation_names_colors_and_codes_its_segments(tmp_path: Path, a_label_map: sitk.Image) -> None:
    write_segmentation(tmp_path / "a.seg.nrrd", a_label_map)
    fields = fields_of(tmp_path / "a.seg.nrrd")
    assert {key for key in fields if key.endswith("_ID")} == {"Segment0_ID", "Segment1_ID", "Segment2_ID"}
    for index, value in enumerate((1, 2, 103)):
        structure = STRUCTURES[value]
        assert fields[f"Segment{index}_ID"] == structure.id
        assert fields[f"Segment{index}_Name"] == structure.name
        assert fields[f"Segment{index}_LabelValue"] == str(value)
        assert fields[f"Segment{index}_Layer"] == "0"
        assert fields[f"Segment{index}_Extent"] == "0 10 0 8 0 5"
        color = [float(part) * 255 for part in fields[f"Segment{index}_Color"].split()]
        assert np.allclose(color, structure.color, atol=0.01)
        (entry,) = [tag.partition(":")[2] for tag in fields[f"Segment{index}_Tags"].split("|")
                    if tag.startswith("TerminologyEntry:")]
        parts = entry.split("~")
        assert len(parts) == 7
        assert parts[1] == "SCT^123037004^Anatomical Structure"
        assert parts[2] == f"SCT^{structure.snomed}^{structure.snomed_meaning}"
        assert all(parts[place].count("^") == 2 for place in (1, 2, 3, 5, 6))
    assert fields["Segmentation_MasterRepresentation"] == fields["Segmentation_SourceRepresentation"] == (
        "Binary labelmap")
    assert fields["Segmentation_ReferenceImageExtentOffset"] == "0 0 0"


def test_a_value_without_structure_is_never_written_as_a_segment(tmp_path: Path, a_label_map: sitk.Image) -> None:
    with pytest.raises(InputError, match="stand for no structure"):
        write_segmentation(tmp_path / "a.seg.nrrd", a_label_map + 76 * sitk.Cast(a_label_map == 1, sitk.sitkUInt8))
    assert list(tmp_path.iterdir()) == []


def test_a_segmentation_comes_back_as_labels(tmp_path: Path, a_label_map: sitk.Image, same_grid: SameGrid) -> None:
    write_segmentation(tmp_path / "a.seg.nrrd", a_label_map)
    back = read_labels(tmp_path / "a.seg.nrrd")
    assert (sitk.GetArrayFromImage(back) == sitk.GetArrayFromImage(a_label_map)).all()
    assert same_grid(back, a_label_map, 1e-12)


# 4-D label maps


@pytest.fixture
def frames(a_label_map: sitk.Image) -> list[Frame]:
    """Three frames 35 ms apart that differ."""
    return [Frame(35.0 * index, sitk.Cast(a_label_map * sitk.Cast(a_label_map != index, sitk.sitkUInt8),
                                          sitk.sitkUInt8)) for index in range(3)]


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.seq.nrrd"])
def test_4d_label_maps_keep_frames_grid_and_times(
        name: str, tmp_path: Path, frames: list[Frame], same_grid: SameGrid) -> None:
    write_sequence(tmp_path / name, frames)
    back = read_label_frames(tmp_path / name)
    assert [frame.time_ms for frame in back] == pytest.approx([0, 35, 70], abs=1e-4)
    for one, other in zip(back, frames, strict=True):
        assert (sitk.GetArrayFromImage(one.image) == sitk.GetArrayFromImage(other.image)).all()
        assert same_grid(one.image, other.image, 2e-6)
    with pytest.raises(InputError, match="holds 3 label maps"):
        read_labels(tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_4d_label_maps_of_unknown_time_stay_so(name: str, tmp_path: Path, frames: list[Frame]) -> None:
    write_sequence(tmp_path / name, [Frame(None, frame.image) for frame in frames])
    assert [frame.time_ms for frame in read_label_frames(tmp_path / name)] == [None] * 3


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.float32])
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_frames_that_are_made_anew_at_each_access_are_written_whole(name: str, kind: type, tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(-99, 99, (5, 60, 50, 40)).astype(kind)
    write_sequence(tmp_path / name, LazyFrames([None] * 5, lambda index: sitk.GetImageFromArray(voxels[index])))
    back = read_scan(tmp_path / name).frames
    assert all((sitk.GetArrayFromImage(frame.image) == voxels[index]).all() for index, frame in enumerate(back))
    assert len(back) == 5


def test_slicer_recognizes_a_sequence_by_its_axis_and_index(tmp_path: Path, frames: list[Frame]) -> None:
    write_sequence(tmp_path / "a.seq.nrrd", frames)
    header = (tmp_path / "a.seq.nrrd").read_bytes().split(b"\n\n")[0].decode().split("\n")
    assert {"kinds: list domain domain domain", "sizes: 3 11 9 6", 'labels: "time" "" "" ""', 'units: "ms" "" "" ""',
            "axis 0 index type:=numeric", "axis 0 index values:=0 35 70",
            "DataNodeClassName:=vtkMRMLLabelMapVolumeNode"} <= set(header)
