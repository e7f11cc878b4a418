from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dicom_examples import write_volume
from HeartSeg3DLib import api
from HeartSeg3DLib.errors import CancelledError, InputError, ModelError, UsageError
from HeartSeg3DLib.imaging import read_label_frames, read_scan
from HeartSeg3DLib.segmentation.borders import cut_structures
from HeartSeg3DLib.segmentation.frame import view_in_model_frame
from random_models import NEVER_A_HEART, ct_like, same_grid, write_cine, write_ct, write_package


@pytest.fixture
def models(user_data: Path) -> api.SegmentationModels:
    return api.SegmentationModels(device="cpu")


def test_a_file_gives_labels_on_its_own_grid(tmp_path: Path, models: api.SegmentationModels) -> None:
    found = api.segment(write_ct(tmp_path / "scan.nrrd"), models=models)
    assert same_grid(found.labels, ct_like())
    assert found.modality == "ct"
    assert sitk.GetArrayViewFromImage(found.labels).any()


def test_an_image_in_memory_gives_the_same_labels_as_its_file(tmp_path: Path, models: api.SegmentationModels) -> None:
    one = api.segment(ct_like(), models=models)
    other = api.segment(write_ct(tmp_path / "scan.nrrd"), models=models)
    assert np.array_equal(sitk.GetArrayViewFromImage(one.labels), sitk.GetArrayViewFromImage(other.labels))


def test_an_image_in_memory_is_tidied_as_a_file_is(models: api.SegmentationModels) -> None:
    image = sitk.Cast(ct_like(), sitk.sitkFloat64)
    image[3, 4, 5] = float("nan")
    found = api.segment(image, models=models)
    assert same_grid(found.labels, image)
    assert any(sentence.startswith("1 voxels of the image were not numbers") for sentence in found.warnings)
    assert np.isnan(image[3, 4, 5])


def labels_in_memory() -> sitk.Image:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[4:16, 4:16, 4:10], voxels[4:16, 4:16, 10:16] = 1, 2
    return sitk.GetImageFromArray(voxels)


def sheared_in_memory() -> sitk.Image:
    image = ct_like()
    image.SetDirection((1, 0.3, 0, 0, 1, 0, 0, 0, 1))
    return image


@pytest.mark.parametrize(("image", "said"), [
    (labels_in_memory(), "^The image is a label map"), (ct_like() * 0, "^Every voxel of the image has the same value"),
    (ct_like()[:, :, 3], "^The image is a 2-D image"), (ct_like()[:, :, 3:4], "^The image holds a single slice"),
    (sitk.JoinSeries([ct_like(), ct_like()]), "^The image has several frames"),
    (sitk.Compose([ct_like()] * 3), "^The image has colors"), (sheared_in_memory(), "not at right angles")],
    ids=["labels", "constant", "2-D", "slice", "4-D", "colors", "sheared"])
def test_what_is_no_scan_in_memory_is_refused_as_a_file_is(
    models: api.SegmentationModels, image: sitk.Image, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        api.segment(image, models=models)
    assert caught.value.remedy
    assert not models.loaded


def test_progress_rises_to_the_end_and_names_its_stages(tmp_path: Path, models: api.SegmentationModels) -> None:
    seen: list[tuple[float, str]] = []
    api.segment_to_file(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "heart.nii.gz", models,
                        progress=lambda *report: seen.append(report))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    stages = list(dict.fromkeys(stage for _, stage in seen))
    assert stages[:2] == ["Reading the scan", "Loading the models"]
    assert "Segmenting" in stages
    assert stages[-2:] == ["Writing the label map", "Done"]


def test_a_written_label_map_says_what_it_holds(tmp_path: Path, models: api.SegmentationModels) -> None:
    done = api.segment_to_file(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "heart.nii.gz", models)
    labels = sitk.ReadImage(str(done.output))
    milliliters = float(np.prod(labels.GetSpacing())) / 1000.0
    counted = np.count_nonzero(sitk.GetArrayViewFromImage(labels) == 3) * milliliters
    assert list(done.volumes_ml) == ["LV", "MYO", "RV", "LA", "RA", "AO", "PA"]
    assert done.volumes_ml["RV"] == [pytest.approx(counted)]
    assert (done.model, done.frames, done.image, done.device) == ("random-segmenter 1.2.3", 1, None, "cpu")


def test_a_cine_gives_a_label_map_for_every_frame(tmp_path: Path, models: api.SegmentationModels) -> None:
    done = api.segment_to_file(write_cine(tmp_path / "cine.nii.gz"), tmp_path / "heart.nii.gz", models)
    frames = read_label_frames(done.output)
    assert done.frames == len(frames) == 3
    assert [frame.time_ms for frame in frames] == pytest.approx([0.0, 40.0, 80.0], abs=1e-3)
    assert all(same_grid(frame.image, ct_like()) for frame in frames)
    assert all(len(volumes) == 3 for volumes in done.volumes_ml.values())


def test_what_the_border_cuts_in_any_frame_is_one_warning(
    tmp_path: Path, models: api.SegmentationModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = models.segmenter()
    real, frames = segmenter.segment, iter(([2], [2, 6], []))

    def segment(image: sitk.Image, *rest: object, **more: object) -> object:
        found = real(image, *rest, **more)
        voxels = np.zeros(image.GetSize()[::-1], np.uint8)
        for value in next(frames):
            voxels[-3:, 2 * value:2 * value + 3, 2:18] = value
        labels = sitk.GetImageFromArray(voxels)
        labels.CopyInformation(image)
        volume = view_in_model_frame(labels)
        warnings = ["Something else.", *cut_structures(volume.array, volume, True)]
        return replace(found, labels=labels, warnings=warnings)

    monkeypatch.setattr(segmenter, "segment", segment)
    done = api.segment_to_file(write_cine(tmp_path / "cine.nii.gz"), tmp_path / "heart.nii.gz", models)
    cut = [sentence for sentence in done.warnings if "cut by" in sentence]
    assert len(cut) == 1
    assert cut[0].startswith("2 structures are cut by")
    assert "Left ventricle myocardium (upper)" in cut[0]
    assert done.warnings.count("Something else.") == 1


def test_one_frame_of_a_cine_gives_a_plain_label_map(tmp_path: Path, models: api.SegmentationModels) -> None:
    cine = write_cine(tmp_path / "cine.nii.gz")
    chosen = api.SegmentationChoices(frame=2)
    api.segment_to_file(cine, tmp_path / "heart.seg.nrrd", models, chosen)
    written = read_label_frames(tmp_path / "heart.seg.nrrd")
    alone = api.segment(read_scan(cine).frames[2].image, models=models)
    assert len(written) == 1
    assert np.array_equal(sitk.GetArrayViewFromImage(written[0].image), sitk.GetArrayViewFromImage(alone.labels))


@pytest.mark.parametrize(("output", "frame", "said"), [
    ("heart.seg.nrrd", None, "--frame"), ("heart.mha", None, "--frame"), ("heart.nii.gz", 3, "no frame 3"),
    ("heart.nii.gz", -1, "no frame -1"), ("heart.seq.nrrd", 0, "name of a sequence")])
def test_frames_and_endings_have_to_fit(
    tmp_path: Path, models: api.SegmentationModels, output: str, frame: int | None, said: str
) -> None:
    cine = write_cine(tmp_path / "cine.nii.gz")
    with pytest.raises(UsageError, match=said):
        api.segment_to_file(cine, tmp_path / output, models, api.SegmentationChoices(frame=frame))
    assert not models.loaded, "found out before the models are loaded"


def test_of_one_frame_none_is_to_be_chosen(tmp_path: Path, models: api.SegmentationModels) -> None:
    with pytest.raises(UsageError, match="no frame 3") as caught:
        api.segment_to_file(write_ct(tmp_path / "scan.nrrd"), tmp_path / "heart.nrrd", models,
                            api.SegmentationChoices(frame=3))
    assert caught.value.remedy == "Leave the choice of a frame out."


def test_a_script_has_to_choose_a_frame_of_a_cine(tmp_path: Path, models: api.SegmentationModels) -> None:
    with pytest.raises(UsageError, match="3 frames"):
        api.segment(write_cine(tmp_path / "cine.nii.gz"), models=models)


def test_tilted_slices_bring_their_resampled_image_along(tmp_path: Path, models: api.SegmentationModels) -> None:
    voxels = sitk.GetArrayFromImage(ct_like((24, 22, 12)))
    folder = write_volume(tmp_path / "tilted", voxels, step=5.0, shift=(0.0, 0.4))
    done = api.segment_to_file(folder, tmp_path / "heart.seg.nrrd", models)
    assert done.image == tmp_path / "heart_resampled_image.nrrd"
    assert same_grid(sitk.ReadImage(str(done.image)), sitk.ReadImage(str(done.output)))
    assert any("resampled" in sentence for sentence in done.warnings)
    done.output.unlink()
    with pytest.raises(UsageError, match=r"heart_resampled_image\.nrrd exists already"):
        api.segment_to_file(folder, tmp_path / "heart.seg.nrrd", models)


def dicom_folder(folder: Path, shift: tuple[float, float] = (0.0, 0.0)) -> Path:
    voxels = sitk.GetArrayFromImage(ct_like((24, 22, 12)))
    return write_volume(folder, voxels, step=5.0, shift=shift, more=[(0x00200052, "UI", "1.2.3.9")])


def test_a_dicom_folder_gives_a_dicom_segmentation_of_its_labels(
    tmp_path: Path, models: api.SegmentationModels
) -> None:
    folder = dicom_folder(tmp_path / "ct")
    done = api.segment_to_file(folder, tmp_path / "heart.dcm", models)
    api.segment_to_file(folder, tmp_path / "heart.nrrd", models)
    built, labels = pydicom.dcmread(done.output), sitk.ReadImage(str(tmp_path / "heart.nrrd"))
    assert built.Modality == "SEG"
    assert built.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters == (
        f"model={models.name}")
    assert np.count_nonzero(built.pixel_array) == np.count_nonzero(sitk.GetArrayViewFromImage(labels))


def test_a_dicom_segmentation_of_tilted_slices_stands_on_its_own(
    tmp_path: Path, models: api.SegmentationModels
) -> None:
    folder = dicom_folder(tmp_path / "tilted", shift=(0.0, 0.4))
    done = api.segment_to_file(folder, tmp_path / "heart.dcm", models)
    assert done.image is None
    assert {path.name for path in tmp_path.iterdir()} >= {"tilted", "heart.dcm"}
    assert not list(tmp_path.glob("*resampled*"))
    assert pydicom.dcmread(done.output).FrameOfReferenceUID == "1.2.3.9"


def test_without_its_label_map_no_resampled_image_stays(
    tmp_path: Path, models: api.SegmentationModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(path: Path, labels: sitk.Image) -> None:
        raise UsageError("The disk is full.", "Free some space.")

    monkeypatch.setattr("HeartSeg3DLib.api.files.write_segmentation", full_disk)
    voxels = sitk.GetArrayFromImage(ct_like((24, 22, 12)))
    folder = write_volume(tmp_path / "tilted", voxels, step=5.0, shift=(0.0, 0.4))
    with pytest.raises(UsageError, match="disk is full"):
        api.segment_to_file(folder, tmp_path / "heart.nii.gz", models)
    assert [path.name for path in tmp_path.iterdir()] == ["tilted"]


def test_a_frame_without_a_heart_is_named(tmp_path: Path, user_data: Path, models: api.SegmentationModels) -> None:
    (user_data / "models" / "random-locator").rename(tmp_path / "old")
    write_package(user_data / "models", "locator", NEVER_A_HEART)
    with pytest.raises(InputError, match="Frame 0 of 0 to 2: No heart"):
        api.segment_to_file(write_cine(tmp_path / "cine.nii.gz"), tmp_path / "heart.nii.gz", models)


def test_all_frames_are_taken_for_one_modality_and_one_pose(
    tmp_path: Path, models: api.SegmentationModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    poses: list[tuple[float, ...] | None] = []
    segmenter = models.segmenter()
    real = segmenter.segment

    def segment(image: sitk.Image, modality: str | None, **rest: object) -> object:
        asked.append(modality)
        found = real(image, modality, **{**rest, "orientation_known": False})
        poses.append(found.assumed_direction)
        return found

    monkeypatch.setattr(segmenter, "segment", segment)
    api.segment_to_file(write_cine(tmp_path / "cine.nii.gz"), tmp_path / "heart.nii.gz", models)
    assert asked == [None, "ct", "ct"]
    assert poses[0] == poses[1] == poses[2]


def test_cancelling_leaves_nothing(tmp_path: Path, models: api.SegmentationModels) -> None:
    source = write_ct(tmp_path / "scan.nii.gz")
    stages: list[str] = []
    with pytest.raises(CancelledError):
        api.segment_to_file(source, tmp_path / "heart.nii.gz", models,
                            progress=lambda fraction, stage: stages.append(stage),
                            cancelled=lambda: "Writing the label map" in stages)
    assert stages[-1] == "Writing the label map"
    assert list(tmp_path.iterdir()) == [source]


def test_files_are_put_in_place_where_the_caller_allows_it(tmp_path: Path, models: api.SegmentationModels) -> None:
    output, seen = tmp_path / "heart.nii.gz", []

    @contextmanager
    def guard() -> Iterator[None]:
        seen.append(output.exists())
        yield
        seen.append(output.exists())

    api.segment_to_file(write_ct(tmp_path / "scan.nii.gz"), output, models, writing=guard)
    assert seen == [False, True]


def test_models_are_found_at_once_and_loaded_late(user_data: Path) -> None:
    assert not api.SegmentationModels().loaded
    with pytest.raises(ModelError, match="no model 'nobody'"):
        api.SegmentationModels("nobody")
    with pytest.raises(ModelError, match="only finds the heart"):
        api.SegmentationModels("random-locator")


def test_a_package_folder_outside_the_store_can_be_used(user_data: Path, tmp_path: Path) -> None:
    folder = write_package(tmp_path, "segmenter")
    assert api.SegmentationModels(folder, "cpu").name == "random-segmenter 1.2.3"


def test_a_graphics_card_that_fails_is_mentioned_in_the_result(
    tmp_path: Path, user_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from HeartSeg3DLib.segmentation import device

    monkeypatch.setattr(device, "_present", lambda found: found.type == "cuda")
    monkeypatch.setattr(device, "_try", lambda found: "no kernel image")
    done = api.segment_to_file(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "heart.nii.gz", api.SegmentationModels())
    assert any("no kernel image" in sentence for sentence in done.warnings)
