"""Directions of muscle fibers and sheets in the ventricles by rule."""

from .rule import APICOBASAL, FIBER, SHEET, TRANSMURAL, FiberAngles, with_fibers

__all__ = ["APICOBASAL", "FIBER", "SHEET", "TRANSMURAL", "FiberAngles", "with_fibers"]
