"""Results for people: pictures of three planes and a 3-D view, and reports as HTML or PDF."""

from HeartSeg3DLib.report.content import ReportContent
from HeartSeg3DLib.report.page import REPORT_KINDS, write_report
from HeartSeg3DLib.report.picture import render_overview

__all__ = ["REPORT_KINDS", "ReportContent", "render_overview", "write_report"]
