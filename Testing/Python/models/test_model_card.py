"""The card refuses what cannot be right and keeps what it does not know."""

import json

import pytest

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import ModelCard
from small_model import make_card

CHECKSUM = "ab" * 32


@pytest.fixture
def values():
    return {**make_card(sha256=CHECKSUM).to_dict()}


def test_a_card_survives_json(values):
    card = ModelCard.from_dict(values)
    again = ModelCard.from_json(card.to_json().encode())
    assert again == card
    assert again.labels == (0, 1, 2, 3, 4, 5, 6, 7)


def test_unknown_entries_are_kept(values):
    card = ModelCard.from_dict({**values, "thresholds": {"LV": 0.4}})
    assert card.extra == {"thresholds": {"LV": 0.4}}
    assert json.loads(card.to_json())["thresholds"] == {"LV": 0.4}


@pytest.mark.parametrize("name", sorted(set(make_card().to_dict())))
def test_every_entry_is_required(values, name):
    del values[name]
    with pytest.raises(ModelError, match=name):
        ModelCard.from_dict(values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "../../etc"),
        ("id", "Upper"),
        ("id", "a/b"),
        ("id", "a..b"),
        ("id", ".hidden"),
        ("id", "trailing."),
        ("id", "nul"),
        ("id", "com1.model"),
        ("id", "x" * 65),
        ("id", 7),
        ("version", ""),
        ("title", 3),
        ("role", "painter"),
        ("role", ["segmenter"]),
        ("architecture", [1]),
        ("labels", "0123"),
        ("labels", [1, 0]),
        ("labels", [0]),
        ("labels", [0, 1, 1]),
        ("labels", [0, True]),
        ("labels", [0, 1.5]),
        ("labels", [0, 70000]),
        ("spacing_mm", 0),
        ("spacing_mm", "1"),
        ("spacing_mm", float("nan")),
        ("spacing_mm", True),
        ("spacing_mm", 10**400),
        ("window_voxels", 96.0),
        ("window_voxels", 8),
        ("modalities", []),
        ("modalities", ["ct", "pet"]),
        ("modalities", ["ct", "ct"]),
        ("intensity", {}),
        ("intensity", {"ct": {"kind": "window", "low": -250.0, "high": 650.0}}),
        ("intensity", {"ct": {"kind": [], "low": 0, "high": 1}, "mr": {"kind": "percentile", "low": 0, "high": 1}}),
        ("intensity", {m: {"kind": "window", "low": 5.0, "high": 5.0} for m in ("ct", "mr")}),
        ("intensity", {m: {"kind": "percentile", "low": 1.0, "high": 101.0} for m in ("ct", "mr")}),
        ("conventions", None),
        ("licence", " "),
        ("sha256", "xyz"),
        ("sha256", ""),
        ("sha256", 5),
        ("created", 5),
    ],
)
def test_impossible_values_are_named(values, name, value):
    with pytest.raises(ModelError, match=name):
        ModelCard.from_dict({**values, name: value})


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"spacing_mm": NaN}', b"[" * 100_000, b'"' + b"x" * 1_000_001 + b'"'],
)
def test_text_that_is_no_card_is_refused(content):
    with pytest.raises(ModelError):
        ModelCard.from_json(content)


def test_a_card_that_json_cannot_hold_is_refused():
    with pytest.raises(ModelError, match="cannot be written"):
        make_card(figures={"dice": float("nan")}).to_json()
    with pytest.raises(ModelError, match="1 MB"):
        make_card(training={"log": "x" * 1_000_001}).to_json()
