"""A job file with every entry of a kind of training, its meaning and its default."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping

from HeartSegTrainingLib.engine.fields import meanings

from .kinds import Kind

_WIDTH = 110

_LIVE: dict[str, dict[str, object]] = {
    "ssl": {"steps": 20_000}, "ressl": {"steps": 10_000, "init_from": "work/ssl"}, "finetune": {"steps": 20_000}}
"""Entries without which a job would be refused, with something to begin with."""

_LIVE_DATA: dict[str, dict[str, dict[str, object]]] = {
    "ssl": {"generated": {"scenes": "work/scenes", "count": 40}},
    "ressl": {"generated": {"scenes": "work/scenes", "count": 40}},
    "finetune": {"": {"scenes": "work/scenes", "count": 40}}}

_EXAMPLES: dict[str, object] = {
    "encoder_from": "work/encoder", "minutes": 60.0, "steps": 20_000, "fold": 0,
    "index": "all.jsonl", "store": "store"}
"""What entries without a default may look like."""

_INIT_FROM = {"ssl": "work/earlier_ssl", "ressl": "work/ssl", "finetune": "work/model"}
"""What a run of each kind can start from: another pretraining with its heads, or a network that segments."""

_MORE = {"encoder_from": " It and init_from exclude each other.",
         "minutes": " Such a run follows the clock: started again with the same seed it takes another number of steps, "
                    "and one that was stopped and resumed ends with other weights. Runs by steps are repeated exactly."}
"""What else the template says of an entry."""

_NETWORK = """\
# Network: tiny, nano, or another name of the registry; further entries replace fields of its architecture.
[network]
name = "tiny"
"""

_SHARE = """\
# Share of samples that are generated hearts, where the tables give both; from 0 to 1.
#generated_share = 0.2
"""


def job_template(kind: Kind) -> str:
    """Text of a job file that can be started as it is.

    What is commented out by `#name = value` has this value anyway, or is an example where it has none.
    """
    blocks = [f"# Job file for: heartseg train {kind.name} FILE.toml -o JOBDIR\n# {kind.does}\n"
              "# An entry behind # shows its default; where it says 'no default', an example.\n"]
    config = kind.config_class()
    live = _LIVE[kind.name]
    examples = {**_EXAMPLES, "init_from": _INIT_FROM[kind.name]}
    blocks += _entries(config, live, meanings(config), examples, {"network", "network_overrides", "data", "stage"})
    blocks.append(_NETWORK)
    tables = kind.data_tables()
    if "" not in tables:
        blocks.append(f"[data]\n{_SHARE}")
    for name, table in tables.items():
        given = _LIVE_DATA[kind.name].get(name, {})
        header = f"[data.{name}]" if name else "[data]"
        blocks += [f"# {_first_sentence(table)}\n{header if given or not name else '#' + header}\n"]
        blocks += _entries(table, given, meanings(table), _EXAMPLES)
        if not name:
            blocks.append(_SHARE)
    return "\n".join(blocks)


def _entries(kind: type, live: Mapping[str, object], said: Mapping[str, str], examples: Mapping[str, object],
             leave_out: set[str] | None = None) -> Iterator[str]:
    for entry in dataclasses.fields(kind):
        if entry.name in (leave_out or ()):
            continue
        value, note = _default(entry, examples)
        sentence = f"{said[entry.name]}{_MORE.get(entry.name, '')}{note}"
        meaning = "\n".join(textwrap.wrap(sentence, _WIDTH, initial_indent="# ", subsequent_indent="# "))
        text = f"{entry.name} = {as_toml(live.get(entry.name, value))}"
        yield f"{meaning}\n{'' if entry.name in live else '#'}{text}\n"


def _default(entry: dataclasses.Field, examples: Mapping[str, object]) -> tuple[object, str]:
    if entry.default is dataclasses.MISSING or entry.default is None:
        return examples.get(entry.name, ""), " (no default)"
    return entry.default, ""


def _first_sentence(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def as_toml(value: object) -> str:
    """A value as TOML writes it.

    >>> as_toml((0.85, True, "ct"))
    '[0.85, true, "ct"]'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(as_toml(entry) for entry in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
