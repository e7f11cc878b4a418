"""What a mesh is made for, how fine, with which walls and fibers, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ctk
import qt

from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.scene.text import _

_UNLOCKED = ("surfaces", "tetrahedra")
"""Presets whose formats are chosen by the user."""


class MeshChoices:
    """Fills the fields and keeps them and the parameter node the same.

    Args:
        context: The panel's widgets and collaborators.
        changed: Called after the user changed something.
    """

    def __init__(self, context: PanelContext, changed: Callable[[], None]) -> None:
        self._context = context
        self._changed = changed
        self._filling = False
        ui = context.ui
        for name, (title, explanation) in self._presets().items():
            ui.meshPresetSelector.addItem(title, name)
            ui.meshPresetSelector.setItemData(ui.meshPresetSelector.count - 1, explanation, qt.Qt.ToolTipRole)
        for text, data in ((_("LPS, as in DICOM"), "lps"), (_("RAS, as in Slicer"), "ras")):
            ui.meshFrameSelector.addItem(text, data)
        for text, data in ((_("stop and tell"), "ask"), (_("mesh all of them"), "all"),
                           (_("mesh the largest alone"), "largest")):
            ui.meshPiecesSelector.addItem(text, data)
        ui.meshFolder.filters = ctk.ctkPathLineEdit.Dirs
        self._menu = qt.QMenu(ui.meshFormatsButton)
        ui.meshFormatsButton.setMenu(self._menu)
        ui.meshPresetSelector.connect("currentIndexChanged(int)", self._choose_preset)
        for selector, parameter in self._selectors():
            selector.connect("currentIndexChanged(int)",
                             lambda index, s=selector, p=parameter: self._chosen(p, s.itemData(index)))
        for box, parameter in self._numbers():
            box.connect("valueChanged(double)", lambda value, p=parameter: self._chosen(p, value))
        for box, parameter in ((ui.meshWallsCheckBox, "meshWalls"), (ui.meshFibersCheckBox, "meshFibers")):
            box.connect("toggled(bool)", lambda on, p=parameter: self._chosen(p, on))
        ui.meshFolder.connect("currentPathChanged(QString)", lambda path: self._chosen("meshFolder", path))

    @property
    def folder(self) -> Path | None:
        """Where the mesh goes; None while none is chosen."""
        text = self._context.parameters.meshFolder.strip()
        return Path(text) if text else None

    def settings(self, **more: Any) -> Any:
        """Return the MeshSettings that the fields say.

        Raises:
            UsageError: They cannot be met.
        """
        parameters, rules = self._context.parameters, self._context.services.mesh_settings
        walls = {id: getattr(parameters, f"meshWall{id}") for id in rules.WALLS_MM}
        return rules.MeshSettings(
            preset=parameters.meshPreset, edge_mm=parameters.meshEdge or None,
            walls=walls if parameters.meshWalls else False, fibers=self._fibers(), formats=self._formats(),
            frame=parameters.meshFrame, pieces=parameters.meshPieces, **more)

    def show_parameters(self) -> None:
        """Show what the parameter node says."""
        parameters, ui = self._context.parameters, self._context.ui
        if parameters is None:
            return
        self._filling = True
        for selector, parameter in ((ui.meshPresetSelector, "meshPreset"), *self._selectors()):
            selector.setCurrentIndex(max(selector.findData(getattr(parameters, parameter)), 0))
        for box, parameter in self._numbers():
            box.value = getattr(parameters, parameter)
        ui.meshWallsCheckBox.checked = parameters.meshWalls
        if ui.meshFolder.currentPath != parameters.meshFolder:
            ui.meshFolder.currentPath = parameters.meshFolder
        self._fill_formats()
        self._show_what_applies()
        self._filling = False

    def enable(self, on: bool) -> None:
        """Allow or forbid changes while a mesh is made."""
        self._context.ui.meshChoices.enabled = on

    def _show_what_applies(self) -> None:
        ui, parameters, rules = self._context.ui, self._context.parameters, self._context.services.mesh_settings
        preset, kind = parameters.meshPreset, rules.MeshSettings(preset=parameters.meshPreset)
        tetrahedra, fixed = kind.with_tetrahedra, kind.lays_fibers
        ui.meshPresetLabel.text = self._presets()[preset][1]
        for widget in (ui.meshFormatsButton, ui.meshFormatsLabel):
            widget.visible = preset in _UNLOCKED
        ui.meshEdgeSpinBox.specialValueText = (
            _("automatic, {edge:g} mm").format(edge=rules.VOLUME_EDGE_MM) if tetrahedra
            else _("automatic, from voxels and walls"))
        ui.meshWallsRow.visible = parameters.meshWalls
        for widget in (ui.meshFibersCheckBox, ui.meshFibersLabel):
            widget.visible = tetrahedra
        ui.meshFibersCheckBox.enabled = not fixed
        ui.meshFibersCheckBox.checked = fixed or parameters.meshFibers
        ui.meshFibersCheckBox.toolTip = (
            _("This preset lays fibers by rule wherever the segmentation has what the rule needs.") if fixed
            else _("Directions of muscle fibers in the ventricles, by rule (Bayer 2012)."))
        ui.meshFibersRow.visible = tetrahedra and ui.meshFibersCheckBox.checked

    def _fibers(self) -> tuple[float, float] | None:
        """Return the angles of fibers without which there shall be no mesh; None leaves fibers to the preset."""
        parameters, rules = self._context.parameters, self._context.services.mesh_settings
        kind = rules.MeshSettings(preset=parameters.meshPreset)
        angles = (parameters.meshEndocardium, parameters.meshEpicardium)
        wanted = angles != rules.USUAL_FIBERS if kind.lays_fibers else parameters.meshFibers
        return angles if wanted and kind.with_tetrahedra else None

    def _formats(self) -> tuple[str, ...]:
        """Return the formats that the user chose among those of the preset; empty for the usual ones."""
        parameters = self._context.parameters
        known = self._context.services.mesh_settings.FORMATS.get(parameters.meshPreset, ())
        return tuple(name for name in parameters.meshFormats.split(",") if name in known)

    def _fill_formats(self) -> None:
        offered = self._context.services.mesh_settings.FORMATS.get(self._context.parameters.meshPreset, ())
        chosen = self._formats() or offered[:2]
        self._menu.clear()
        for name in offered:
            action = self._menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name in chosen)
            action.connect("toggled(bool)", lambda on, name=name: self._choose_format(name, on))
        self._context.ui.meshFormatsButton.text = ", ".join(chosen)

    def _choose_format(self, name: str, on: bool) -> None:
        if self._filling or self._context.parameters is None:
            return
        offered = self._context.services.mesh_settings.FORMATS[self._context.parameters.meshPreset]
        chosen = set(self._formats() or offered[:2])
        chosen = chosen | {name} if on else chosen - {name}
        self._context.parameters.meshFormats = ",".join(one for one in offered if one in chosen)
        self._context.ui.meshFormatsButton.text = ", ".join(self._formats() or offered[:2])

    def _choose_preset(self, index: int) -> None:
        if self._filling or self._context.parameters is None:
            return
        parameters, rules = self._context.parameters, self._context.services.mesh_settings
        parameters.meshPreset = self._context.ui.meshPresetSelector.itemData(index)
        # A segmentation of blood has no tissue but the myocardium.
        parameters.meshWalls = rules.MeshSettings(preset=parameters.meshPreset).tissue_alone
        self.show_parameters()
        self._changed()

    def _chosen(self, parameter: str, value: Any) -> None:
        if self._filling or self._context.parameters is None or value is None:
            return
        setattr(self._context.parameters, parameter, value)
        self._show_what_applies()
        self._changed()

    def _selectors(self) -> tuple[tuple[Any, str], ...]:
        ui = self._context.ui
        return (ui.meshFrameSelector, "meshFrame"), (ui.meshPiecesSelector, "meshPieces")

    def _numbers(self) -> Iterator[tuple[Any, str]]:
        """Return each number field and its parameter; Slicer's own binding would take the fields' ranges away."""
        ui = self._context.ui
        yield ui.meshEdgeSpinBox, "meshEdge"
        yield ui.meshEndocardiumSpinBox, "meshEndocardium"
        yield ui.meshEpicardiumSpinBox, "meshEpicardium"
        for id in self._context.services.mesh_settings.WALLS_MM:
            yield getattr(ui, f"meshWall{id}SpinBox"), f"meshWall{id}"

    @staticmethod
    def _presets() -> dict[str, tuple[str, str]]:
        """Return title and one line about each preset, in the order of the list."""
        return {
            "print": (_("3-D printing"), _("Closed surfaces in mm, one STL file for each structure.")),
            "ep": (_("Electrophysiology: openCARP"),
                   _("Tissue as tetrahedra in micrometers, with tags and fibers.")),
            "mechanics": (_("Mechanics: FEniCSx"),
                          _("Tissue as tetrahedra in XDMF, with tags of cells and facets.")),
            "simvascular": (_("Mechanics: svMultiPhysics"),
                            _("Tissue as tetrahedra with fibers, in the folder that it reads.")),
            "cemrgapp": (_("Four chambers: CemrgApp, pycemrg"),
                         _("Tissue as tetrahedra with their tags, and a label volume.")),
            "surfaces": (_("Surfaces"), _("Closed surfaces of all structures with shared walls.")),
            "tetrahedra": (_("Tetrahedra"), _("All structures as tetrahedra with shared walls.")),
        }
