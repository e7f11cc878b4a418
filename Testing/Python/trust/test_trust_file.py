"""A trust file comes back as it was written, and is refused where it does not belong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.trust import TRUST_FILE, TrustModel, read_trust
from trust_fitted import WEIGHTS, a_trust


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
    path.write_text(path.read_text("utf-8").replace('"amber": 0.3', '"amber": 0.9'), encoding="utf-8")
    with pytest.raises(ModelError, match="altered"):
        read_trust(folder, WEIGHTS)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": 1}', "\x00", "[" * 100_000])
def test_what_is_no_trust_file_is_refused(folder: Path, text: str) -> None:
    (folder / TRUST_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"damaged|altered|version"):
        read_trust(folder, WEIGHTS)


def test_a_huge_one_is_refused_unread(folder: Path) -> None:
    (folder / TRUST_FILE).write_bytes(b" " * 1_000_001)
    with pytest.raises(ModelError, match="longer"):
        read_trust(folder, WEIGHTS)


@pytest.mark.parametrize(("part", "key", "value"), [
    ("risk", "features", ["something"]), ("risk", "weights", [1.0]), ("risk", "amber", 1.5), ("risk", "red", 0.1),
    ("unusual", "rest", 0.0), ("unusual", "basis", "!"), ("unusual", "reference", []),
])
def test_impossible_numbers_are_refused_even_with_a_right_checksum(part: str, key: str, value: object) -> None:
    from HeartSeg3DLib.trust.trust_file import _checksum

    values = json.loads(a_trust().to_json())
    del values["sha256"]
    values[part][key] = value
    with pytest.raises(ModelError, match="damaged"):
        TrustModel.from_json(json.dumps({**values, "sha256": _checksum(values)}))


def test_an_unusual_image_is_far_away() -> None:
    unusual = a_trust().unusual
    near, far = unusual.distance(np.ones(8)), unusual.distance(np.full(8, 10.0))
    assert near == pytest.approx(1.0)
    assert far == pytest.approx(100.0)
    assert 0 < unusual.percentile(near) < unusual.percentile(far) < 100
    with pytest.raises(ModelError, match="another network"):
        unusual.distance(np.ones(9))
