"""How unlike the images that a model learned from an image is, by the network's own features."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.trust.entries import Entries

Array = NDArray[np.float64]
_REMEDY = "Calibrate the model again, or ask whoever made it for a corrected package."


@dataclass(frozen=True)
class Unusual:
    """How badly an image's features are explained by those of generated scans without faults.

    Mean squared length of what is left of the scaled features off the k directions in which ordinary images differ
    most: the reconstruction error of a principal component analysis (the Q statistic of Jackson and Mudholkar 1979, doi
    10.1080/00401706.1979.10489779), relative to that of ordinary images that the fit did not see. How far an image lies
    along these directions told faults less well than leaving it out, on the cases of the calibration.

    Attributes:
        mean: (F,) of each feature.
        scale: (F,) deviation of each feature.
        basis: (k, F) directions, orthonormal in scaled features.
        rest: Mean squared length of what lies off them, of ordinary images.
        reference: Distances of ordinary images in rising order.
    """

    mean: Array
    scale: Array
    basis: Array
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
        off = scaled - (self.basis @ scaled) @ self.basis
        return float(off @ off) / self.rest

    def percentile(self, distance: float) -> float:
        """Share in % of ordinary images that are less unusual; at most n / (n + 1) for n known ones."""
        below = float(np.searchsorted(self.reference, distance))
        return 100.0 * below / (len(self.reference) + 1)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; long arrays as base64 of little-endian float16 or float32."""
        return {"mean": _packed(self.mean, "<f4"), "scale": _packed(self.scale, "<f4"),
                "basis": _packed(self.basis, "<f2"), "directions": len(self.basis), "rest": float(f"{self.rest:.6g}"),
                "reference": [float(f"{value:.5g}") for value in self.reference]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Unusual:
        """Read what `to_dict` gives.

        Raises:
            DamagedEntryError: It is something else.
        """
        said = Entries(values, "unusual.")
        mean = _unpacked(said, "mean", "<f4")
        scale = _unpacked(said, "scale", "<f4", mean.size)
        directions = said.number("directions", 1, 100_000)
        if directions != int(directions):
            raise said.wrong("directions", "must be a whole number")
        basis = _unpacked(said, "basis", "<f2", int(directions) * mean.size).reshape(-1, mean.size)
        rest = said.number("rest")
        for name, lowest in (("scale", scale.min()), ("rest", rest)):
            if lowest <= 0:
                raise said.wrong(name, "must not hold 0 or less")
        return cls(mean, scale, basis, rest, np.sort(np.array(said.numbers("reference"))))


def _packed(values: Array, kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")


def _unpacked(said: Entries, name: str, kind: str, count: int | None = None) -> Array:
    """Return an array that `_packed` wrote, of `count` numbers where that is known.

    Raises:
        DamagedEntryError: It is something else.
    """
    try:
        found = np.frombuffer(base64.b64decode(said.of(name), validate=True), kind).astype(np.float64)
    except (TypeError, ValueError):  # no text, no base64, or bytes that do not fill the last number
        found = np.empty(0)
    if not found.size or count not in (None, found.size) or not np.isfinite(found).all():
        raise said.wrong(name, f"must hold {'' if count is None else f'{count} '}numbers in base64")
    return found
