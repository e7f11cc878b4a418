"""The section for beating hearts: volume curve, ejection fraction and what else follows from it."""

from __future__ import annotations

from typing import Any

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.panel.curve_picture import curve_picture
from HeartSeg3DLib.panel.tables import copy_table, fill_table
from HeartSeg3DLib.scene.text import _

PHASES = ("endDiastole", "endSystole")


class FunctionSection:
    """Shows the function of the segmented sequence; folded and explained for anything else."""

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self._segmentation: Any = None
        self._asked: tuple[Any, ...] = ()
        self._filling = False
        ui = context.ui
        for box, parameter in self._fields():
            signal = "valueChanged(int)" if parameter in PHASES else "valueChanged(double)"
            box.connect(signal, lambda value, parameter=parameter: self._entered(parameter, value))
        ui.showPlotButton.connect("clicked()", self._show_plot)
        ui.copyFunctionButton.connect("clicked()", lambda: copy_table(ui.functionTable))

    def show(self, segmentation: Any) -> None:
        """Show a segmentation's function, if it beats."""
        beating = segmentation is not None and self._context.services.function_result.is_sequence_result(segmentation)
        ui = self._context.ui
        if beating and self._segmentation is not segmentation:
            ui.functionSection.collapsed = False
        self._segmentation = segmentation if beating else None
        self._asked = ()
        ui.functionRow.visible = beating
        ui.functionLabel.visible = not beating
        self.refresh()

    def leave(self) -> None:
        """Let go of the segmentation."""
        self._segmentation = None

    def show_parameters(self) -> None:
        """Show what the scene knows of the patient, and the phases picked by hand."""
        self._filling = True
        for box, parameter in self._fields():
            box.value = getattr(self._context.parameters, parameter)
        self._filling = False

    def refresh(self) -> None:
        """Measure again if anything it depends on has changed."""
        if self._context.parameters is not None:
            self.show_parameters()
        if self._segmentation is None:
            return
        facts, functions, ui = self._facts(), self._context.services.function_result, self._context.ui
        if not functions.is_sequence_result(self._segmentation):  # somebody deleted the browser that plays it
            self.show(self._segmentation)
            return
        asked = (*facts.values(), functions.volumes_stamp(self._segmentation))
        if asked == self._asked:
            return
        self._asked = asked
        try:
            function = functions.function_of(self._segmentation, **facts)
        except HeartSegError as error:
            ui.functionWarningLabel.text = str(error)
            fill_table(ui.functionTable, [], [])
            ui.curveLabel.clear()
            return
        functions.store_function(self._segmentation, function)
        self._show_function(function)

    def _show_function(self, function: Any) -> None:
        ui = self._context.ui
        header, *rows = function_rows(function)
        fill_table(ui.functionTable, header, rows, numbers=(1, 2))
        width = max(ui.functionRow.width, 300)
        ui.curveLabel.setPixmap(curve_picture(function, width, ui.curveLabel.minimumHeight, ui.curveLabel))
        ui.functionWarningLabel.text = "\n".join(function.warnings)
        ui.functionWarningLabel.visible = bool(function.warnings)
        automatic = _("automatic ({phase})")
        ui.endDiastoleSpinBox.specialValueText = automatic.format(phase=function.ed_index)
        ui.endSystoleSpinBox.specialValueText = automatic.format(phase=function.es_index)

    def _facts(self) -> dict[str, Any]:
        """Return the arguments that the user gave; 0 and -1 mean that nothing was given."""
        parameters = self._context.parameters
        return {
            "heart_rate": parameters.heartRate or None,
            "height_cm": parameters.heightCm or None,
            "weight_kg": parameters.weightKg or None,
            "end_diastole": parameters.endDiastole if parameters.endDiastole >= 0 else None,
            "end_systole": parameters.endSystole if parameters.endSystole >= 0 else None,
        }

    def _fields(self) -> tuple[tuple[Any, str], ...]:
        """Return each field and its parameter; Slicer's own binding would take the fields' ranges away."""
        ui = self._context.ui
        return ((ui.endDiastoleSpinBox, "endDiastole"), (ui.endSystoleSpinBox, "endSystole"),
                (ui.heartRateSpinBox, "heartRate"), (ui.heightSpinBox, "heightCm"), (ui.weightSpinBox, "weightKg"))

    def _entered(self, parameter: str, value: float) -> None:
        if not self._filling and self._context.parameters is not None:
            setattr(self._context.parameters, parameter, value)

    def _show_plot(self) -> None:
        self._context.services.function_result.show_plot(self._segmentation)


def function_rows(function: Any) -> list[list[str]]:
    """Return the table: one row a quantity, left and right ventricle beside each other, the header first."""
    table: dict[tuple[str, str], dict[str, float]] = {}
    for row in function.to_rows():
        if not row.unit:
            continue  # the frames of ED and ES stand above the table
        # What belongs to the whole heart or to the left ventricle's wall stands in the first column.
        column = "RV" if row.structure == "RV" else "LV"
        table.setdefault((row.label, row.unit), {})[column] = row.value
    rows = [[quantity, *(_number(values.get(id)) for id in ("LV", "RV")), unit.replace("m2", "m²")]
            for (quantity, unit), values in table.items()]
    return [[_("Quantity"), "LV", "RV", _("Unit")], *rows]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2f}"
