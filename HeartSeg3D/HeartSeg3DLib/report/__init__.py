"""Pictures of a result for people: three planes and a 3-D view on one page."""

from HeartSeg3DLib.report.picture import render_overview

__all__ = ["render_overview"]
