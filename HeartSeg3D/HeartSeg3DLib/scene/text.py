"""The translated texts of the module: Slicer's `tr` under the name that its text extraction looks for."""

from __future__ import annotations

from slicer.i18n import tr as _

__all__ = ["JUDGED_BEFORE", "_"]

JUDGED_BEFORE = _("Judged before it was corrected by hand.")
"""Follows what was said of a result that a person changed since."""
