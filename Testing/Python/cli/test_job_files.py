"""Job files to begin with: templates and recipes."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from command_line import assert_failed_in_words, call
from HeartSegTrainingLib.jobs.kinds import KINDS
from HeartSegTrainingLib.jobs.recipes import recipes


def filled(text: str) -> str:
    """A template with every entry that is commented out taken in, but those that exclude others."""
    text = re.sub(r"^#(?=(\w+ = |\[))", "", text, flags=re.MULTILINE)
    return re.sub(r"^(minutes|encoder_from|fold) = .*$", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_names_every_entry_with_its_meaning(kind: str) -> None:
    text = call("train", "template", kind).stdout
    for entry in dataclasses.fields(KINDS[kind].config_class()):
        if entry.name not in ("network", "network_overrides", "data", "stage"):
            assert re.search(rf"^# .+\n#?{entry.name} = ", text, re.MULTILINE), entry.name
    for table in KINDS[kind].data_tables().values():
        for entry in dataclasses.fields(table):
            assert re.search(rf"^# .+\n#?{entry.name} = ", text, re.MULTILINE), entry.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_a_job_file_as_it_is_and_with_all_that_it_offers(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "job.toml"
    assert call("train", "template", kind, "-o", file).exit_code == 0
    plain = KINDS[kind].read_config(file)
    file.write_text(filled(file.read_text()))
    whole = KINDS[kind].read_config(file)
    assert set(plain.differences(whole)) <= {"init_from", "data"}
    assert_failed_in_words(call("train", "template", kind, "-o", file), 2, "exists already")


@pytest.mark.parametrize(("kind", "example"), [
    ("ssl", '#init_from = "work/earlier_ssl"'), ("ressl", 'init_from = "work/ssl"'),
    ("finetune", '#init_from = "work/model"'), ("finetune", '#encoder_from = "work/encoder"')])
def test_a_template_shows_a_start_that_its_kind_can_use(kind: str, example: str) -> None:
    assert example in call("train", "template", kind).stdout.splitlines()


def test_recipes_are_listed_and_copied(tmp_path: Path) -> None:
    assert all(name in call("train", "recipe").stdout for name in ("demo", "lab", "cluster"))
    assert call("train", "recipe", "demo", "-o", tmp_path / "demo").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["finetune.toml", "ressl.toml", "ssl.toml"]
    assert_failed_in_words(call("train", "recipe", "demo", "-o", tmp_path / "demo"), 2, "exists already")
    assert call("train", "recipe", "lab", "--stage", "ssl", "-o", tmp_path / "lab.toml").exit_code == 0
    assert "lab/ssl.toml" in (tmp_path / "lab.toml").read_text()
    assert_failed_in_words(call("train", "recipe", "nano", "-o", tmp_path / "nano"), 2, "no recipe 'nano'")


@pytest.mark.parametrize("kind", KINDS)
def test_every_recipe_has_a_valid_job_file_of_each_stage_that_names_its_command(kind: str) -> None:
    for recipe in recipes():
        file = recipe.job_file(kind)
        config = KINDS[kind].read_config(file)
        assert f"# heartseg train {kind} {recipe.name}/{kind}.toml -o work/{recipe.name}/{kind}" in file.read_text()
        assert config.batch % (config.part or config.batch) == 0


def test_the_stages_of_a_recipe_go_on_from_each_other_with_one_network() -> None:
    for recipe in recipes():
        tables = {kind: tomllib.loads(recipe.job_file(kind).read_text()) for kind in KINDS}
        assert tables["ressl"]["init_from"] == f"work/{recipe.name}/ssl"
        assert tables["finetune"]["encoder_from"] == f"work/{recipe.name}/encoder"
        assert tables["ssl"]["network"] == tables["ressl"]["network"] == tables["finetune"]["network"]
