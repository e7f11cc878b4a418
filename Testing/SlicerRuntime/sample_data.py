"""A stand-in for Slicer's module SampleData: sources are registered and nothing is downloaded."""

from __future__ import annotations

import sys
import types
from typing import Any


class SampleDataSource:
    """One sample."""

    def __init__(self, **details: Any) -> None:
        self.__dict__.update(details)


class SampleDataLogic:
    """Registers samples; ``SampleDataLogic.registered`` lists them for tests."""

    registered: list[SampleDataSource] = []

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFiles: Any = None,
        loadFileProperties: Any = None,
        checksums: Any = None,
        sampleDescription: str | None = None,
    ) -> None:
        """Register a sample."""
        SampleDataLogic.registered.append(SampleDataSource(**locals()))


def install() -> None:
    """Make ``import SampleData`` work, as in Slicer once it has started up."""
    module = types.ModuleType("SampleData", "Slicer's sample data.")
    module.SampleDataLogic = SampleDataLogic  # type: ignore[attr-defined]
    module.SampleDataSource = SampleDataSource  # type: ignore[attr-defined]
    sys.modules["SampleData"] = module
