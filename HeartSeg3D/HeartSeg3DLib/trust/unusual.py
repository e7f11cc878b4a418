"""How unlike the images that a model learned from an image is, by the network's own features."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.errors import ModelError

Array = NDArray[np.float64]
_REMEDY = "Calibrate the model again, or ask whoever made it for a corrected package."


@dataclass(frozen=True)
class Unusual:
    """Distance of an image's features from those of generated scans without faults.

    Mahalanobis distance under a covariance of k directions and one variance for all others, which is probabilistic
    principal component analysis (Tipping and Bishop 1999, doi 10.1111/1467-9868.00196); the Mahalanobis distance of
    deep features as a measure of the unknown is that of Lee 2018, arXiv 1807.03888. Both parts, in the directions and
    off them, are divided by their means on images that the fit did not see, so that an ordinary image has about 1.

    Attributes:
        mean: (F,) of each feature.
        scale: (F,) deviation of each feature.
        basis: (k, F) directions, orthonormal in scaled features.
        variance: (k,) along them, enlarged so that the mean in the directions is 1.
        rest: Mean squared length of what lies off them.
        reference: Distances of ordinary images in rising order.
    """

    mean: Array
    scale: Array
    basis: Array
    variance: Array
    rest: float
    reference: Array

    def distance(self, features: NDArray[np.floating[Any]]) -> float:
        """Distance of an image's features (F,); about 1 for an ordinary image.

        Raises:
            ModelError: Another number of features than this was fitted on.
        """
        if features.shape != self.mean.shape:
            raise ModelError("The model's trust file was made for another network.", _REMEDY)
        scaled = (features.astype(np.float64) - self.mean) / self.scale
        along = self.basis @ scaled
        off = scaled - along @ self.basis
        return float(0.5 * (along**2 / self.variance).mean() + 0.5 * float(off @ off) / self.rest)

    def percentile(self, distance: float) -> float:
        """Share in % of ordinary images that are less unusual; at most n / (n + 1) for n known ones."""
        below = float(np.searchsorted(self.reference, distance))
        return 100.0 * below / (len(self.reference) + 1)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; long arrays as base64 of little-endian float16 or float32."""
        return {"mean": _packed(self.mean, "<f4"), "scale": _packed(self.scale, "<f4"),
                "basis": _packed(self.basis, "<f2"), "directions": len(self.basis),
                "variance": [float(f"{value:.6g}") for value in self.variance], "rest": float(f"{self.rest:.6g}"),
                "reference": [float(f"{value:.5g}") for value in self.reference]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Unusual:
        """Read what `to_dict` gives.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        mean, scale = _unpacked(values["mean"], "<f4"), _unpacked(values["scale"], "<f4")
        basis = _unpacked(values["basis"], "<f2").reshape(int(values["directions"]), mean.size)
        found = cls(mean, scale, basis, np.array(values["variance"], float), float(values["rest"]),
                    np.sort(np.array(values["reference"], float)))
        if (found.scale.shape != mean.shape or found.variance.shape != (len(basis),) or not found.reference.size
                or not all(np.isfinite(part).all() for part in (mean, scale, basis, found.variance, found.reference))
                or min(scale.min(), found.variance.min(), found.rest) <= 0):
            raise ValueError("the statistics of features do not fit each other")
        return found


def _packed(values: Array, kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")


def _unpacked(text: str, kind: str) -> Array:
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), kind).astype(np.float64)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
