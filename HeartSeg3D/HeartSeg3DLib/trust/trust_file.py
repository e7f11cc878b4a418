"""`trust.json`: what was measured of a model's errors, kept beside the weights that it was measured on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models.package import TRUST_BYTES, TRUST_FILE
from HeartSeg3DLib.trust.risk import RiskModel
from HeartSeg3DLib.trust.unusual import Unusual

__all__ = ["TRUST_BYTES", "TRUST_FILE", "TrustModel", "read_trust"]

_FORMAT = 2
_REMEDY = "Run `heartseg train calibrate` on the model, or ask whoever made it for a corrected package."
_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class TrustModel:
    """How far one model's results can be trusted, as it was measured on generated hearts.

    Attributes:
        weights: SHA-256 of the weights files that it was measured on.
        temperature: Calibrates the network's probabilities.
        unusual: Knows ordinary images by their features.
        risk: Reads the probability of a bad structure.
        record: On what it was fitted and how well it did there.
    """

    weights: tuple[str, ...]
    temperature: float
    unusual: Unusual
    risk: RiskModel
    record: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text of `trust.json`, with a checksum over all of it."""
        values = {"format": _FORMAT, "weights": list(self.weights), "temperature": round(self.temperature, 5),
                  "risk": self.risk.to_dict(), "record": self.record, "unusual": self.unusual.to_dict()}
        return json.dumps({**values, "sha256": _checksum(values)}, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> TrustModel:
        """Read what `to_json` gives.

        Raises:
            ModelError: It is something else, was altered, or is of another version.
        """
        try:
            values = json.loads(text)
            found = values.pop("sha256")
            if values["format"] != _FORMAT:
                raise ModelError("The model's trust file is of another version of HeartSeg.", _REMEDY)
            if found != _checksum(values):
                raise ModelError("The model's trust file was altered: its checksum differs.", _REMEDY)
            temperature = float(values["temperature"])
            if not _TEMPERATURES[0] <= temperature <= _TEMPERATURES[1]:
                raise ValueError(f"a temperature of {temperature}")
            return cls(tuple(map(str, values["weights"])), temperature, Unusual.from_dict(values["unusual"]),
                       RiskModel.from_dict(values["risk"]), dict(values["record"]))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ModelError(f"The model's trust file is damaged ({error}).", _REMEDY) from error


def read_trust(folder: Path, weights: Sequence[str]) -> TrustModel | None:
    """Read the trust file of a model package; None where the package has none.

    Args:
        folder: The package.
        weights: SHA-256 of its weights files, as its card says.

    Raises:
        ModelError: The file is damaged, altered, or was made for other weights.
    """
    path = folder / TRUST_FILE
    if not path.exists():
        return None
    try:
        if path.stat().st_size > TRUST_BYTES:
            raise ModelError("The model's trust file is longer than any honest one.", _REMEDY)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError("The model's trust file cannot be read.", _REMEDY) from error
    found = TrustModel.from_json(text)
    if found.weights != tuple(weights):
        raise ModelError("The model's trust file was made for other weights.", _REMEDY)
    return found


def _checksum(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, allow_nan=False).encode("utf-8")).hexdigest()
