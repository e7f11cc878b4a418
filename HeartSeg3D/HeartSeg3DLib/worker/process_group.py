"""How processes are started that outlive a terminal, or are ended together with all that they started."""

from __future__ import annotations

from typing import Any


def start_options(platform: str) -> dict[str, Any]:
    """Return how to start a process as the head of a group of its own, on Windows without a console window.

    Neither a closed terminal nor Ctrl-C reaches it, and the group can be ended as a whole.

    Args:
        platform: As `sys.platform`.
    """
    if platform == "win32":
        new_group, no_window = 0x00000200, 0x08000000  # subprocess has these names on Windows alone
        return {"creationflags": new_group | no_window}
    return {"start_new_session": True}
