"""One page about a result, for people: pictures, volumes, function, and how it was measured."""

from __future__ import annotations

from pathlib import Path

from HeartSeg3DLib.imaging import check_output, replacing
from HeartSeg3DLib.imaging.header import suffix_of
from HeartSeg3DLib.report.blocks import page_of
from HeartSeg3DLib.report.content import ReportContent
from HeartSeg3DLib.report.html_page import to_html
from HeartSeg3DLib.report.pdf_page import to_pdf

REPORT_KINDS = (".html", ".pdf")
"""Endings of reports."""


def write_report(path: Path, content: ReportContent, force: bool = False) -> Path:
    """Write a report as one HTML file that needs nothing else, or as PDF on A4, chosen by the ending.

    Args:
        path: .html or .pdf file, replaced in one step.
        content: What it says.
        force: Whether an existing file may be replaced.

    Raises:
        UsageError: Another ending, the file exists already, or it cannot be written.
        InputError: An image and its label map do not lie on one grid.
    """
    check_output(path, force=force, kinds=REPORT_KINDS)
    page = page_of(content)
    data = to_pdf(page) if suffix_of(path) == ".pdf" else to_html(page).encode("utf-8")
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path
