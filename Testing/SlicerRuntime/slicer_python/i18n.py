"""Slicer's translation functions: texts are looked up by the module that they come from."""

from __future__ import annotations

import sys
from pathlib import Path


def translate(context: str, text: str) -> str:
    """The text in the language of the application."""
    from slicer import app

    return str(app.translate(context, text))


def getContext(sourceFile: str) -> str:
    """The name under which the texts of a file are collected: ``Package.module``, or the module's name alone."""
    path = Path(sourceFile)
    if (path.parent / "__init__.py").is_file():
        return f"{path.parent.name}.{path.stem}"
    return path.stem if path.is_file() else path.name


def tr(text: str) -> str:
    """The text in the language of the application, in the context of the file that calls."""
    return translate(getContext(sys._getframe(1).f_code.co_filename), text)
