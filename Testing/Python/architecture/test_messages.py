"""What is said to people: one notice, remedies for every failure, commands that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from HeartSeg3DLib import errors
from HeartSeg3DLib.notice import NOTE
from HeartSegTrainingLib.cli import full_app

REPOSITORY = Path(__file__).resolve().parents[3]
FILES = [path for folder in ("HeartSeg3D", "HeartSegTraining") for path in sorted((REPOSITORY / folder).rglob("*.py"))]
FAMILY = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in FILES:
        yield str(path.relative_to(REPOSITORY)), ast.parse(path.read_text(encoding="utf-8"))


def without_remedy(tree: ast.Module) -> list[int]:
    """Lines on which an error of the family is made with other than a message and a remedy."""
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).split(".")[-1] not in FAMILY:
            continue
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if len(arguments) != 2 or any(isinstance(one, ast.Constant) and not one.value for one in arguments):
            lines.append(node.lineno)
    return lines


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts that are no docstrings, those with values in them piece by piece."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def test_every_failure_says_what_to_do() -> None:
    assert [f"{name}:{line}" for name, tree in trees() for line in without_remedy(tree)] == []


@pytest.mark.parametrize("call", ["UsageError('No.')", "errors.InputError('No.', '')", "ModelError()"])
def test_a_failure_without_a_remedy_is_seen(call: str) -> None:
    assert without_remedy(ast.parse(f"raise {call}")) == [1]


def test_the_notice_is_written_down_once() -> None:
    found = [name for name, tree in trees() for _, text in strings(tree) if NOTE in text.lower()]
    assert found == ["HeartSeg3D/HeartSeg3DLib/notice.py"]


def test_messages_name_only_commands_that_exist() -> None:
    commands = typer.main.get_command(full_app()).commands
    named = [(name, line, word) for name, tree in trees() for line, text in strings(tree)
             for word in re.findall(r"\bheartseg (?!-)(\w+)", text)]
    assert len(named) > 5
    assert [entry for entry in named if entry[2] not in commands] == []
