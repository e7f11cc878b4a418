"""What one run is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.scene.text import _

_CHOICES = {"quality": ("fast", "standard", "best"), "modality": ("auto", "ct", "mr")}


@dataclass(frozen=True)
class RunSettings:
    """How a scan is segmented.

    Attributes:
        model: Id of the model, None for the default one.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        quality: `fast`, `standard` or `best`.
        modality: `auto`, `ct` or `mr`.
        surfaces: Whether closed surfaces are made too.
        keep_edits_as_copy: Whether the result that is updated is first copied with its edits; the copy appears only
            when the run ends well.

    Raises:
        UsageError: A choice does not exist.
    """

    model: str | None = None
    device: str = "auto"
    quality: str = "standard"
    modality: str = "auto"
    surfaces: bool = True
    keep_edits_as_copy: bool = False

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(_("'{value}' is not a {name}.").format(value=getattr(self, name), name=name),
                                 _("Choose one of {choices}.").format(choices=", ".join(choices)))
