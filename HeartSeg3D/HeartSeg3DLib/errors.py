"""Failures that a person can act on: each carries one sentence, a remedy and an exit code."""

from __future__ import annotations


class HeartSegError(Exception):
    """A failure with its cause and what to do about it.

    Args:
        message: One sentence that a clinician understands.
        remedy: What to do next, one sentence.

    Attributes:
        cause: What a library said about it, for developers; free of paths and names.
    """

    exit_code = 1
    code = "error"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.cause = ""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(HeartSegError):
    """The call itself or its output path is wrong."""

    exit_code = 2
    code = "usage"


class InputError(HeartSegError):
    """The image or label map cannot be used."""

    exit_code = 3
    code = "input"


class ModelError(HeartSegError):
    """A model package is unknown, altered or does not fit."""

    exit_code = 4
    code = "model"


class DeviceError(HeartSegError):
    """The device is missing, broken or out of memory."""

    exit_code = 5
    code = "device"


class CheckError(HeartSegError):
    """A result or mesh failed its own check."""

    exit_code = 6
    code = "check"


class CancelledError(HeartSegError):
    """The user stopped the work."""

    exit_code = 130
    code = "cancelled"


class DependencyError(HeartSegError):
    """PyTorch or safetensors is missing, too old or broken."""

    exit_code = 5
    code = "dependencies"


class DiskError(HeartSegError):
    """The disk is full, or a temporary file cannot be written."""

    exit_code = 2
    code = "disk"
