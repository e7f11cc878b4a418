"""Results for people: pictures of three planes and a 3-D view, and reports as HTML or PDF."""

from HeartSeg3DLib.report.content import ReportContent
from HeartSeg3DLib.report.fiber_picture import render_fibers
from HeartSeg3DLib.report.fiber_section import FiberSection
from HeartSeg3DLib.report.mesh_page import MeshPage, mesh_html, written_cells
from HeartSeg3DLib.report.mesh_picture import render_mesh
from HeartSeg3DLib.report.page import REPORT_KINDS, write_report
from HeartSeg3DLib.report.picture import render_overview

__all__ = [
    "REPORT_KINDS",
    "FiberSection",
    "MeshPage",
    "ReportContent",
    "mesh_html",
    "render_fibers",
    "render_mesh",
    "render_overview",
    "write_report",
    "written_cells",
]
