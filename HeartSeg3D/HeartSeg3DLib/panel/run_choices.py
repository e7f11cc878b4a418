"""Model, quality, scan type and device: what the next run uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt

from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.scene.text import _

QUALITIES = ("fast", "standard", "best")
ESTIMATED_SECONDS = {"fast": 9, "standard": 10, "best": 18}
"""Before the first run on a computer: about what two processor cores need for a chest CT.

A run of standard quality takes 6.5 s from file to file (`cta_speed.py`), and the surfaces and the scene their time.
Only the segmentation proper depends on the quality: best takes 2.5 times as long there (`quality_levels.py`), but the
whole run 1.8 times the processor time, the median of four rounds on the angiogram of `cta_speed.py`. What fast saves
was below the noise of these."""
LONG_SECONDS = 100
"""From here on times are told in minutes."""


def estimated_seconds(quality: str, measured: Mapping[str, float | None]) -> float:
    """Estimate the time of a quality that has not run on this device: a faster computer is so at every quality.

    Args:
        quality: One of `QUALITIES`.
        measured: Seconds of each quality's last run, None where there was none.

    Example:
        >>> estimated_seconds("best", {"fast": None, "standard": 5.0, "best": None})
        9.0
    """
    ratios = [seconds / ESTIMATED_SECONDS[known] for known, seconds in measured.items() if seconds is not None]
    return ESTIMATED_SECONDS[quality] * (sum(ratios) / len(ratios) if ratios else 1.0)


class RunChoices:
    """Fills the selectors and keeps them and the parameter node the same.

    Args:
        context: The panel's widgets and collaborators.
        devices_failed: Called if the child process could not say which devices work.
    """

    def __init__(self, context: PanelContext, devices_failed: Callable[[], Any]) -> None:
        self._context = context
        self._devices_failed = devices_failed
        self._query: Any = None
        self._devices_known = False
        self._filling = False
        self._models: list[Any] = []
        ui = context.ui
        for name, button in self._quality_buttons().items():
            button.connect("toggled(bool)", lambda on, name=name: self._chosen("quality", name) if on else None)
        for selector, parameter in self._selectors():
            selector.connect(
                "currentIndexChanged(int)",
                lambda index, s=selector, p=parameter: self._chosen(p, s.itemData(index)),
            )
        ui.modelCardButton.setIcon(ui.modelCardButton.style().standardIcon(qt.QStyle.SP_MessageBoxInformation))
        ui.modelCardButton.connect("clicked()", self._show_card)
        self._fill(ui.modalitySelector, [(_("automatic"), "auto"), ("CT", "ct"), ("MRI", "mr")])
        self._fill(ui.deviceSelector, [(_("automatic"), "auto"), ("CPU", "cpu")])

    def refresh_models(self) -> None:
        """List the installed models again."""
        self._models = [model for model in self._context.services.model_choices.model_choices()
                        if model.role == "segmenter" and not model.problem]
        self._fill(self._context.ui.modelSelector, [(_model_text(model), model.id) for model in self._models])
        self.show_parameters()

    def ask_for_devices(self) -> None:
        """Ask the child process, in the background and once, which devices work."""
        if self._query is not None:
            return
        self._query = self._context.services.devices.DeviceQuery()
        self._query.start()
        self._context.pump.start(self._wait_for_devices)

    def show_parameters(self) -> None:
        """Show what the parameter node says; what it names but this computer lacks becomes the first choice."""
        parameters = self._context.parameters
        if parameters is None:
            return
        if not parameters.model:
            # A new scene: what was chosen in the last one.
            self._context.services.settings.apply_choices(parameters)
        self._filling = True
        for selector, parameter in self._selectors():
            index = selector.findData(getattr(parameters, parameter))
            selector.setCurrentIndex(max(index, 0))
        self._quality_buttons()[parameters.quality].checked = True
        self._filling = False
        for selector, parameter in self._selectors():
            settled = parameter != "device" or self._devices_known
            if settled and selector.count > 0 and selector.findData(getattr(parameters, parameter)) < 0:
                setattr(parameters, parameter, selector.itemData(0))
        self.show_times()

    def show_times(self) -> None:
        """Write the expected time beside each quality; of a sequence, that of all phases."""
        scan = self._context.parameters.scan if self._context.parameters is not None else None
        phases = scan.GetNumberOfDataNodes() if scan is not None and scan.IsA("vtkMRMLSequenceNode") else 1
        names = {"fast": _("fast"), "standard": _("standard"), "best": _("best")}
        looks = {"fast": _("A coarser look, which is not judged."), "standard": _("The usual look."),
                 "best": _("Adds a look on finer voxels.")}
        measured = {quality: self._context.services.settings.expected_seconds(quality, self._device())
                    for quality in QUALITIES}
        for quality, button in self._quality_buttons().items():
            seconds = measured[quality]
            if seconds is None:
                button.text = f"{names[quality]}, ~{_duration(phases * estimated_seconds(quality, measured))}"
                time = _("An estimate: it has not run on this computer yet.")
            else:
                button.text = f"{names[quality]}, {_duration(phases * seconds)}"
                time = _("As long as the last run on this device took.")
            button.toolTip = f"{looks[quality]} {time}"

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments of a run."""
        parameters = self._context.parameters
        return {
            "model": parameters.model or None,
            "device": parameters.device,
            "quality": parameters.quality,
            "modality": parameters.modality,
            # Surfaces are cheap and made in the child; whether they are shown is the display's business.
            "surfaces": True,
        }

    def remember(self) -> None:
        """Keep the choices for the next scene."""
        self._context.services.settings.remember_choices(self._context.parameters)

    def enable(self, on: bool) -> None:
        """Allow or forbid changes while a run goes on."""
        for selector, _parameter in self._selectors():
            selector.enabled = on
        self._context.ui.qualityRow.enabled = on

    def close(self) -> None:
        """Stop asking for devices."""
        if self._query is not None:
            self._query.close()
            self._context.pump.stop(self._wait_for_devices)

    def _wait_for_devices(self) -> bool:
        if not self._query.step():
            return False
        if self._query.error is not None:
            self._context.ui.deviceSelector.toolTip = str(self._query.error)
            self._devices_failed()
        else:
            label = self._context.services.devices.label
            self._fill(self._context.ui.deviceSelector, [(label(device), device.id) for device in self._query.devices])
            self._devices_known = True
            self.show_parameters()
        return True

    def _device(self) -> str:
        return str(self._context.parameters.device) if self._context.parameters is not None else "auto"

    def _chosen(self, parameter: str, value: Any) -> None:
        if self._filling or self._context.parameters is None or value is None:
            return
        setattr(self._context.parameters, parameter, value)
        if parameter == "device":
            self.show_times()

    def _fill(self, selector: Any, items: list[tuple[str, str]]) -> None:
        self._filling = True
        selector.clear()
        for text, data in items:
            selector.addItem(text, data)
        self._filling = False

    def _selectors(self) -> tuple[tuple[Any, str], ...]:
        ui = self._context.ui
        return (ui.modelSelector, "model"), (ui.modalitySelector, "modality"), (ui.deviceSelector, "device")

    def _quality_buttons(self) -> dict[str, Any]:
        ui = self._context.ui
        return dict(zip(QUALITIES, (ui.fastRadio, ui.standardRadio, ui.bestRadio), strict=True))

    def _show_card(self) -> None:
        chosen = [model for model in self._models if model.id == self._context.parameters.model]
        if chosen:
            show_model_card(self._context.form, chosen[0])


def show_model_card(parent: Any, model: Any) -> Any:
    """Open a window with a model's card beside the panel; it does not have to be answered."""
    dialog = qt.QDialog(parent)
    dialog.setWindowTitle(f"{model.title} {model.version}")
    dialog.setAttribute(qt.Qt.WA_DeleteOnClose)
    layout = qt.QVBoxLayout(dialog)
    text = qt.QTextBrowser(dialog)
    text.setHtml(model.card_html)
    text.setOpenExternalLinks(True)
    layout.addWidget(text)
    buttons = qt.QDialogButtonBox(qt.QDialogButtonBox.Close, dialog)
    buttons.connect("rejected()", dialog.close)
    layout.addWidget(buttons)
    dialog.resize(520, 560)
    dialog.show()
    return dialog


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < LONG_SECONDS else f"{seconds / 60:.0f} min"


def _model_text(model: Any) -> str:
    return f"{model.title} {model.version}"
