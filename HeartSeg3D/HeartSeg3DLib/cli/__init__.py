"""Command line: `create_app` returns it. What needs torch or VTK is imported when a command runs."""

from HeartSeg3DLib.cli.app import create_app

__all__ = ["create_app"]
