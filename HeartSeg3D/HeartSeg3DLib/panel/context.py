"""What every section of the panel shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from HeartSeg3DLib.panel.message_area import MessageArea
from HeartSeg3DLib.panel.pump import Pump
from HeartSeg3DLib.panel.questions import Questions
from HeartSeg3DLib.panel.services import SceneServices


@dataclass
class PanelContext:
    """The panel's widgets and collaborators.

    Attributes:
        form: The panel's outermost widget.
        ui: The panel's named widgets as attributes.
        logic: HeartSeg3DLogic.
        icons: Folder of the module's icons.
        questions: Asks the user.
        services: The rooms of `scene` that the sections call.
        pump: Calls what runs in the background.
        messages: The place for sentences.
        parameters: The scene's HeartSegParameterNode; None while the module is not in view.
        result_changed: Called with the segmentation after the panel changed it.
    """

    form: Any
    ui: Any
    logic: Any
    icons: Path
    questions: Questions
    services: SceneServices
    pump: Pump
    messages: MessageArea
    parameters: Any = None
    result_changed: list[Callable[[], None]] = field(default_factory=list)

    @property
    def result(self) -> Any:
        """The segmentation that the panel shows, or None."""
        return self.parameters.result if self.parameters is not None else None

    def tell_result_changed(self) -> None:
        """Let every section show the result anew."""
        for react in self.result_changed:
            react()
