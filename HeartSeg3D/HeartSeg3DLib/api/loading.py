"""Which models segment, found at once and loaded when they are first needed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import ModelStore, load_package
from HeartSeg3DLib.trust import NOT_JUDGED, TrustFileError, TrustModel, check_trust, not_judged_because

if TYPE_CHECKING:
    from HeartSeg3DLib.segmentation import Segmenter


class SegmentationModels:
    """The segmenter's and the locator's model, shared by every scan that is segmented with them.

    Args:
        model: Id or package folder of the segmenter; the default model if None.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Attributes:
        name: Id and version of the segmenter.
        description: The segmenter in a sentence for reports: title, id, version and what it was not trained on.
        labels: Its label values, background 0 included.
        trust: What was measured of the segmenter's errors, None where nobody did; known once the models are loaded.
        trust_error: What is the matter with the file that says it, None where nothing is.
        warnings: What was found while loading, such as a graphics card that does not work.

    Raises:
        ModelError: There is no such model, it does not segment, or no locator is installed.
    """

    def __init__(self, model: str | Path | None = None, device: str = "auto") -> None:
        store = ModelStore()
        self._fine = store.default("segmenter") if model is None else store.resolve(model)
        self._locator = store.default("locator")
        if self._fine.card is None or self._fine.card.role != "segmenter":
            raise ModelError(f"The model '{self._fine.id}' only finds the heart and does not segment it.",
                             "Choose a segmenter; `heartseg models list` shows them.")
        self.labels = self._fine.card.labels
        self.name = f"{self._fine.card.id} {self._fine.card.version}"
        unseen = self._fine.card.held_out.get("real_scans")
        self.description = f"{self._fine.card.title} ({self.name}){f'; {unseen}' if isinstance(unseen, str) else ''}"
        self._device = device
        self._segmenter: Segmenter | None = None
        self.trust: TrustModel | None = None
        self.trust_error: TrustFileError | None = None
        self.warnings: list[str] = []

    @property
    def loaded(self) -> bool:
        """Whether the models are in memory."""
        return self._segmenter is not None

    @property
    def checksums(self) -> tuple[str, ...]:
        """SHA-256 of the weights of segmenter and locator: the same for the same models, wherever they lie."""
        cards = [model.card for model in (self._fine, self._locator) if model.card is not None]
        return tuple(checksum for card in cards for checksum in (card.sha256, *card.members))

    @property
    def why_not_judged(self) -> str:
        """Why results are not judged, where there is no `trust`."""
        return NOT_JUDGED if self.trust_error is None else not_judged_because(self.trust_error.state)

    def segmenter(self) -> Segmenter:
        """Return the segmenter; the first call checks and loads the models and tries the device.

        Raises:
            ModelError: A model is altered or incomplete.
            DeviceError: The device is missing or fails.
        """
        if self._segmenter is None:
            self._segmenter = self._load()
        return self._segmenter

    def _load(self) -> Segmenter:
        from HeartSeg3DLib.segmentation import Segmenter, choose_device

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", RuntimeWarning)
            device = choose_device(self._device)
        self.warnings += [str(item.message) for item in caught if item.category is RuntimeWarning]
        fine = load_package(self._fine.folder)
        try:
            self.trust = check_trust(self._fine.folder, fine.card)
        except TrustFileError as error:
            self.trust_error = error
            self.warnings.append(f"{error.message} Results are not judged. {error.remedy}")
        return Segmenter(fine, load_package(self._locator.folder), device)
