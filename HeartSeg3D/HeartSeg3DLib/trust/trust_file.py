"""`trust.json`: what was measured of a model's errors, kept beside the weights that it was measured on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models.card import ModelCard
from HeartSeg3DLib.models.package import TRUST_BYTES, TRUST_FILE
from HeartSeg3DLib.trust.entries import DamagedEntryError, Entries
from HeartSeg3DLib.trust.risk import RiskModel
from HeartSeg3DLib.trust.unusual import Unusual

__all__ = ["TRUST_BYTES", "TRUST_FILE", "TrustFileError", "TrustModel", "check_trust", "read_trust"]

_FORMAT = 3
_ANEW = "measure it anew with `heartseg train calibrate MODEL --force`"
_REMEDY = ("Import the model again from its original package (one that came with HeartSeg: install that again), or "
           f"{_ANEW}.")
_NEWER = f"Update HeartSeg, or, if that does not help, {_ANEW}."
_TEMPERATURES = (0.05, 20.0)
_JUDGED_FIGURES = ("bad_structures_flagged", "good_structures_flagged")
"""Figures of a card that only a model has whose results are judged."""


class TrustFileError(ModelError):
    """A model has a trust file that cannot be used, or lacks the one that its card tells of.

    Args:
        state: What is the matter with the file, such as `is damaged`.
        detail: What of it, the end of a sentence.
        remedy: What to do next, one sentence.

    Attributes:
        state: As given.
    """

    def __init__(self, state: str, detail: str = "", remedy: str = _REMEDY) -> None:
        super().__init__(f"The model's trust file ({TRUST_FILE}) {state}{': ' if detail else ''}{detail}.", remedy)
        self.state = state


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
            TrustFileError: It is something else, was altered, or is of another format.
        """
        try:
            said = Entries(_table_in(text))
            _check_format(said.of("format"))
            made = cls(said.texts("weights"), said.number("temperature", *_TEMPERATURES),
                       Unusual.from_dict(said.table("unusual").values),
                       RiskModel.from_dict(said.table("risk").values), dict(said.table("record").values))
            noted = said.of("sha256")
            found = _checksum({name: value for name, value in said.values.items() if name != "sha256"})
        except DamagedEntryError as error:
            raise TrustFileError("is damaged", str(error)) from error
        if noted != found:
            raise TrustFileError("was altered", "its checksum differs")
        return made


def read_trust(folder: Path, weights: Sequence[str]) -> TrustModel | None:
    """Read the trust file of a model package; None where the package has none.

    Args:
        folder: The package.
        weights: SHA-256 of its weights files, as its card says.

    Raises:
        TrustFileError: The file is damaged, altered, or was made for other weights.
    """
    path = folder / TRUST_FILE
    if not path.exists():
        return None
    try:
        if path.stat().st_size > TRUST_BYTES:
            raise TrustFileError("is damaged", f"it is longer than {TRUST_BYTES / 1e6:.0f} MB")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TrustFileError("is damaged", "it is no text") from error
    except OSError as error:
        raise TrustFileError("cannot be read", remedy=f"Check that {path} is a file that you may read.") from error
    found = TrustModel.from_json(text)
    if found.weights != tuple(weights):
        raise TrustFileError("was made for other weights")
    return found


def check_trust(folder: Path, card: ModelCard) -> TrustModel | None:
    """Read the trust file of a segmenter's package and compare it with the card and its network.

    Args:
        folder: The package.
        card: Its card.

    Returns:
        What was measured of the model's errors; None where nobody measured them, and of a model that does not segment.

    Raises:
        TrustFileError: The file is damaged, altered, was made for other weights or another network, or is missing
            although the card tells how well results are judged by it.
    """
    if card.role != "segmenter":
        return None
    found = read_trust(folder, (card.sha256, *card.members))
    if found is None:
        if card.figures.keys().isdisjoint(_JUDGED_FIGURES):
            return None
        raise TrustFileError("is missing", "the model's card has figures of how well results are judged by it")
    known = 2 * sum(card.architecture["features"][1:])  # `segmentation.seen.FeatureSummary`
    if len(found.unusual.mean) != known:
        raise TrustFileError("was made for another network",
                             f"it knows {len(found.unusual.mean)} features of an image, and the model has {known}")
    return found


def _table_in(text: str) -> dict[str, Any]:
    """Return the table that a JSON text holds.

    Raises:
        DamagedEntryError: It is something else.
    """
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise DamagedEntryError(f"it is not valid JSON (line {error.lineno}, column {error.colno})") from error
    except DamagedEntryError:
        raise
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise DamagedEntryError("it is not valid JSON") from error
    if not isinstance(values, dict):
        raise DamagedEntryError("it does not hold a table of entries")
    return values


def _refuse_constant(name: str) -> float:
    raise DamagedEntryError(f"it holds {name}, which is no number")


def _check_format(found: object) -> None:
    if not isinstance(found, int) or isinstance(found, bool):
        raise DamagedEntryError("its entry 'format' must be a whole number")
    if found != _FORMAT:
        raise TrustFileError("is of another version of HeartSeg",
                             f"it has format {found}, and this version reads format {_FORMAT}",
                             _NEWER if found > _FORMAT else _REMEDY)


def _checksum(values: Mapping[str, Any]) -> str:
    """Return the SHA-256 over all entries.

    Raises:
        DamagedEntryError: An entry cannot be written as JSON again.
    """
    try:
        text = json.dumps(values, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise DamagedEntryError("it holds a number that is too large") from error
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
