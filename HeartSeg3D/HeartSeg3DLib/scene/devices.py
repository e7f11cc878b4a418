"""Which devices can segment on this computer, asked of the child process so that Slicer never loads PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

from HeartSeg3DLib.errors import DependencyError, HeartSegError
from HeartSeg3DLib.scene import dependencies
from HeartSeg3DLib.scene.request import Request
from HeartSeg3DLib.scene.text import _


@dataclass(frozen=True)
class Device:
    """A device that has run a real computation.

    Attributes:
        id: `auto`, `cpu`, `cuda:N` or `mps`.
        name: For people.
        free_gb: Free memory of a graphics card in GB, None where unknown.
        total_gb: Its whole memory in GB, None where unknown.
    """

    id: str
    name: str
    free_gb: float | None = None
    total_gb: float | None = None


class DeviceQuery:
    """Asks in the background: `start`, then `step` until it returns True.

    Attributes:
        devices: What works, the automatic choice first; empty until the answer has come.
        error: Why there is no answer.
        warnings: Devices that are there but fail.
    """

    def __init__(self) -> None:
        self.devices: tuple[Device, ...] = ()
        self.error: HeartSegError | None = None
        self.warnings: list[str] = []
        self._request: Request | None = None

    def start(self) -> None:
        """Ask."""
        try:
            self._request = Request("devices")
        except HeartSegError as error:
            self.error = error

    def step(self) -> bool:
        """Look for the answer; returns whether it has come. Never waits."""
        if self._request is None:
            return True
        if not self._request.step():
            return False
        self.error, self.warnings = self._request.error, self._request.warnings
        if isinstance(self.error, DependencyError):
            dependencies.note_failure(self.error)
        if self._request.result is not None:
            self.devices = tuple(
                Device(str(one["id"]), str(one["name"]), one.get("free_gb"), one.get("total_gb"))
                for one in self._request.result["devices"])
        self._request = None
        return True

    def close(self) -> None:
        """Stop asking."""
        if self._request is not None:
            self._request.close()
            self._request = None


def label(device: Device) -> str:
    """Return what the list shows, such as "NVIDIA RTX 3060, 9.8 GB free"."""
    if device.free_gb is None:
        return device.name
    return _("{name}, {free:.1f} GB free").format(name=device.name, free=device.free_gb)
