"""What the README shows exists: its commands are understood, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer

from HeartSeg3DLib import __version__
from HeartSegTrainingLib.cli import full_app

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^heartseg .+", README, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_line_is_understood(line: str) -> None:
    command, words = typer.main.get_command(full_app()), shlex.split(line, comments=True)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("heartseg", words)


def test_there_are_command_lines_for_every_main_task() -> None:
    tasks = {line.split()[1] for line in COMMANDS}
    assert {"segment", "measure", "models", "generate", "evaluate"} <= tasks


def test_every_command_is_told_of_and_so_is_whose_priors_are() -> None:
    commands = typer.main.get_command(full_app()).commands
    assert [name for name in commands if f"heartseg {name}" not in README] == []
    lists = README.split("## On the command line")[1].split("```")[1]
    assert all(told in lists for told in ("heartseg priors", "heartseg train calibrate", "--probabilities"))
    (shapes,) = re.findall(r"^- \*\*Shapes of your own\.\*\*.*?(?=^- )", README, re.MULTILINE | re.DOTALL)
    assert all(told in " ".join(shapes.split()) for told in ("license of the shells holds", "`--credit`", "ORIGIN.txt"))


def test_make_targets_exist(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"```.*?```|`[^`]+`", README, re.DOTALL)))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_links_lead_somewhere(repository: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [link for link in links if "://" not in link and not (repository / link).exists()]
    assert links
    assert missing == []


def test_continuous_integration_can_do_without_the_packages_for_graphics_cards(clone: Path, repository: Path) -> None:
    (index,) = re.findall(r"^TORCH_FOR_PROCESSORS := (\S+)$", (repository / "Makefile").read_text(), re.MULTILINE)
    assert f"TORCH_INDEX={index} .ci/run" in README
    commands = subprocess.run(["make", "--dry-run", "test"], cwd=clone, env={**os.environ, "TORCH_INDEX": index},
                              capture_output=True, text=True, check=True).stdout
    assert f"--index-url {index} torch" in commands


def test_the_changelog_names_every_command(repository: Path) -> None:
    changes = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    newest, = re.findall(r"^## \[(\S+)\]", changes, re.MULTILINE)[:1]
    assert newest == __version__
    commands = typer.main.get_command(full_app()).commands
    assert [name for name in commands if f"`heartseg {name}`" not in changes] == []


def test_continuous_integration_installs_the_system_packages_that_the_readme_names(repository: Path) -> None:
    named = {word for line in re.findall(r"apt-get install (lib[^`]+)`", README) for word in line.split()}
    (installed,) = re.findall(r'^PACKAGES="(.+)"$', (repository / ".ci" / "run").read_text(), re.MULTILINE)
    assert {"libgl1", "libegl1"} <= named <= set(installed.split())
