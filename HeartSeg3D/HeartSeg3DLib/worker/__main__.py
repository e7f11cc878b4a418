"""Start of the child process: its pipes are made private before any library can print into them."""

from __future__ import annotations

import os
from typing import BinaryIO

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes of requests and events; what prints from now on prints to stderr, what reads finds nothing.

    The copies are not inherited, so that no grandchild can hold them open or swallow a request.
    """
    requests, events = os.dup(_STDIN), os.dup(_STDOUT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    os.dup2(_STDERR, _STDOUT)
    return os.fdopen(requests, "rb"), os.fdopen(events, "wb", buffering=0)


def main() -> None:
    """Serve until the parent says quit or is gone."""
    requests, events = private_pipes()
    from HeartSeg3DLib.worker.server import Server  # imports may print, so only now

    Server(requests, events).serve()


if __name__ == "__main__":
    main()
