from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from command_line import assert_failed_in_words, call
from random_models import write_package


def test_the_list_names_every_model(user_data: Path) -> None:
    (user_data / "models" / "broken").mkdir()
    result = call("models", "list")
    assert result.exit_code == 0
    assert "random-segmenter" in result.stdout
    assert "cannot be used" in " ".join(result.stdout.split())
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
