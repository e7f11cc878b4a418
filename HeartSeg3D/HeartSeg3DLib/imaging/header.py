"""What an image file says about itself, read and judged before any memory is taken for its voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .nifti_header import DEFLATE_MAX_RATIO, NiftiHeader, check_voxels, incomplete, read_nifti_header
from .quiet import silenced
from .text_header import read_meta_image_fields, read_nrrd_fields, sequence_times_ms

NIFTI = (".nii.gz", ".nii")
NRRD = (".nrrd", ".nhdr")
META_IMAGE = (".mha", ".mhd")
_COMPOUND = (".nii.gz", ".seg.nrrd", ".seq.nrrd")

MAX_VOXELS = 2**31
"""Largest frame that is read: a whole-body CT has a quarter of it."""

SHEAR_LIMIT = 2e-3
"""Largest cosine between two image axes that still counts as rounding (0.1 degree, 0.5 mm over a chest)."""

_SPACING_MISMATCH = 0.01


@dataclass(frozen=True)
class FileHeader:
    """Geometry and layout of an image file, already judged.

    Attributes:
        path: The file.
        size: Voxels along x, y, z of one frame.
        spacing: mm along x, y, z.
        direction: (3, 3), columns are the image axes in LPS.
        rank: Axes in the file as SimpleITK reads it, 3 or more.
        components: Numbers per voxel; more than one for colors, vectors and Slicer's sequences.
        times_ms: One time per frame.
        is_sequence: True where the components are the frames of a Slicer sequence.
        states_orientation: False where the header leaves the orientation open.
        not_finite: The NIfTI header of a file with voxels that are no finite numbers, which ITK hides.
        warnings: Sentences for the user.
    """

    path: Path
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: np.ndarray
    rank: int
    components: int
    times_ms: tuple[float | None, ...]
    is_sequence: bool
    states_orientation: bool
    not_finite: NiftiHeader | None
    warnings: tuple[str, ...]


def suffix_of(path: Path) -> str:
    """Suffix in lower case, with .nii.gz, .seg.nrrd and .seq.nrrd taken as one."""
    name = path.name.lower()
    return next((suffix for suffix in _COMPOUND if name.endswith(suffix)), Path(name).suffix)


def kind_of(path: Path) -> tuple[str, ...]:
    """NIFTI, NRRD or META_IMAGE by the file's name, an empty tuple for anything else."""
    name = path.name.lower()
    return next((kind for kind in (NIFTI, NRRD, META_IMAGE) if name.endswith(kind)), ())


def read_header(path: Path) -> FileHeader:
    """Reads and judges the header of a NIfTI, NRRD or MetaImage file.

    Raises:
        InputError: The file is damaged, not what its name says, not a 3-D or 4-D image, too large, or its geometry
            cannot be used.
    """
    nifti = read_nifti_header(path) if kind_of(path) == NIFTI else None
    if nifti is not None:
        _check_nifti_geometry(path, nifti)
    reader = itk_header(path)
    size = reader.GetSize()
    check_size(path.name, size)
    numbers = math.prod(size) * reader.GetNumberOfComponents()
    if path.suffix.lower() in (".nrrd", ".mha") and numbers > path.stat().st_size * DEFLATE_MAX_RATIO:
        raise incomplete(path)
    not_finite = nifti is not None and check_voxels(path, nifti)
    direction = np.array(reader.GetDirection()).reshape(len(size), len(size))[:3, :3]
    spacing, origin = reader.GetSpacing()[:3], reader.GetOrigin()[:3]
    check_grid(path.name, spacing, origin, direction)
    times, is_sequence = _frames(path, reader, nifti)
    return FileHeader(path, size[:3], spacing, origin, direction, len(size),
                      reader.GetNumberOfComponents(), times, is_sequence, _states_orientation(path, nifti),
                      nifti if not_finite else None, tuple(_nifti_warnings(path, nifti) if nifti else ()))


def itk_header(path: Path) -> sitk.ImageFileReader:
    """SimpleITK's reader of one file with the header read.

    Raises:
        InputError: ITK cannot make sense of the file.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with silenced():
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(f"{path.name} could not be read: it is damaged or not what its name says.",
                         "Open it in the program it came from and export it again.") from error
    return reader


def _check_nifti_geometry(path: Path, nifti: NiftiHeader) -> None:
    used = nifti.spacing[:min(3, len(nifti.dimensions))]
    if not all(math.isfinite(value) and value > 0 for value in used):
        raise _bad_spacing(path.name, used)
    if nifti.sform_code <= 0:
        return
    axes = nifti.sform[:, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(nifti.sform).all() or lengths.min() == 0 or abs(np.linalg.det(axes / lengths)) < 1e-6:
        raise _singular(path.name)
    if nifti.qform_code > 0:
        return
    if _largest_cosine(axes) > SHEAR_LIMIT:
        raise _sheared(path.name)
    if len(used) == 3 and not np.allclose(lengths, used, rtol=_SPACING_MISMATCH):
        raise InputError(f"The header of {path.name} contradicts itself: its spacing is {_mm(used)} in one place "
                         f"and {_mm(lengths)} in another.", "Export the scan again from the original data.")


def _nifti_warnings(path: Path, nifti: NiftiHeader) -> list[str]:
    if min(nifti.sform_code, nifti.qform_code) > 0 and _largest_cosine(nifti.sform[:, :3]) > SHEAR_LIMIT:
        return [f"{path.name} carries a sheared affine beside the scanner's orientation; the scanner's was used."]
    return []


def check_size(name: str, size: tuple[int, ...]) -> None:
    """Stops what has not the size of a 3-D or 4-D scan; `name` is what to call it in messages.

    Raises:
        InputError: Too few or too many axes, a single slice, or too many voxels.
    """
    if len(size) == 2:
        raise InputError(f"{name} is a 2-D image, and a heart needs a volume.",
                         "Give the whole 3-D scan or the folder with all DICOM slices.")
    if len(size) > 4 or len(size) < 2:
        raise InputError(f"{name} has {len(size)} axes; 3-D and 4-D images can be read.",
                         "Export one 3-D volume.")
    if min(size[:3]) < 2:
        raise InputError(f"{name} holds a single slice ({_by(size[:3])} voxels), and a heart needs a volume.",
                         "Give the whole 3-D scan or the folder with all DICOM slices.")
    if math.prod(size[:3]) > MAX_VOXELS:
        raise InputError(f"{name} claims {_by(size[:3])} voxels, more than can be read.",
                         "Check the file, or crop the scan to the chest.")


def check_grid(name: str, spacing: tuple[float, ...], origin: tuple[float, ...], direction: np.ndarray) -> None:
    """Stops a grid that cannot be used; `name` is what to call the image in messages.

    Args:
        name: Name of the image.
        spacing: mm along x, y, z.
        origin: LPS, mm.
        direction: (3, 3), columns are the image axes in LPS.

    Raises:
        InputError: Numbers that are none, a spacing that is not positive, or axes that are singular or sheared.
    """
    if not all(math.isfinite(value) and value > 0 for value in spacing):
        raise _bad_spacing(name, spacing)
    if not all(math.isfinite(value) for value in origin):
        raise InputError(f"The header of {name} does not say where the image lies: its origin is no number.",
                         "Export the scan again from the original data.")
    if not np.isfinite(direction).all() or abs(np.linalg.det(direction)) < 1e-6:
        raise _singular(name)
    if _largest_cosine(direction) > SHEAR_LIMIT:
        raise _sheared(name)


def _largest_cosine(axes: np.ndarray) -> float:
    """Largest cosine between two of three column vectors, 0 for a right-angled frame."""
    unit = axes / np.linalg.norm(axes, axis=0)
    return float(np.abs(np.triu(unit.T @ unit, k=1)).max())


def _frames(path: Path, reader: sitk.ImageFileReader,
            nifti: NiftiHeader | None) -> tuple[tuple[float | None, ...], bool]:
    """Times of the frames, and whether they are the components of a Slicer sequence."""
    size = reader.GetSize()
    if reader.HasMetaDataKey("NRRD_kinds[pixel]") and reader.GetMetaData("NRRD_kinds[pixel]") == "list":
        return tuple(sequence_times_ms(read_nrrd_fields(path), reader.GetNumberOfComponents())), True
    if len(size) == 3 or size[3] == 1:
        return (None,), False
    step = nifti.time_step_ms if nifti is not None else None
    return tuple(None if step is None else index * step for index in range(size[3])), False


def _states_orientation(path: Path, nifti: NiftiHeader | None) -> bool:
    if nifti is not None:
        return nifti.qform_code > 0 or nifti.sform_code > 0
    if kind_of(path) == NRRD:
        return "space directions" in read_nrrd_fields(path)
    return bool({"TransformMatrix", "Orientation", "Rotation"} & set(read_meta_image_fields(path)))


def _bad_spacing(name: str, spacing: tuple[float, ...]) -> InputError:
    return InputError(f"The voxel spacing of {name} cannot be right: {_mm(spacing)}.",
                      "Export the scan again, or set the spacing in 3D Slicer's Volumes module and save it.")


def _singular(name: str) -> InputError:
    return InputError(f"The axes of {name} do not span space: its direction matrix is singular.",
                      "Export the scan again from the original data.")


def _sheared(name: str) -> InputError:
    return InputError(f"The axes of {name} are not at right angles to each other (sheared).",
                      "Give the original DICOM folder, or resample the volume in 3D Slicer and save it.")


def _mm(values: tuple[float, ...] | np.ndarray) -> str:
    return " x ".join(f"{value:g}" for value in values) + " mm"


def _by(size: tuple[int, ...]) -> str:
    return " x ".join(str(count) for count in size)
