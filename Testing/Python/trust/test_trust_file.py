"""A trust file comes back as it was written, and is refused where it does not belong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import ModelCard
from HeartSeg3DLib.trust import TRUST_FILE, TrustFileError, check_trust, read_trust
from trust_fitted import WEIGHTS, a_trust

MISSING = object()


def write_changed(folder: Path, place: str, value: object) -> None:
    """Change or take out one entry of the trust file, and let the checksum be right again."""
    from HeartSeg3DLib.trust.trust_file import _checksum

    values = json.loads(a_trust().to_json())
    del values["sha256"]
    *tables, name = place.split(".")
    table = values
    for one in tables:
        table = table[one]
    if value is MISSING:
        table.pop(name, None)
    else:
        table[name] = value
    noted = {} if place == "sha256" else {"sha256": _checksum(values)}
    (folder / TRUST_FILE).write_text(json.dumps({**values, **noted}), encoding="utf-8")


def assert_refused(folder: Path, state: str, said: str) -> TrustFileError:
    """Check that the file is refused in plain words, and return the error."""
    with pytest.raises(TrustFileError) as caught:
        read_trust(folder, WEIGHTS)
    assert caught.value.state == state
    assert caught.value.message.startswith(f"The model's trust file (trust.json) {state}")
    assert said in caught.value.message
    assert caught.value.remedy.endswith(".")
    return caught.value


def a_card(figures: dict[str, float] | None = None, features: Sequence[int] = (4, 4)) -> ModelCard:
    """A segmenter's card, as far as its trust file knows it."""
    return ModelCard(
        id="one", version="1", title="One", role="segmenter", architecture={"features": list(features)},
        labels=tuple(range(8)), spacing_mm=1.5, window_voxels=16, modalities=("ct",),
        intensity={"ct": {"kind": "window", "low": -250.0, "high": 650.0}}, conventions={}, training={}, held_out={},
        figures=figures or {}, licence="Apache-2.0", sha256=WEIGHTS[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / TRUST_FILE).write_text(a_trust().to_json(), encoding="utf-8")
    return tmp_path


def test_it_comes_back_as_it_was_written(folder: Path) -> None:
    found = read_trust(folder, WEIGHTS)
    assert found is not None
    assert (found.temperature, found.risk, found.record) == (2.0, a_trust().risk, {"cases": 3})
    np.testing.assert_array_equal(found.unusual.basis, a_trust().unusual.basis)
    assert found.to_json() == a_trust().to_json()


def test_a_package_without_one_is_not_judged(tmp_path: Path) -> None:
    assert read_trust(tmp_path, WEIGHTS) is None


def test_one_for_other_weights_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="other weights"):
        read_trust(folder, ("b" * 64,))


def test_an_altered_one_is_refused(folder: Path) -> None:
    path = folder / TRUST_FILE
    path.write_text(path.read_text("utf-8").replace('"amber": 0.3', '"amber": 0.4'), encoding="utf-8")
    with pytest.raises(ModelError, match="altered"):
        read_trust(folder, WEIGHTS)


@pytest.mark.parametrize(("text", "said"), [
    ("", "is damaged: it is not valid JSON (line 1, column 1)."), ('{"format": 3,', "it is not valid JSON (line 1"),
    ("[]", "it does not hold a table of entries."), ("{}", "its entry 'format' is missing."),
    ('{"sha256": 1}', "its entry 'format' is missing."), ("\x00", "it is not valid JSON"),
    ("[" * 100_000, "it is not valid JSON"), ('{"format": 3, "temperature": NaN}', "it holds NaN, which is no number."),
    ('{"format": 3, "weights": ' + "1" * 6000 + "}", "it is not valid JSON"),
])
def test_what_is_no_trust_file_is_refused(folder: Path, text: str, said: str) -> None:
    (folder / TRUST_FILE).write_text(text, encoding="utf-8")
    assert_refused(folder, "is damaged", said)


def test_bytes_that_are_no_text_and_what_is_no_file_are_refused(folder: Path) -> None:
    (folder / TRUST_FILE).write_bytes(b"\xff\xfe\x81")
    assert_refused(folder, "is damaged", "it is no text.")
    (folder / TRUST_FILE).unlink()
    (folder / TRUST_FILE).mkdir()
    assert str(folder / TRUST_FILE) in assert_refused(folder, "cannot be read", "cannot be read.").remedy


def test_a_huge_one_is_refused_unread(folder: Path) -> None:
    (folder / TRUST_FILE).write_bytes(b" " * 1_000_001)
    assert_refused(folder, "is damaged", "it is longer than 1 MB.")


@pytest.mark.parametrize(("format", "remedy"), [(2, "Import the model again"), (4, "Update HeartSeg")])
def test_one_of_another_version_says_so_with_what_helps(folder: Path, format: int, remedy: str) -> None:
    write_changed(folder, "format", format)
    error = assert_refused(folder, "is of another version of HeartSeg",
                           f"it has format {format}, and this version reads format 3.")
    assert error.remedy.startswith(remedy)


@pytest.mark.parametrize(("place", "value", "said"), [
    ("format", "3", "'format' must be a whole number."), ("format", True, "'format' must be a whole number."),
    ("weights", "a" * 64, "'weights' must be a list of texts."), ("record", [["a", 1]], "'record' must be a table."),
    ("temperature", "warm", "'temperature' must be a number from 0.05 to 20."), ("temperature", -3, "from 0.05 to 20."),
    ("temperature", 10**400, "from 0.05 to 20."), ("risk", [1], "'risk' must be a table."),
    ("risk.features", ["something"], "'risk.features' names other features than this version of HeartSeg knows."),
    ("risk.weights", [1.0], "'risk.weights' must be a list of 16 numbers."),
    ("risk.scale", [0.0] * 16, "'risk.scale' must hold numbers above 0."),
    ("risk.amber", None, "'risk.amber' must be a number from 0 to 1."), ("risk.amber", 1.5, "from 0 to 1."),
    ("risk.red", 0.1, "'risk.amber' must be above 0, and not above the entry 'risk.red'."),
    ("risk.red", 1.0, "'risk.red' must be below 1."),
    ("risk.intercepts.PA", "no", "'risk.intercepts.PA' must be a number."),
    ("unusual.rest", 0.0, "'unusual.rest' must not hold 0 or less."),
    ("unusual.basis", "!", "'unusual.basis' must hold 16 numbers in base64."),
    ("unusual.mean", 7, "'unusual.mean' must hold numbers in base64."),
    ("unusual.reference", [], "'unusual.reference' must be a list of numbers."),
    ("unusual.reference", [[1, 2], [3, 4]], "'unusual.reference' must be a list of numbers."),
    ("unusual.directions", -1, "'unusual.directions' must be a number from 1 to 100000."),
    ("unusual.directions", 1.5, "'unusual.directions' must be a whole number."),
])
def test_impossible_entries_are_named_even_with_a_right_checksum(folder: Path, place: str, value: object,
                                                                 said: str) -> None:
    write_changed(folder, place, value)
    assert_refused(folder, "is damaged", said)


@pytest.mark.parametrize("place", ["sha256", "weights", "temperature", "record", "risk", "risk.intercepts.PA",
                                   "risk.amber", "unusual", "unusual.rest"])
def test_a_missing_entry_is_named(folder: Path, place: str) -> None:
    write_changed(folder, place, MISSING)
    assert_refused(folder, "is damaged", f"its entry '{place}' is missing.")


def test_a_number_beyond_all_others_in_the_record_is_refused(folder: Path) -> None:
    path = folder / TRUST_FILE
    path.write_text(path.read_text("utf-8").replace('"cases": 3', '"cases": 1e999'), encoding="utf-8")
    assert_refused(folder, "is damaged", "it holds a number that is too large.")


def test_a_file_that_is_missing_is_missed_only_where_the_card_tells_of_it(tmp_path: Path) -> None:
    assert check_trust(tmp_path, a_card()) is None
    told = a_card(figures={"bad_structures_flagged": 0.9})
    with pytest.raises(TrustFileError, match="is missing") as caught:
        check_trust(tmp_path, told)
    assert caught.value.state == "is missing"
    assert check_trust(tmp_path, told.with_values(role="locator", labels=(0, 1))) is None


def test_one_for_a_network_with_other_features_is_refused(folder: Path) -> None:
    assert check_trust(folder, a_card(features=[8, 4])) is not None
    with pytest.raises(TrustFileError, match="another network: it knows 8 features of an image, and the model has 10"):
        check_trust(folder, a_card(features=[8, 5]))


def test_an_unusual_image_is_far_away() -> None:
    unusual = a_trust().unusual
    near, far = unusual.distance(np.ones(8)), unusual.distance(np.full(8, 10.0))
    assert near == pytest.approx(1.0)
    assert far == pytest.approx(100.0)
    assert 0 < unusual.percentile(near) < unusual.percentile(far) < 100
    with pytest.raises(ModelError, match="another network"):
        unusual.distance(np.ones(9))
