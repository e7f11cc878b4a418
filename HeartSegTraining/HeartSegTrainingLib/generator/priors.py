"""Anatomical priors: label maps of real hearts, prepared once as arrays so that training needs no image library."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from HeartSeg3DLib.errors import InputError

from .tissues import TISSUE_OF_LABEL

_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")


def read_priors(folder: Path) -> dict[str, np.ndarray]:
    """Read every label map of a folder at 1 mm in LPS.

    Args:
        folder: Label maps with canonical values (1-7, walls 103-107), or arrays prepared by :func:`prepare_priors`.

    Returns:
        (d, h, w) uint8 arrays [z, y, x] by name.

    Raises:
        InputError: The folder holds no usable label map.
    """
    prepared = folder / "priors.safetensors"
    if prepared.exists():
        return dict(load_file(str(prepared)))
    paths = sorted(p for p in folder.iterdir() if p.name.endswith(_SUFFIXES)) if folder.is_dir() else []
    if not paths:
        raise InputError(f"No label maps in {folder}.", "Give a folder with .nii.gz, .nrrd or .mha label maps.")
    return {path.name.split(".")[0]: _read_prior(path) for path in paths}


def prepare_priors(source: Path, target: Path) -> Path:
    """Store the priors of a folder as one safetensors file, for machines without an image library."""
    target.mkdir(parents=True, exist_ok=True)
    path = target / "priors.safetensors"
    temporary = path.with_suffix(".part")
    temporary.write_bytes(save({name: np.ascontiguousarray(array) for name, array in read_priors(source).items()}))
    os.replace(temporary, path)
    return path


def _read_prior(path: Path) -> np.ndarray:
    import SimpleITK as sitk

    try:
        image = sitk.DICOMOrient(sitk.ReadImage(str(path), sitk.sitkUInt8), "LPS")
    except RuntimeError as error:
        raise InputError(f"The label map {path.name} cannot be read.", "Give a readable 3-D label map.") from error
    spacing = image.GetSpacing()
    size = [max(round(n * s), 1) for n, s in zip(image.GetSize(), spacing, strict=True)]
    if any(abs(s - 1) > 1e-3 for s in spacing):
        image = sitk.Resample(image, size, sitk.Transform(), sitk.sitkNearestNeighbor, image.GetOrigin(),
                              (1.0, 1.0, 1.0), image.GetDirection())
    labels = sitk.GetArrayFromImage(image)
    unknown = sorted(set(np.unique(labels).tolist()) - set(TISSUE_OF_LABEL) - {0})
    missing = [value for value in range(1, 8) if not (labels == value).any()]
    if unknown or missing:
        raise InputError(
            f"The label map {path.name} does not fit as a prior: unknown values {unknown}, missing values {missing}.",
            "A prior holds values 1-7 and optionally walls 103-107.")
    return labels
