"""Opening files and folders with the programs that the computer has for them."""

from __future__ import annotations

from pathlib import Path

import qt


def open_path(path: Path) -> None:
    """Show a web page in the browser, or a folder in the file manager."""
    qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))
