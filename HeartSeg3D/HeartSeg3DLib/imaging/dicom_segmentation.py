"""Writes a DICOM Segmentation (SEG): the label map as an object of the scan's study, for archives and viewers.

Standard: DICOM PS3.3 A.51 (Segmentation IOD), C.8.20 (its modules) and C.7.6.16 (multi-frame functional groups). The
package highdicom, the extra `dicom`, builds the object. It knows sources of one series or one multi-frame file; a cine
with one series per slice position and single phases of a multi-frame file are neither. So it gets one plane that stands
for the scan, and the references to all source planes are added here.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib import __version__

from ..anatomy import SNOMED_CATEGORY, Structure
from ..errors import InputError, UsageError
from .dicom_slices import Slice
from .header import kind_of
from .output import replacing
from .reading import readable
from .scan import Scan
from .segmentation_nrrd import structures_in

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DICOM_SEGMENTATION = ".dcm"
"""Ending of a DICOM Segmentation."""

# Type 2 attributes of PS3.3 C.7.1.1 and C.7.2.1: they have to be there and may be empty, as anonymized scans need.
_MAY_BE_EMPTY = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
                 "StudyDate", "StudyTime")
_NEEDED = {"StudyInstanceUID": "study", "SeriesInstanceUID": "series", "FrameOfReferenceUID": "frame of reference",
           "SOPClassUID": "kind of image", "SOPInstanceUID": "image"}
_CLASSIC = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
_FIRST_SERIES_NUMBER = 1000


def check_dicom_source(source: Path, name: str) -> None:
    """Makes sure, before a scan is read, that a DICOM Segmentation may come of it.

    Args:
        source: File or folder of the scan.
        name: Name of the file to be written, for the messages.

    Raises:
        UsageError: The scan is no DICOM, or highdicom is not installed.
    """
    if source.is_file() and kind_of(source):
        raise UsageError(f"{name} would be a DICOM SEG, which refers to the DICOM images of its scan, and "
                         f"{source.name} is no DICOM.",
                         "Give the folder of DICOM files, or write .seg.nrrd or .nii.gz.")
    if importlib.util.find_spec("highdicom") is None:
        raise UsageError("Writing DICOM SEG needs the package highdicom, which is not installed.",
                         "Install it with: pip install heartseg[dicom]")


def check_dicom_segmentation(scan: Scan, frames: int, name: str) -> None:
    """Makes sure, before a scan is segmented, that a DICOM Segmentation of it can be written.

    Args:
        scan: The scan that was read.
        frames: Number of its frames that are segmented.
        name: Name of the file to be written, for the messages.

    Raises:
        UsageError: As `check_dicom_source`, or several frames were chosen.
        InputError: The headers lack what a DICOM Segmentation has to refer to.
    """
    check_dicom_source(scan.source, name)
    if frames > 1:
        raise UsageError(f"The scan has {frames} frames (4-D), and a DICOM SEG holds one.", "Choose one with --frame.")
    _check_header(_read_header(scan.planes[0][0].path))


def write_dicom_segmentation(path: Path, labels: sitk.Image, planes: Sequence[Slice], *, model: str,
                             resampled: bool = False) -> None:
    """Writes the label map of one frame as a DICOM Segmentation with one binary segment per structure in it.

    Patient and study are copied from the source, as the standard asks. Where the scan was resampled, the segmentation
    has that grid within the source's frame of reference, and refers to the source's images but not plane by plane.
    `check_dicom_segmentation` tells beforehand whether it can be done.

    Args:
        path: .dcm file to write, replaced in one step.
        labels: uint8 or uint16 label map of canonical values, LPS in mm.
        planes: Image planes of the frame; unless resampled, those of the label map's slices in the same order.
        model: Id and version of the model, named in each segment.
        resampled: Whether the label map lies on another grid than the planes.

    Raises:
        UsageError: The file system refuses the file.
        InputError: The label map has no or an unknown structure, or the headers of the source cannot be used.
        ValueError: Labels and planes do not belong together.
    """
    if not resampled and labels.GetSize()[2] != len(planes):
        raise ValueError(f"{labels.GetSize()[2]} slices of labels, {len(planes)} planes")
    structures = structures_in(sitk.GetArrayViewFromImage(labels))
    if not structures:
        raise InputError("The label map is empty, and a DICOM SEG cannot be.", "Check the scan and its label map.")
    headers = {file: _read_header(file) for file in dict.fromkeys(plane.path for plane in planes)}
    for header in headers.values():
        _check_header(header)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they would print values of the headers, names of patients among them
            built = _build(labels, structures, planes, headers, model, resampled)
            with replacing(path) as temporary:
                built.save_as(temporary)
    except (ValueError, TypeError, AttributeError) as error:  # what highdicom and pydicom raise at bad headers
        # What went wrong may name the patient, so it goes no further.
        raise InputError("The headers of the DICOM images hold values that the standard does not allow "
                         f"({type(error).__name__}), so no DICOM SEG can be made of them.",
                         "Write .seg.nrrd instead, and export DICOM SEG from 3D Slicer.") from None


def _read_header(path: Path) -> Dataset:
    import pydicom

    with readable(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, stop_before_pixels=True, force=True)


def _check_header(header: Dataset) -> None:
    missing = [meaning for name, meaning in _NEEDED.items() if not header.get(name)]
    if missing:
        raise InputError(f"The DICOM images do not identify their {', '.join(missing)}, to which a DICOM SEG refers.",
                         "Write .seg.nrrd or .nii.gz instead, or export the series again with its identifiers.")


def _build(labels: sitk.Image, structures: Sequence[Structure], planes: Sequence[Slice], headers: dict[Path, Dataset],
           model: str, resampled: bool) -> Any:
    import highdicom

    first = headers[planes[0].path]
    axes = np.array(labels.GetDirection()).reshape(3, 3)
    step = float(labels.GetSpacing()[2])
    thickness = float(first.get("SliceThickness") or step) if not resampled else step
    stand_in = _one_plane(planes[0], (thickness, step))
    positions = _grid_positions(labels) if resampled else np.stack([plane.position for plane in planes])
    numbers = np.zeros(int(max(one.value for one in structures)) + 1, np.uint8)
    numbers[[one.value for one in structures]] = range(1, len(structures) + 1)
    built = highdicom.seg.Segmentation(
        source_images=[stand_in], pixel_array=numbers[sitk.GetArrayViewFromImage(labels)],
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=_descriptions(structures, model),
        plane_positions=[highdicom.PlanePositionSequence("PATIENT", position) for position in positions.tolist()],
        plane_orientation=highdicom.PlaneOrientationSequence("PATIENT", axes[:, :2].T.ravel().tolist()),
        pixel_measures=highdicom.PixelMeasuresSequence(labels.GetSpacing()[1::-1], thickness, step),
        series_instance_uid=highdicom.UID(), series_number=_FIRST_SERIES_NUMBER + int(first.get("SeriesNumber") or 0),
        sop_instance_uid=highdicom.UID(), instance_number=1,
        manufacturer="HeartSeg", manufacturer_model_name="HeartSeg",
        software_versions=__version__, device_serial_number=__version__, content_label="HEART",
        content_description="Heart structures, for research", content_qualification="RESEARCH",
        series_description="HeartSeg, for research")
    _refer_to_images(built, headers.values())
    _refer_to_planes(built, [] if resampled else planes, headers)
    return built


def _one_plane(plane: Slice, depth: tuple[float, float]) -> Dataset:
    """The header of one plane as a single-frame image, whatever kind it is of, with what may be empty filled in.

    Args:
        plane: The plane.
        depth: Thickness of a slice, and distance between slices, in mm.
    """
    one = _read_header(plane.path)
    for name in ("NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if name in one:
            del one[name]
    one.SOPClassUID = _CLASSIC.get(str(one.get("Modality")), _CLASSIC["CT"])
    for name in _MAY_BE_EMPTY:
        if name not in one:
            setattr(one, name, "")
    one.ImageOrientationPatient = _decimals(plane.axes.T.ravel())
    one.ImagePositionPatient = _decimals(plane.position)
    one.PixelSpacing = _decimals(plane.spacing[::-1])
    one.SliceThickness, one.SpacingBetweenSlices = _decimals(depth)
    return one


def _decimals(values: Any) -> list[Any]:
    """Decimal strings of at most 16 characters, as DICOM has them."""
    from pydicom.valuerep import DSfloat

    return [DSfloat(float(value), auto_format=True) for value in values]


def _grid_positions(labels: sitk.Image) -> np.ndarray:
    """(slices, 3) centers of the first voxel of each slice, LPS in mm."""
    return np.array([labels.TransformIndexToPhysicalPoint((0, 0, index)) for index in range(labels.GetSize()[2])])


def _descriptions(structures: Sequence[Structure], model: str) -> list[Any]:
    import highdicom
    from pydicom.sr.codedict import Code, codes

    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="HeartSeg", family=codes.DCM.ArtificialIntelligence, version=__version__, source="HeartSeg",
        parameters={"model": model})
    scheme, category, meaning = SNOMED_CATEGORY
    return [
        highdicom.seg.SegmentDescription(
            segment_number=number, segment_label=structure.name,
            segmented_property_category=Code(category, scheme, meaning),
            segmented_property_type=Code(structure.snomed, "SCT", structure.snomed_meaning),
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC, algorithm_identification=algorithm,
            display_color=highdicom.color.CIELabColor.from_rgb(*structure.color))
        for number, structure in enumerate(structures, start=1)
    ]


def _refer_to_images(built: Any, headers: Any) -> None:
    """Names all source images, sorted by their series (PS3.3 C.12.2 and C.7.6.1)."""
    from pydicom.dataset import Dataset

    series: dict[str, list[Dataset]] = {}
    for header in headers:
        series.setdefault(header.SeriesInstanceUID, []).append(_reference(header))
    built.SourceImageSequence = [reference for references in series.values() for reference in references]
    built.ReferencedSeriesSequence = []
    for uid, references in series.items():
        item = Dataset()
        item.SeriesInstanceUID = uid
        item.ReferencedInstanceSequence = references
        built.ReferencedSeriesSequence.append(item)


def _refer_to_planes(built: Any, planes: Sequence[Slice], headers: dict[Path, Dataset]) -> None:
    """Names the source plane of each frame (PS3.3 C.7.6.16.2.6), or none without planes."""
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    positions = np.array([plane.position for plane in planes])
    for group in built.PerFrameFunctionalGroupsSequence:
        group.DerivationImageSequence = []
        if not planes:
            continue
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        plane = planes[int(np.linalg.norm(positions - position, axis=1).argmin())]
        header = headers[plane.path]
        source = _reference(header)
        if int(header.get("NumberOfFrames") or 1) > 1:
            source.ReferencedFrameNumber = plane.frame + 1
        source.PurposeOfReferenceCodeSequence = [_coded(codes.DCM.SourceImageForImageProcessingOperation)]
        source.SpatialLocationsPreserved = "YES"
        derivation = Dataset()
        derivation.DerivationCodeSequence = [_coded(codes.DCM.Segmentation)]
        derivation.SourceImageSequence = [source]
        group.DerivationImageSequence = [derivation]


def _reference(header: Dataset) -> Dataset:
    from pydicom.dataset import Dataset

    reference = Dataset()
    reference.ReferencedSOPClassUID = header.SOPClassUID
    reference.ReferencedSOPInstanceUID = header.SOPInstanceUID
    return reference


def _coded(code: Any) -> Any:
    import highdicom

    return highdicom.sr.CodedConcept.from_code(code)
