"""Directions of muscle fibers and sheets in the ventricles by rule."""

from .requirements import check_fibers
from .rule import APICOBASAL, FIBER, FIELDS, RULE, SHEET, TRANSMURAL, FiberAngles, with_fibers

__all__ = ["APICOBASAL", "FIBER", "FIELDS", "RULE", "SHEET", "TRANSMURAL", "FiberAngles", "check_fibers", "with_fibers"]
