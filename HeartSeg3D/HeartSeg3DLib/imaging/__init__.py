"""Images and label maps in, label maps out: files, DICOM folders, 4-D, geometry."""

from .dicom import SeriesInfo, list_series
from .dicom_segmentation import (
    DICOM_SEGMENTATION,
    check_dicom_segmentation,
    check_dicom_source,
    write_dicom_segmentation,
)
from .files import scan_of_image
from .labels import read_label_frames, read_labels
from .output import check_output, check_output_folder, refuse_file_in_the_way, refuse_name_of_file, replacing
from .probabilities import (
    PROBABILITY_KINDS,
    ClassProbabilities,
    holds_probabilities,
    read_probabilities,
    write_probabilities,
)
from .reading import read_scan
from .scan import Frame, LazyFrames, Modality, Scan
from .schemes import SCHEMES
from .writing import (
    IMAGE_KINDS,
    SEGMENTATION_KINDS,
    SEQUENCE_KINDS,
    write_image,
    write_segmentation,
    write_sequence,
)

__all__ = [
    "DICOM_SEGMENTATION",
    "IMAGE_KINDS",
    "PROBABILITY_KINDS",
    "SCHEMES",
    "SEGMENTATION_KINDS",
    "SEQUENCE_KINDS",
    "ClassProbabilities",
    "Frame",
    "LazyFrames",
    "Modality",
    "Scan",
    "SeriesInfo",
    "check_dicom_segmentation",
    "check_dicom_source",
    "check_output",
    "check_output_folder",
    "holds_probabilities",
    "list_series",
    "read_label_frames",
    "read_labels",
    "read_probabilities",
    "read_scan",
    "refuse_file_in_the_way",
    "refuse_name_of_file",
    "replacing",
    "scan_of_image",
    "write_dicom_segmentation",
    "write_image",
    "write_probabilities",
    "write_segmentation",
    "write_sequence",
]
