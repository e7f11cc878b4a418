"""Small images and label maps in the layouts of the data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SHAPE = (6, 7, 8)  # z, y, x: all different, so that swapped axes are seen


def noise(seed: int = 0, shape: Sequence[int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).integers(-200, 900, shape).astype(np.int16)


def with_values(values: Sequence[int], shape: Sequence[int] = SHAPE, kind: type = np.int16) -> np.ndarray:
    """Blocks of the values along x, background elsewhere."""
    voxels = np.zeros(shape, kind)
    for place, value in enumerate(values):
        voxels[..., 2:-2, place] = value
    return voxels


def save(path: Path, voxels: np.ndarray, spacing: Sequence[float] = (1.5, 1.5, 2.0)) -> Path:
    """Writes 3-D or 4-D voxels (t, z, y, x); identity direction, LPS."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = voxels.ndim == 4
    image = sitk.JoinSeries([_image(one, spacing) for one in voxels]) if frames else _image(voxels, spacing)
    ending = ".nrrd" if path.name.endswith(".nrrd") else ".nii.gz"
    written = path.with_name(f"written{ending}")  # ITK takes 1.img.nii.gz for another format
    sitk.WriteImage(image, str(written))
    return written.rename(path)


def _image(voxels: np.ndarray, spacing: Sequence[float]) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(tuple(spacing))
    return image


def scan(path: Path, seed: int = 0) -> Path:
    return save(path, noise(seed))


def labels(path: Path, *values: int, kind: type = np.int16) -> Path:
    return save(path, with_values(values, kind=kind))


def mask(path: Path, place: int) -> Path:
    """A mask of one structure at a place along x."""
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[..., place] = 1
    return save(path, voxels)


def text(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def dicom(folder: Path, *, modality: str = "MR", phases: int = 1, slices: int = 4, patient: str = "p") -> Path:
    """A folder of DICOM files: one stack of parallel slices, each at the same number of phases."""
    from pydicom.uid import generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    series, study = generate_uid(), generate_uid()
    for place in range(slices):
        for phase in range(phases):
            _dicom_file(folder / f"IM-{place:04d}-{phase:04d}.dcm", modality, series, study, patient, place, phase)
    return folder


def _dicom_file(path: Path, modality: str, series: str, study: str, patient: str, place: int, phase: int) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    kind = {"MR": "1.2.840.10008.5.1.4.1.1.4", "CT": "1.2.840.10008.5.1.4.1.1.2"}[modality]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, kind
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    file.SeriesInstanceUID, file.StudyInstanceUID, file.PatientID = series, study, patient
    file.Modality, file.SeriesDescription = modality, "stack"
    file.Rows, file.Columns, file.PixelSpacing = 8, 9, [1.5, 1.5]
    file.ImageOrientationPatient, file.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 8.0 * place]
    file.SliceThickness, file.InstanceNumber = 8.0, 1 + phase + 100 * place
    file.TriggerTime = 40.0 * phase
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 0
    file.RescaleSlope, file.RescaleIntercept = 1, 0
    file.PixelData = np.random.default_rng(place).integers(0, 900, (8, 9)).astype(np.uint16).tobytes()
    file.save_as(path, enforce_file_format=True)
