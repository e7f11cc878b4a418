"""Real scans with the headers that scanners and converters gave them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import list_series, read_labels, read_scan, write_segmentation


def test_a_siemens_cine_with_one_series_per_slice_is_the_4d_scan_it_was(shared_data: Path) -> None:
    reference = sitk.ReadImage(str(shared_data / "mr" / "cine_sax_4d.nii.gz"))
    scan = read_scan(shared_data / "dicom" / "cine_mr")
    assert len(scan.frames) == 25
    assert (scan.modality, scan.orientation_known, scan.resampled) == ("mr", True, False)
    image = scan.frames[0].image
    assert image.GetSize() == reference.GetSize()[:3]
    assert np.allclose(image.GetSpacing(), reference.GetSpacing()[:3], rtol=1e-6)
    assert np.allclose(image.GetOrigin(), reference.GetOrigin()[:3], atol=1e-4)
    direction = np.array(reference.GetDirection()).reshape(4, 4)[:3, :3]
    assert np.allclose(np.array(image.GetDirection()).reshape(3, 3), direction, atol=2e-6)
    voxels = sitk.GetArrayViewFromImage(reference)
    for phase in (0, 12, 24):
        assert (sitk.GetArrayFromImage(scan.frames[phase].image) == voxels[phase]).all()
    times = scan.frames.times_ms
    assert times[0] == 0
    assert np.allclose(np.diff(times), 33.15, atol=0.2)


def test_its_four_chamber_view_is_listed_beside_it(shared_data: Path) -> None:
    stack, view = list_series(shared_data / "dicom" / "cine_mr")
    assert (stack.slices, stack.phases, len(stack.uids), stack.problem) == (6, 25, 6, "")
    assert stack.spacing_mm == pytest.approx((1.40625, 1.40625, 17.7), abs=1e-4)
    assert (view.description, view.slices, view.phases) == ("cine_trufi_retro 4CH", 1, 25)
    with pytest.raises(InputError, match="is a single slice"):
        read_scan(shared_data / "dicom" / "cine_mr" / "Se6")


def test_what_real_headers_say_about_orientation(shared_data: Path) -> None:
    known = {name: read_scan(shared_data / name).orientation_known for name in (
        "ct/chest_noncontrast_1p5mm.nii.gz", "mr/cine_sax_A.nii.gz", "mr/cine_sax_C.nii.gz", "mr/cine_sax_4d.nii.gz",
        "mr/cine_sax_A_original_header.nii.gz")}
    assert known.pop("mr/cine_sax_A_original_header.nii.gz") is False
    assert all(known.values())


@pytest.mark.parametrize("name", ["ct/chest_noncontrast_1p5mm.nii.gz", "mr/cine_sax_B.nii.gz"])
def test_a_label_map_lies_exactly_on_a_real_scan(name: str, shared_data: Path, tmp_path: Path) -> None:
    source = sitk.ReadImage(str(shared_data / name))
    image = read_scan(shared_data / name).frames[0].image
    assert (sitk.GetArrayViewFromImage(image) == sitk.GetArrayViewFromImage(source)).all()
    write_segmentation(tmp_path / "labels.nii.gz", sitk.Cast(image > 100, sitk.sitkUInt8))
    labels = sitk.ReadImage(str(tmp_path / "labels.nii.gz"))
    assert (labels.GetSize(), labels.GetSpacing(), labels.GetOrigin()) == (
        source.GetSize(), source.GetSpacing(), source.GetOrigin())
    assert np.abs(np.subtract(labels.GetDirection(), source.GetDirection())).max() < 3e-7


def test_real_label_maps_are_read_as_labels_and_refused_as_scans(shared_data: Path) -> None:
    for name in ("priors/fourchamber_healthy_labels.nii.gz", "mr/cine_sax_A_labels.nii.gz",
                 "mr/cine_sax_4d_frame010_labels_from_fitted_mesh.nii.gz"):
        stored = sitk.GetArrayFromImage(sitk.ReadImage(str(shared_data / name)))
        assert (sitk.GetArrayFromImage(read_labels(shared_data / name)) == stored).all()
        with pytest.raises(InputError, match="is a label map"):
            read_scan(shared_data / name)
