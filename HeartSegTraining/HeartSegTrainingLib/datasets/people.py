"""Who is whom: cases that show one person, or are one image, and must not be torn apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .entry import Entry


@dataclass(frozen=True)
class Group:
    """Cases of one person, with every copy of their images in other data sets.

    Attributes:
        key: Smallest id among the cases: the same whatever the order of the index.
        entries: The cases.
    """

    key: str
    entries: tuple[Entry, ...]


def grouped(entries: Iterable[Entry]) -> list[Group]:
    """Groups of cases that share a person or the very same image file, in the order of their keys."""
    entries = list(entries)
    parents: dict[object, object] = {}

    def top(node: object) -> object:
        while parents.setdefault(node, node) != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for entry in entries:
        if entry.checksum:
            parents[top(entry.person)] = top(entry.checksum)
    members: dict[object, list[Entry]] = {}
    for entry in entries:
        members.setdefault(top(entry.person), []).append(entry)
    groups = (Group(min(one.id for one in group), tuple(group)) for group in members.values())
    return sorted(groups, key=lambda group: group.key)


def copies(entries: Iterable[Entry]) -> list[tuple[Entry, ...]]:
    """Cases of different people that are one and the same image file."""
    same: dict[str, dict[tuple[str, str], Entry]] = {}
    for entry in entries:
        if entry.checksum:
            same.setdefault(entry.checksum, {}).setdefault(entry.person, entry)
    return [tuple(found.values()) for found in same.values() if len(found) > 1]
