"""Which structures a chamber may take voxels from, in each of the three masking modes.

The table of contacts is `anatomy`'s; it guides editing and forbids nothing: the mode "anything" ignores it.
"""

from __future__ import annotations

from HeartSeg3DLib.anatomy import BY_ID

MASKING_MODES = ("neighbors", "background", "anything")
"""May take from background and from what it touches by anatomy (default), from background only, from anything."""

_WALL = "_WALL"


def touches(one: str, other: str) -> bool:
    """Whether two structures touch by anatomy; a wall touches what its cavity touches.

    Args:
        one: Segment id as in `anatomy.BY_ID`.
        other: Segment id as in `anatomy.BY_ID`.

    >>> touches("LV", "MYO"), touches("LV", "RA"), touches("RV_WALL", "MYO")
    (True, False, True)
    """
    first, second = one.removesuffix(_WALL), other.removesuffix(_WALL)
    if first not in BY_ID or second not in BY_ID:
        return False
    return first == second or second in BY_ID[first].contacts or first in BY_ID[second].contacts


def may_take(taker: str, owner: str, mode: str) -> bool:
    """Whether an edit of one segment may take voxels that belong to another one.

    A segment that a person added has no place in the table: it is no neighbor of any chamber, and itself takes
    freely unless the mode says background only.

    Args:
        taker: Id of the segment that is edited.
        owner: Id of the segment that has the voxels.
        mode: One of `MASKING_MODES`.

    Raises:
        ValueError: The mode is unknown.
    """
    if mode not in MASKING_MODES:
        raise ValueError(f"unknown masking mode {mode!r}")
    if mode == "background":
        return False
    return mode == "anything" or taker not in BY_ID or touches(taker, owner)
