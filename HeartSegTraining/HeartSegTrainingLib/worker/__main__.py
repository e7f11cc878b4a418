"""Start of the child process: its pipes are made private before any library can print into them."""

from __future__ import annotations

from HeartSeg3DLib.worker.__main__ import private_pipes


def main() -> None:
    """Serve until the parent says quit or is gone."""
    requests, events = private_pipes()
    from HeartSeg3DLib.worker.server import Server  # imports may print, so only now
    from HeartSegTrainingLib.worker.actions import ACTIONS

    Server(requests, events, ACTIONS).serve()


if __name__ == "__main__":
    main()
