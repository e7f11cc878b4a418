"""What every section of the panel shares."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from HeartSeg3DLib.panel.message_area import MessageArea
from HeartSeg3DLib.panel.pump import Pump
from HeartSeg3DLib.panel.questions import Questions
from HeartSegTrainingLib.panel.training_services import TrainingServices

_PARTS = ("messageRow", "messageIcon", "messageLabel", "detailsButton", "detailsText", "copyReportButton",
          "remedyButton")


@dataclass
class TrainingContext:
    """The panel's widgets and collaborators.

    Attributes:
        form: The panel's outermost widget.
        ui: The panel's named widgets as attributes.
        logic: HeartSegTrainingLogic.
        questions: Asks the user.
        services: The rooms of `scene` that the sections call.
        pump: Calls what runs in the background.
    """

    form: Any
    ui: Any
    logic: Any
    questions: Questions
    services: TrainingServices
    pump: Pump


def message_area(ui: Any, section: str) -> MessageArea:
    """Return the place for sentences of one section, whose widgets begin with its name."""
    return MessageArea(SimpleNamespace(**{
        part: getattr(ui, section + part[0].upper() + part[1:]) for part in _PARTS}))
