"""The model card: what `model.json` says about a model, checked field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import ModelError

CARD_FILE = "model.json"
CARD_BYTES = 1_000_000
"""No honest card is longer than this."""

ROLES = ("segmenter", "locator")
MODALITIES = ("ct", "mr")

_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_MOST_MEMBERS = 15
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEDY = "Import the model again, or ask whoever made it for a corrected package."


@dataclass(frozen=True)
class ModelCard:
    """Everything a program or a person must know before using a model.

    Attributes:
        id: Name of the model in folders and on the command line: lower case letters, digits, `.`, `_`, `-`.
        version: Version of the model, such as `1.0.0`.
        title: Name shown to people.
        role: `segmenter`, or `locator` for the coarse network that finds the heart.
        architecture: Network configuration as `NetworkConfig.to_dict` gives it.
        labels: Label value of each output channel; channel 0 is background, value 0.
        spacing_mm: Voxel size the network works at, the same along all axes.
        window_voxels: Side of the cube the network was trained on, in voxels.
        modalities: Which of `ct`, `mr` it reads.
        intensity: For each modality the rule that maps scanner values to [-1, 1]:
            `{"kind": "window", "low": HU, "high": HU}` or `{"kind": "percentile", "low": %, "high": %}`.
        conventions: How structures are delineated, such as where papillary muscles belong.
        training: What it was trained on, how and for how long.
        held_out: What was kept from training.
        figures: What was measured, on what.
        licence: Licence of the weights as an SPDX expression.
        sha256: Checksum of the weights file; empty until the package is saved.
        members: Checksums of the weights files of further networks whose probabilities are averaged with the first
            one's, `weights_2.safetensors` and so on; empty for a single network.
        created: When it was saved, ISO 8601 in UTC; empty until then.
        software: Program and version that saved it; empty until then.
        extra: Entries of `model.json` that this version of HeartSeg does not know; kept as they are.

    Raises:
        ModelError: A field has a wrong type or an impossible value.
    """

    id: str
    version: str
    title: str
    role: str
    architecture: dict[str, Any]
    labels: tuple[int, ...]
    spacing_mm: float
    window_voxels: int
    modalities: tuple[str, ...]
    intensity: dict[str, dict[str, Any]]
    conventions: dict[str, Any]
    training: dict[str, Any]
    held_out: dict[str, Any]
    figures: dict[str, Any]
    licence: str
    sha256: str = ""
    created: str = ""
    software: str = ""
    members: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("labels", "modalities", "members"):
            value = getattr(self, name)
            _require(isinstance(value, (list, tuple)), name, "must be a list")
            object.__setattr__(self, name, tuple(value))
        for name, (rule, holds) in _RULES.items():
            _require(holds(getattr(self, name)), name, rule)
        _require(set(self.modalities) <= set(self.intensity), "intensity", "needs a rule for each modality")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, unknown entries beside the known ones."""
        values = asdict(self)
        if not self.members:
            del values["members"]
        return {**values.pop("extra"), **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelCard:
        """Read what `to_dict` gives.

        Raises:
            ModelError: An entry is missing or wrong.
        """
        known = {entry.name for entry in fields(cls)} - {"extra"}
        missing = sorted(known - {"members"} - set(values))
        if missing:
            raise ModelError(f"The model card lacks {', '.join(missing)}.", _REMEDY)
        extra = {key: value for key, value in values.items() if key not in known}
        card = cls(**{name: values[name] for name in known & set(values)}, extra=extra)
        _require(all((card.sha256, *card.members)), "sha256", "must be the checksum of the weights")
        return card

    def to_json(self) -> str:
        """Return the text of `model.json`.

        Raises:
            ModelError: A value cannot be written as JSON.
        """
        try:
            text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise ModelError(f"The model card cannot be written ({error}).", "Use plain finite values.") from error
        if len(text.encode()) > CARD_BYTES:
            raise ModelError("The model card is longer than 1 MB.", "Keep long records beside the package.")
        return text

    @classmethod
    def from_json(cls, content: bytes) -> ModelCard:
        """Read the content of `model.json`.

        Raises:
            ModelError: Not JSON, too long, or an entry is missing or wrong.
        """
        if len(content) > CARD_BYTES:
            raise ModelError("The model card is longer than 1 MB.", _REMEDY)
        try:
            values = json.loads(content, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            raise ModelError(f"The model card is not valid JSON{place}.", _REMEDY) from error
        if not isinstance(values, dict):
            raise ModelError("The model card is not a JSON object.", _REMEDY)
        return cls.from_dict(values)

    @classmethod
    def read(cls, folder: Path) -> ModelCard:
        """Read the card of a package folder.

        Raises:
            ModelError: There is none, or it is wrong.
        """
        path = folder / CARD_FILE
        try:
            with path.open("rb") as file:
                content = file.read(CARD_BYTES + 1)
        except OSError as error:
            raise ModelError(
                f"'{folder}' is not a model package: {CARD_FILE} cannot be read.",
                "Choose the folder that holds model.json and weights.safetensors.",
            ) from error
        return cls.from_json(content)

    def with_values(self, **changes: Any) -> ModelCard:
        """Return a copy with some fields changed, checked again."""
        return replace(self, **changes)


def is_safe_id(name: object) -> bool:
    """Return True if a model id is also a safe folder name on every system, Windows included."""
    return (
        isinstance(name, str)
        and _ID.fullmatch(name) is not None
        and ".." not in name
        and name.split(".")[0] not in _RESERVED
    )


def _require(holds: bool, name: str, rule: str) -> None:
    if not holds:
        raise ModelError(f"The model card's entry '{name}' {rule}.", _REMEDY)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _is_text(value: object, longest: int = 500) -> bool:
    return isinstance(value, str) and len(value.strip()) > 0 and len(value) <= longest


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_checksum(value: object) -> bool:
    return isinstance(value, str) and (value == "" or _SHA256.fullmatch(value) is not None)


def _are_members(members: tuple[object, ...]) -> bool:
    return len(members) <= _MOST_MEMBERS and all(map(_is_checksum, members))


def _are_labels(labels: tuple[object, ...]) -> bool:
    values = 2 <= len(labels) <= 256 and all(_is_whole(label, 0, 65535) for label in labels)
    return values and labels[0] == 0 and len(set(labels)) == len(labels)


def _are_modalities(names: tuple[object, ...]) -> bool:
    return bool(names) and all(name in MODALITIES for name in names) and len(set(names)) == len(names)


def _is_intensity(rules: object) -> bool:
    return isinstance(rules, dict) and set(rules) <= set(MODALITIES) and all(map(_is_rule, rules.values()))


def _is_rule(rule: object) -> bool:
    ranges = {"window": (-1e6, 1e6), "percentile": (0.0, 100.0)}
    if not isinstance(rule, dict) or rule.get("kind") not in tuple(ranges):
        return False
    lowest, highest = ranges[rule["kind"]]
    ends_are_numbers = all(_is_number(rule.get(end), lowest, highest) for end in ("low", "high"))
    return ends_are_numbers and rule["low"] < rule["high"]


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


_Rule = tuple[str, Callable[[Any], bool]]
_RULES: dict[str, _Rule] = {
    "id": ("must be lower case letters, digits, '.', '_' or '-'", is_safe_id),
    "version": ("must be a text", lambda value: _is_text(value, 50)),
    "title": ("must be a text", _is_text),
    "role": (f"must be one of {', '.join(ROLES)}", lambda value: value in ROLES),
    "architecture": ("must be a table", _is_table),
    "labels": ("must be different label values, background 0 first", _are_labels),
    "spacing_mm": ("must be between 0.1 and 20", lambda value: _is_number(value, 0.1, 20.0)),
    "window_voxels": ("must be a whole number from 16 to 1024", lambda value: _is_whole(value, 16, 1024)),
    "modalities": (f"must be some of {', '.join(MODALITIES)}", _are_modalities),
    "intensity": ("must hold a window or percentile rule with low below high", _is_intensity),
    "conventions": ("must be a table", _is_table),
    "training": ("must be a table", _is_table),
    "held_out": ("must be a table", _is_table),
    "figures": ("must be a table", _is_table),
    "licence": ("must name a licence", _is_text),
    "sha256": ("must be 64 hexadecimal digits", _is_checksum),
    "members": (f"must be at most {_MOST_MEMBERS} times 64 hexadecimal digits", _are_members),
    "created": ("must be a text", lambda value: isinstance(value, str) and len(value) <= 100),
    "software": ("must be a text", lambda value: isinstance(value, str) and len(value) <= 200),
    "extra": ("must be a table", _is_table),
}
