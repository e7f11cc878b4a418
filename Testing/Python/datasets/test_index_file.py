"""The index file: what is written comes back, and what cannot be is refused with its line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSegTrainingLib.datasets import DatasetRecord, Entry, Index, merged
from made_entries import an_index, entry, record


def test_an_index_comes_back_as_it_was(tmp_path: Path) -> None:
    index = an_index(entry("one", site="s", fold=2, split="train", checksum="ab", absent=("RV",)),
                     entry("two", frame=3, frames=20, labels="", present=()), entry("three", dataset="b"))
    index.note = "5 folds"
    index.write(tmp_path / "index.jsonl")
    read = Index.read(tmp_path / "index.jsonl")
    assert (read.entries, read.datasets, read.note) == (index.entries, index.datasets, "5 folds")
    assert [path.name for path in tmp_path.iterdir()] == ["index.jsonl"]


def test_relative_roots_start_from_the_index(tmp_path: Path) -> None:
    index = Index([entry("one")], {"a": _at("data/a")})
    index.write(tmp_path / "index.jsonl")
    read = Index.read(tmp_path / "index.jsonl")
    assert read.image(read.entries[0]) == tmp_path / "data/a/one.nii.gz"
    (tmp_path / "deeper").mkdir()
    read.write(tmp_path / "deeper" / "index.jsonl")
    again = Index.read(tmp_path / "deeper" / "index.jsonl")
    assert again.image(again.entries[0]) == tmp_path / "data/a/one.nii.gz"


def _at(root: str) -> DatasetRecord:
    return replace(record("a"), root=root)


@pytest.mark.parametrize(("change", "said"), [
    ({"modality": "us"}, "neither ct nor mr"),
    ({"shape": [8, 7]}, "shape"),
    ({"spacing": [1, 1, 0]}, "spacing"),
    ({"spacing": [1, 1, True]}, "spacing"),
    ({"present": ["LV", "HEART"]}, "HEART"),
    ({"present": ["LV"], "absent": ["LV"]}, "as two of"),
    ({"labels": ""}, "no label map"),
    ({"split": "tset"}, "tset"),
    ({"fold": -1}, "fold"),
    ({"frame": 5, "frames": 5}, "frame 5"),
    ({"subject": ""}, "no subject"),
    ({"path": 7}, "no text"),
    ({"flod": 1}, "unknown fields .flod"),
    ({"dataset": "zzz"}, "does not describe"),
])
def test_a_line_that_cannot_be_is_refused_with_its_number(change: dict, said: str, tmp_path: Path) -> None:
    an_index(entry("one"), entry("two")).write(tmp_path / "index.jsonl")
    lines = (tmp_path / "index.jsonl").read_text().splitlines()
    lines[2] = json.dumps({**json.loads(lines[2]), **change})
    (tmp_path / "index.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=rf"Line 3 of index\.jsonl.*{said}") as caught:
        Index.read(tmp_path / "index.jsonl")
    assert caught.value.remedy


def test_a_cut_off_file_a_newer_version_and_no_index_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.jsonl"
    an_index(entry("one")).write(path)
    whole = path.read_text()
    path.write_text(whole[:-20])
    with pytest.raises(InputError, match=r"Line 2 .* cut off"):
        Index.read(path)
    path.write_text(whole.replace('"version": 1', '"version": 2'))
    with pytest.raises(InputError, match="version 2 of the format"):
        Index.read(path)
    path.write_text('{"labels": {}}\n')
    with pytest.raises(InputError, match="not an index"):
        Index.read(path)
    with pytest.raises(InputError, match="There is no index"):
        Index.read(tmp_path / "none.jsonl")


def test_a_failed_write_leaves_the_older_index(tmp_path: Path) -> None:
    path = tmp_path / "index.jsonl"
    an_index(entry("one")).write(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="a/two occurs twice"):
        an_index(entry("two"), entry("two")).write(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["index.jsonl"]


def test_merging_keeps_all_cases_and_refuses_contradictions() -> None:
    whole = merged([an_index(entry("one")), an_index(entry("one"), entry("two", dataset="b"))])
    assert [one.id for one in whole.entries] == ["a/one", "b/two"]
    assert list(whole.datasets) == ["a", "b"]
    with pytest.raises(InputError, match="different things about the case a/one"):
        merged([an_index(entry("one")), an_index(entry("one", site="x"))])
    other = Index([entry("two")], {"a": _at("/elsewhere")})
    with pytest.raises(UsageError, match="describe the data set a differently"):
        merged([an_index(entry("one")), other])


def test_a_case_that_is_unusable_says_so() -> None:
    assert not entry("one", problem="k-space").usable
    assert isinstance(entry("one"), Entry)
    assert entry("one").usable
