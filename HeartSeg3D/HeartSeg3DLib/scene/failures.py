"""From the child's error events to the exceptions that the rest of the program knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from HeartSeg3DLib.errors import (
    CancelledError,
    CheckError,
    DependencyError,
    DeviceError,
    DiskError,
    HeartSegError,
    InputError,
    ModelError,
    UsageError,
)
from HeartSeg3DLib.scene.text import _

_KINDS: dict[str, type[HeartSegError]] = {
    kind.code: kind
    for kind in (UsageError, InputError, ModelError, DeviceError, CheckError, CancelledError, DependencyError,
                 DiskError)
}


def error_of(event: Mapping[str, Any]) -> HeartSegError:
    """Return the failure that an `error` event tells of."""
    return _KINDS.get(str(event.get("code")), HeartSegError)(str(event["message"]), str(event.get("remedy", "")))


def unexpected(error: BaseException) -> HeartSegError:
    """Return any other exception as a failure with a sentence and a remedy."""
    return HeartSegError(
        _("Something happened that HeartSeg did not expect ({kind}).").format(kind=type(error).__name__),
        _("Copy the report and send it to the developers."))
