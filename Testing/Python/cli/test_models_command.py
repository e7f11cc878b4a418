from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from command_line import assert_failed_in_words, call
from HeartSeg3DLib.models import ModelCard
from HeartSeg3DLib.models.card import CARD_FILE
from HeartSeg3DLib.trust import TRUST_FILE
from random_models import write_package
from random_trust import write_trust


def test_the_list_names_every_model(user_data: Path) -> None:
    (user_data / "models" / "broken").mkdir()
    (user_data / "models" / "broken" / CARD_FILE).write_text("{", encoding="utf-8")
    result = call("models", "list")
    assert result.exit_code == 0
    assert "random-segmenter" in result.stdout
    assert "cannot be used" in " ".join(result.stdout.split())
    assert "Expecting" not in result.stdout  # Python's words
    assert max(map(len, result.stdout[:result.stdout.index("'broken' cannot be used")].splitlines())) <= 110
    listed = json.loads(call("models", "list", "--json").stdout)["models"]
    assert [model["id"] for model in listed] == ["broken", "random-locator", "random-segmenter"]
    assert [bool(model["problem"]) for model in listed] == [True, False, False]


def test_an_empty_store_says_how_to_get_a_model(user_data: Path) -> None:
    shutil.rmtree(user_data / "models")
    assert "heartseg models import" in call("models", "list").stdout


def test_show_prints_the_card(user_data: Path) -> None:
    result = call("models", "show", "random-segmenter")
    assert "Random segmenter (random-segmenter 1.2.3)" in result.stdout
    assert "Labels: 0, 1, 2, 3, 4, 5, 6, 7" in result.stdout
    assert "Spacing mm: 6.0" in result.stdout
    card = json.loads(call("models", "show", user_data / "models" / "random-segmenter", "--json").stdout)["card"]
    assert card["role"] == "segmenter"
    assert_failed_in_words(call("models", "show", "nobody"), 4, "no model 'nobody'")


def test_verify_finds_altered_weights(user_data: Path) -> None:
    assert call("models", "verify").exit_code == 0
    weights = user_data / "models" / "random-locator" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-2] + b"\1\2")
    result = call("models", "verify")
    assert_failed_in_words(result, 4, "checksum differs")
    assert "random-segmenter: complete and unaltered" in result.stdout
    assert call("models", "verify", "random-segmenter").exit_code == 0


def test_verify_looks_at_the_trust_file(user_data: Path) -> None:
    package = user_data / "models" / "random-segmenter"
    assert "random-segmenter: complete and unaltered; its results are not judged, as it has no trust.json" in call(
        "models", "verify").stdout
    write_trust(package)
    result = call("models", "verify", "--json")
    assert {entry["id"]: entry["judged"] for entry in json.loads(result.stdout)["models"]} == {
        "random-locator": False, "random-segmenter": True}
    path = package / TRUST_FILE
    path.write_text(path.read_text("utf-8").replace('"temperature": 1.5', '"temperature": NaN'), encoding="utf-8")
    damaged = call("models", "verify")
    assert_failed_in_words(damaged, 4, "random-segmenter: The model's trust file (trust.json) is damaged: it holds NaN")
    assert "heartseg train calibrate MODEL --force" in damaged.stderr
    assert "random-locator: complete and unaltered\n" in damaged.stdout
    entry = json.loads(call("models", "verify", "random-segmenter", "--json").stdout)["models"][0]
    assert (entry["unaltered"], entry["judged"], entry["error"]["code"]) == (False, False, "model")


def test_verify_misses_a_trust_file_of_which_the_card_tells(user_data: Path) -> None:
    package = user_data / "models" / "random-segmenter"
    card = ModelCard.read(package).with_values(figures={"good_structures_flagged": 0.1})
    (package / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    assert_failed_in_words(call("models", "verify"), 4, "trust file (trust.json) is missing")
    write_trust(package)
    assert call("models", "verify").exit_code == 0


def test_the_models_that_come_with_heartseg_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTSEG_DATA", str(tmp_path))
    result = call("models", "verify")
    assert result.exit_code == 0, result.stderr
    assert "tiny: complete and unaltered; its results are judged" in result.stdout


def test_importing_a_model_with_a_damaged_trust_file_warns(user_data: Path, tmp_path: Path) -> None:
    package = (user_data / "models" / "random-segmenter").rename(tmp_path / "package")
    (package / TRUST_FILE).write_text("{", encoding="utf-8")
    result = call("models", "import", package)
    assert result.exit_code == 0
    assert "Warning: The model's trust file (trust.json) is damaged: it is not valid JSON" in result.stderr
    assert "Results will not be judged." in result.stderr


def test_a_model_is_imported_once_and_removed(user_data: Path, tmp_path: Path) -> None:
    package = write_package(tmp_path, "segmenter").rename(tmp_path / "from-a-colleague")
    shutil.rmtree(user_data / "models" / "random-segmenter")
    assert call("models", "import", package).exit_code == 0
    assert_failed_in_words(call("models", "import", package), 2, "installed already")
    assert call("models", "import", package, "--replace").exit_code == 0
    archive = shutil.make_archive(str(tmp_path / "model"), "zip", package)
    assert call("models", "remove", "random-segmenter").exit_code == 0
    assert_failed_in_words(call("models", "remove", "random-segmenter"), 4, "no model")
    assert call("models", "import", archive).exit_code == 0


@pytest.mark.usefixtures("user_data")
def test_what_is_no_package_is_not_imported(tmp_path: Path) -> None:
    assert_failed_in_words(call("models", "import", tmp_path / "nothing"), 4, "does not exist")
    assert_failed_in_words(call("models", "import", tmp_path), 4, "no model package")


def test_a_model_that_comes_with_heartseg_stays(user_data: Path) -> None:
    shipped = user_data / "Resources" / "Models"
    shipped.mkdir(parents=True)
    (user_data / "models" / "random-segmenter").rename(shipped / "random-segmenter")
    assert_failed_in_words(call("models", "remove", "random-segmenter"), 2, "comes with HeartSeg")
