"""Under which licence weights may be handed on: the strictest of all that they were learned from."""

from __future__ import annotations

import re
from collections.abc import Iterable

NOT_STATED = "not stated"
"""Somebody has to look: a source has no licence of its own, an agreement, or two that do not go together."""

OURS = "Apache-2.0"
"""Of generated hearts, which are made by this program from numbers."""

_CREDIT_ONLY = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause"}
_CREATIVE_COMMONS = re.compile(r"CC-BY((?:-(?:NC|SA|ND))*)-\d\.\d")


def strictest(licences: Iterable[str]) -> str:
    """The licence that demands all that the others demand, as an SPDX expression, or NOT_STATED.

    >>> strictest(["Apache-2.0", "CC BY 4.0", "CC BY-NC-SA 4.0"])
    'CC-BY-NC-SA-4.0'
    >>> strictest(["CC BY-SA 4.0", "CC BY-NC 4.0"]), strictest(["CC0 1.0", "by agreement"]), strictest([])
    ('not stated', 'not stated', 'not stated')
    """
    names = dict.fromkeys(licence.strip().replace(" ", "-") for licence in licences)
    demands = {name: _demands(name) for name in names}
    if not demands or None in demands.values():
        return NOT_STATED
    known = {name: found for name, found in demands.items() if found is not None}
    everything = frozenset().union(*known.values())
    # Of two that demand the same the one of the data goes before the program's own.
    whole = sorted((name for name, found in known.items() if found == everything), key=lambda name: name == OURS)
    return whole[0] if whole else NOT_STATED


def _demands(licence: str) -> frozenset[str] | None:
    """What it asks of whoever hands the weights on; None where that is not known."""
    if re.fullmatch(r"CC0(-1\.0)?", licence):
        return frozenset()
    if licence in _CREDIT_ONLY:
        return frozenset({"BY"})
    match = _CREATIVE_COMMONS.fullmatch(licence)
    return frozenset({"BY", *match[1].split("-")} - {""}) if match else None
