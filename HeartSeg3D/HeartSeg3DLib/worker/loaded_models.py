"""Models that stay in memory between requests."""

from __future__ import annotations

from HeartSeg3DLib.api import SegmentationModels
from HeartSeg3DLib.worker.dependencies import require_dependencies


class LoadedModels:
    """Keeps the models of the last request, so that the next one with the same choice starts at once."""

    def __init__(self) -> None:
        self._models: SegmentationModels | None = None
        self._key: tuple[object, ...] = ()
        self._device = ""

    def get(self, model: str | None, device: str) -> SegmentationModels:
        """Return models for a choice; they load when they are first used.

        They are taken anew when another model or device is asked for, when a model was replaced on the disk, or when
        memory had run out on the graphics card and they had moved to the CPU.

        Args:
            model: Id or package folder of the segmenter, the default model if None or empty.
            device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

        Raises:
            DependencyError: PyTorch or safetensors is missing or broken.
            ModelError: There is no such model, or it does not segment.
        """
        require_dependencies()
        wanted = SegmentationModels(model or None, device)
        key = (device, *wanted.checksums)
        if self._models is None or key != self._key or self._moved(self._models):
            self._models, self._key, self._device = wanted, key, ""
        return self._models

    def _moved(self, models: SegmentationModels) -> bool:
        """Whether models that had loaded onto one device are now on another."""
        if not models.loaded:
            return False
        device = str(models.segmenter().device)
        self._device = self._device or device
        return device != self._device
