"""One structure in the list: color, name, visibility, volume, trust, edited, edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt

from HeartSeg3DLib.panel.drawing import SIZE, swatch, trust_dot
from HeartSeg3DLib.scene.text import _

NO_MARK = ("grey", "")


@dataclass(frozen=True)
class ChamberState:
    """What a row shows.

    Attributes:
        id: Segment id.
        name: Name shown.
        color: sRGB, 0-255.
        volume_ml: Volume, or None while it is not known.
        visible: Whether the segment is shown in the views.
        mark: Trust level and its sentence.
        edited: Whether the user changed it.
    """

    id: str
    name: str
    color: tuple[int, int, int]
    volume_ml: float | None
    visible: bool
    mark: tuple[str, str]
    edited: bool


class ChamberRow:
    """The widgets of one row in the grid of chambers.

    Args:
        parent: Widget that holds the rows, with a grid layout.
        number: Row of the grid.
        icons: Folder of the module's icons.
        choose: Called with the segment id when the structure is to be edited.
        show_or_hide: Called with the segment id and the wanted visibility.
    """

    def __init__(self, parent: Any, number: int, icons: Path, choose: Callable[[str], None],
                 show_or_hide: Callable[[str, bool], None]) -> None:
        self.id = ""
        self._eyes = {on: qt.QIcon(str(icons / f"{name}.png")) for on, name in ((True, "Visible"), (False, "Hidden"))}
        self.name_button = _tool_button(parent, lambda: choose(self.id))
        self.name_button.setToolButtonStyle(qt.Qt.ToolButtonTextBesideIcon)
        self.name_button.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
        self.name_button.setFocusPolicy(qt.Qt.NoFocus)
        self.eye_button = _tool_button(parent, lambda: show_or_hide(self.id, not self._visible))
        self.volume_label = qt.QLabel(parent)
        self.volume_label.setAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        self.trust_label = qt.QLabel(parent)
        self.edited_label = qt.QLabel(parent)
        self.edit_button = _tool_button(parent, lambda: choose(self.id))
        self.edit_button.text = _("edit")
        self.edit_button.checkable = True
        self.edit_button.setAutoRaise(False)
        self._visible = True
        self._widgets = (self.name_button, self.eye_button, self.volume_label, self.trust_label, self.edited_label,
                         self.edit_button)
        for column, widget in enumerate(self._widgets):
            parent.layout().addWidget(widget, number, column)

    def show(self, state: ChamberState, chosen: bool) -> None:
        """Show a state; `chosen` marks the structure that is being edited."""
        self.id, self._visible = state.id, state.visible
        self.name_button.setIcon(qt.QIcon(swatch(state.color)))
        self.name_button.text = state.name
        self.name_button.toolTip = _("Show {name} in the slice views and edit it.").format(name=state.name)
        self.eye_button.setIcon(self._eyes[state.visible])
        self.eye_button.toolTip = _("Hide") if state.visible else _("Show")
        self.volume_label.text = _volume_text(state.volume_ml)
        level, sentence = state.mark
        self.trust_label.setPixmap(trust_dot(level))
        self.trust_label.toolTip = sentence or _("Not judged: how sure the model is of it has not been measured.")
        self.edited_label.text = "✎" if state.edited else ""
        self.edited_label.toolTip = _("Edited by hand.") if state.edited else ""
        self.edit_button.checked = chosen
        self.edit_button.toolTip = _("Edit {name} with the tools below.").format(name=state.name)

    def remove(self) -> None:
        """Take the row out of the panel."""
        for widget in self._widgets:
            widget.setParent(None)
            widget.deleteLater()


def _tool_button(parent: Any, clicked: Callable[[], None]) -> Any:
    button = qt.QToolButton(parent)
    button.setAutoRaise(True)
    button.setIconSize(qt.QSize(SIZE, SIZE))
    button.connect("clicked()", clicked)
    return button


def _volume_text(volume_ml: float | None) -> str:
    if volume_ml is None:
        return ""
    return f"{volume_ml:.0f} mL" if volume_ml >= 10 else f"{volume_ml:.1f} mL"
