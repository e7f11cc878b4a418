"""Measuring a model's errors on generated hearts with faults, so that its results can be judged."""

from .calibrate import CalibrationRequest, calibrate

__all__ = ["CalibrationRequest", "calibrate"]
