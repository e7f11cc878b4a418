"""A DICOM Segmentation has every voxel where it belongs and names the images that it was made from."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dicom_examples import Element, write_cine, write_enhanced, write_volume
from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import Scan, check_dicom_segmentation, read_scan, write_dicom_segmentation

FRAME_OF_REFERENCE: Element = (0x00200052, "UI", "1.2.3.9")
NAMED: list[Element] = [FRAME_OF_REFERENCE, (0x00100010, "PN", "Doe^Jane"), (0x00100030, "DA", "19700102")]


def heart_in(scan: Scan, frame: int = 0) -> sitk.Image:
    """A label map of three structures on the grid of one frame, different on every slice."""
    image = scan.frames[frame].image
    voxels = np.zeros(image.GetSize()[::-1], np.uint8)
    for index in range(1, len(voxels)):
        voxels[index, 2 + index:9, 3:7] = 1
        voxels[index, 11:14, 3:7 + index] = 7
    voxels[0, 4, 5] = 103
    labels = sitk.GetImageFromArray(voxels)
    labels.CopyInformation(image)
    return labels


def written(scan: Scan, folder: Path, frame: int = 0) -> tuple[sitk.Image, highdicom.seg.Segmentation]:
    """A label map of a frame and what came back of it."""
    labels = heart_in(scan, frame)
    file = folder / "heart.dcm"
    write_dicom_segmentation(file, labels, scan.planes[frame], model="tiny 1.0", resampled=scan.resampled)
    return labels, highdicom.seg.segread(file)


def assert_voxels_stand_where_the_labels_do(labels: sitk.Image, built: highdicom.seg.Segmentation,
                                            tolerance_mm: float = 1e-4) -> None:
    """Compares frame by frame: pixels of one segment, and the place of its first pixel in the patient."""
    values = {segment.segment_label: value for segment in built.SegmentSequence
              for value, structure in STRUCTURES.items() if structure.name == segment.segment_label}
    numbers = {int(segment.SegmentNumber): values[segment.segment_label] for segment in built.SegmentSequence}
    voxels = sitk.GetArrayFromImage(labels)
    found = np.zeros_like(voxels)
    shared = built.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    assert np.allclose(orientation, np.array(labels.GetDirection()).reshape(3, 3)[:, :2].T, atol=1e-6)
    assert np.allclose(shared.PixelMeasuresSequence[0].PixelSpacing, labels.GetSpacing()[1::-1], atol=1e-6)
    for group, pixels in zip(built.PerFrameFunctionalGroupsSequence, built.pixel_array, strict=True):
        position = [float(value) for value in group.PlanePositionSequence[0].ImagePositionPatient]
        index = labels.TransformPhysicalPointToContinuousIndex(position)
        assert np.allclose(index[:2], 0, atol=tolerance_mm)
        assert abs(index[2] - round(index[2])) * labels.GetSpacing()[2] <= tolerance_mm
        value = numbers[int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)]
        found[round(index[2])][pixels > 0] = value
    assert np.array_equal(found, voxels)


def referenced_planes(built: highdicom.seg.Segmentation) -> set[tuple[str, int | None, float]]:
    """Image, frame number and place along z of the source that each frame names."""
    planes = set()
    for group in built.PerFrameFunctionalGroupsSequence:
        (derivation,) = group.DerivationImageSequence
        (source,) = derivation.SourceImageSequence
        number = source.get("ReferencedFrameNumber")
        planes.add((str(source.ReferencedSOPInstanceUID), None if number is None else int(number),
                    float(group.PlanePositionSequence[0].ImagePositionPatient[2])))
    return planes


def test_a_series_gives_every_voxel_back_and_names_its_slices(ct: np.ndarray, tmp_path: Path) -> None:
    write_volume(tmp_path / "ct", ct, more=NAMED)
    labels, built = written(read_scan(tmp_path / "ct"), tmp_path)
    assert_voxels_stand_where_the_labels_do(labels, built)
    assert referenced_planes(built) == {(f"1.9.4.{index}", None, 2.0 * index) for index in range(7)}
    (series,) = built.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == "1.2.3.4"
    assert len(series.ReferencedInstanceSequence) == len(built.SourceImageSequence) == 7


def test_other_programs_read_it_as_one_volume_of_labels(ct: np.ndarray, tmp_path: Path) -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    for index, voxels in enumerate(ct):  # an oblique stack whose normal is (0, -s, c)
        write_volume(tmp_path / "ct" / str(index), voxels[np.newaxis], orientation=(1, 0, 0, 0, c, s), more=NAMED,
                     position=tuple((np.array([-10, -20, 5]) + 2.5 * index * np.array([0, -s, c])).round(6)),
                     instance=f"1.8.{index}", instance_number=index)
    labels, built = written(read_scan(tmp_path / "ct"), tmp_path)
    assert_voxels_stand_where_the_labels_do(labels, built)
    volume = built.get_volume(combine_segments=True, relabel=False)
    affine = np.eye(4)
    direction = np.array(labels.GetDirection()).reshape(3, 3)
    first = labels.TransformIndexToPhysicalPoint((0, 0, 0))
    assert np.allclose(np.abs(np.linalg.det(volume.affine[:3, :3])), np.prod(labels.GetSpacing()), rtol=1e-5)
    affine[:3, :3], affine[:3, 3] = direction[:, ::-1] * labels.GetSpacing()[::-1], first
    again = volume.match_geometry(highdicom.VolumeGeometry(affine, labels.GetSize()[::-1], "PATIENT"))
    codes = {number: next(value for value, one in STRUCTURES.items() if one.name == segment.segment_label)
             for number, segment in enumerate(built.SegmentSequence, start=1)}
    values = np.vectorize(lambda number: codes.get(number, 0))(again.array)
    assert np.array_equal(values, sitk.GetArrayFromImage(labels))


def test_segments_carry_codes_colors_and_the_algorithm(ct: np.ndarray, tmp_path: Path) -> None:
    write_volume(tmp_path / "ct", ct, more=NAMED)
    _, built = written(read_scan(tmp_path / "ct"), tmp_path)
    assert [segment.segment_label for segment in built.SegmentSequence] == [
        "Left ventricle cavity", "Pulmonary artery", "Right ventricle wall"]
    ventricle = built.SegmentSequence[0]
    assert (ventricle.segmented_property_category.value, ventricle.segmented_property_type.value) == (
        "123037004", "87878005")
    assert ventricle.segmented_property_type.scheme_designator == "SCT"
    assert ventricle.SegmentAlgorithmType == "AUTOMATIC"
    (algorithm,) = ventricle.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmParameters) == ("HeartSeg", "model=tiny 1.0")
    color = highdicom.color.CIELabColor.from_dicom_value(list(ventricle.RecommendedDisplayCIELabValue))
    assert np.abs(np.array(color.to_rgb(clip=True)) - STRUCTURES[1].color).max() <= 2
    assert (built.ContentQualification, built.Modality) == ("RESEARCH", "SEG")


def test_patient_and_study_come_from_the_source(ct: np.ndarray, tmp_path: Path) -> None:
    write_volume(tmp_path / "ct", ct, more=NAMED)
    _, built = written(read_scan(tmp_path / "ct"), tmp_path)
    assert (built.PatientName, built.PatientID, built.PatientBirthDate) == ("Doe^Jane", "patient", "19700102")
    assert (built.StudyInstanceUID, built.FrameOfReferenceUID) == ("1.2.3", "1.2.3.9")
    assert built.AccessionNumber == ""
    assert built.SeriesInstanceUID != "1.2.3.4"


def test_names_keep_their_letters(ct: np.ndarray, tmp_path: Path) -> None:
    latin: list[Element] = [(0x00080005, "CS", "ISO_IR 100"), (0x00100010, "PN", "Müller^Jürgen"), FRAME_OF_REFERENCE]
    write_volume(tmp_path / "ct", ct, more=latin)
    _, built = written(read_scan(tmp_path / "ct"), tmp_path)
    assert built.PatientName == "Müller^Jürgen"


def test_a_cine_with_one_series_per_slice_names_the_slices_of_the_chosen_phase(
    cine: np.ndarray, tmp_path: Path
) -> None:
    write_cine(tmp_path / "cine", cine, more=NAMED)
    labels, built = written(read_scan(tmp_path / "cine"), tmp_path, frame=2)
    assert_voxels_stand_where_the_labels_do(labels, built)
    assert referenced_planes(built) == {(f"1.77.1.{place}.2", None, 10.0 * place) for place in range(3)}
    assert {item.SeriesInstanceUID for item in built.ReferencedSeriesSequence} == {"1.2.1", "1.2.2", "1.2.3"}


def test_a_multi_frame_file_is_named_with_the_frames_of_the_chosen_phase(cine: np.ndarray, tmp_path: Path) -> None:
    write_enhanced(tmp_path / "enhanced.dcm", cine, delays=[0.0, 30.0, 60.0, 90.0], study="1.2.3")
    file = tmp_path / "enhanced.dcm"
    header = pydicom.dcmread(file)
    header.FrameOfReferenceUID = "1.2.3.9"
    header.save_as(file)
    labels, built = written(read_scan(file), tmp_path, frame=1)
    assert_voxels_stand_where_the_labels_do(labels, built)
    # frames run slice by slice from the top, four phases each
    assert referenced_planes(built) == {("1.9.77", 4 * (2 - place) + 2, 8.0 * place) for place in range(3)}
    assert len(built.SourceImageSequence) == 1


@pytest.mark.parametrize(("places", "shift"), [([0, 2, 4, 6, 10, 12, 14], (0.0, 0.0)), (None, (0.0, 0.4))])
def test_a_resampled_grid_keeps_its_own_places_in_the_frame_of_reference(
    ct: np.ndarray, tmp_path: Path, places: list[float] | None, shift: tuple[float, float]
) -> None:
    write_volume(tmp_path / "ct", ct, places=places, shift=shift, more=NAMED)
    scan = read_scan(tmp_path / "ct")
    assert scan.resampled
    labels, built = written(scan, tmp_path)
    assert_voxels_stand_where_the_labels_do(labels, built)
    assert built.FrameOfReferenceUID == "1.2.3.9"
    assert len(built.SourceImageSequence) == 7
    assert all(not group.DerivationImageSequence for group in built.PerFrameFunctionalGroupsSequence)


def test_rounded_slice_positions_are_taken_over_from_the_source(ct: np.ndarray, tmp_path: Path) -> None:
    places = [0.0, 1.3, 2.7, 4.0, 5.3, 6.7, 8.0]
    write_volume(tmp_path / "ct", ct, places=places, more=NAMED)
    scan = read_scan(tmp_path / "ct")
    assert not scan.resampled
    labels, built = written(scan, tmp_path)
    assert {place for _, _, place in referenced_planes(built)} == set(places)
    assert_voxels_stand_where_the_labels_do(labels, built, tolerance_mm=0.05)


def test_a_real_cine_comes_back_exactly(shared_data: Path, tmp_path: Path) -> None:
    scan = read_scan(shared_data / "dicom" / "cine_mr")
    check_dicom_segmentation(scan, 1, "heart.dcm")
    labels, built = written(scan, tmp_path)
    assert_voxels_stand_where_the_labels_do(labels, built, tolerance_mm=0.05)
    assert len(built.ReferencedSeriesSequence) == labels.GetSize()[2]


def test_what_cannot_be_a_dicom_segmentation_is_said_before_the_work(
    a_scan: sitk.Image, ct: np.ndarray, cine: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitk.WriteImage(a_scan, str(tmp_path / "scan.nrrd"))
    with pytest.raises(UsageError, match=r"scan.nrrd is no DICOM.*folder of DICOM files"):
        check_dicom_segmentation(read_scan(tmp_path / "scan.nrrd"), 1, "heart.dcm")
    write_cine(tmp_path / "cine", cine, more=NAMED)
    with pytest.raises(UsageError, match=r"4 frames.*--frame"):
        check_dicom_segmentation(read_scan(tmp_path / "cine"), 4, "heart.dcm")
    write_volume(tmp_path / "ct", ct)
    with pytest.raises(InputError, match=r"do not identify their frame of reference.*seg\.nrrd"):
        check_dicom_segmentation(read_scan(tmp_path / "ct"), 1, "heart.dcm")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"highdicom.*pip install heartseg\[dicom\]"):
        check_dicom_segmentation(read_scan(tmp_path / "cine"), 1, "heart.dcm")


def test_an_empty_label_map_is_refused_and_leaves_nothing(ct: np.ndarray, tmp_path: Path) -> None:
    write_volume(tmp_path / "ct", ct, more=NAMED)
    scan = read_scan(tmp_path / "ct")
    with pytest.raises(InputError, match="empty"):
        write_dicom_segmentation(tmp_path / "heart.dcm", heart_in(scan) * 0, scan.planes[0], model="tiny 1.0")
    assert [path.name for path in tmp_path.iterdir()] == ["ct"]


def test_headers_that_break_the_standard_are_refused_without_naming_the_patient(
    ct: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    broken: list[Element] = [FRAME_OF_REFERENCE, (0x00100040, "CS", "secret-value")]
    write_volume(tmp_path / "ct", ct, more=broken)
    scan = read_scan(tmp_path / "ct")
    caplog.set_level(logging.DEBUG)
    with pytest.raises(InputError, match="does not allow") as caught:
        write_dicom_segmentation(tmp_path / "heart.dcm", heart_in(scan), scan.planes[0], model="tiny 1.0")
    assert "secret" not in str(caught.value).lower()
    assert "secret" not in caplog.text.lower()
    assert not [one for one in recwarn if "secret" in str(one.message).lower()]
    assert [path.name for path in tmp_path.iterdir()] == ["ct"]
