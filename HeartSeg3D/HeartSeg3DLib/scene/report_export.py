"""A report about a result of the scene as one page, measured and drawn in the child process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import check_output
from HeartSeg3DLib.scene import original
from HeartSeg3DLib.scene.function_result import function_facts
from HeartSeg3DLib.scene.label_frames import LabelLayers, layers_on_grid, write_label_frames
from HeartSeg3DLib.scene.request import Request
from HeartSeg3DLib.scene.request_run import RequestRun
from HeartSeg3DLib.scene.segment_voxels import layers_of
from HeartSeg3DLib.scene.segmentation_result import MARKS_ATTRIBUTE, MODEL_ATTRIBUTE, TRUST_ATTRIBUTE
from HeartSeg3DLib.scene.sequence_result import browser_of_result, is_sequence_result, phases_of
from HeartSeg3DLib.scene.text import JUDGED_BEFORE, _
from HeartSeg3DLib.scene.transfer import write_scan
from HeartSeg3DLib.scene.volume_table import source_volume
from HeartSeg3DLib.scene.volumes import ScanSource, in_world, scan_of
from HeartSeg3DLib.scene.workspace import Workspace

KINDS = (".html", ".pdf")


class ReportExport(RequestRun):
    """Writes one report in the background: `start`, then `step` until `finished`.

    Args:
        segmentation: The result; corrections by hand are in the report.
        path: .html or .pdf file.
        parameters: Heart rate, height, weight, end-diastole and end-systole as in `parameters.HeartSegParameterNode`;
            only a sequence needs them.
        facts: More lines for the page, such as {"Hospital": "..."}.
        force: Whether an existing file may be replaced.

    Its attributes are those of `RequestRun`.
    """

    def __init__(self, segmentation: Any, path: Path, parameters: Any = None,
                 facts: Mapping[str, str] | None = None, *, force: bool = False) -> None:
        super().__init__()
        self._segmentation = segmentation
        self._path = Path(path)
        self._parameters = parameters
        self._given_facts = dict(facts or {})
        self._force = force
        self._details: dict[str, Any] = {}

    def start(self) -> None:
        """Begin.

        Raises:
            UsageError: The file exists, has another ending or cannot be written.
            InputError: The scan of the result is gone, or the result is empty.
        """
        check_output(self._path, force=self._force, kinds=KINDS)
        scan = _scan_of_result(self._segmentation)
        phases = phases_of(self._segmentation) if is_sequence_result(self._segmentation) else [self._segmentation]
        if len(phases) != len(scan.frames) or not any(layers_of(phase) for phase in phases):
            raise InputError(_("This result is empty or does not belong to its scan any more."),
                             _("Segment the scan again."))
        labels = [layers_on_grid(phase, scan) for phase in phases]
        shown = in_world(scan)
        self._details = self._content(scan, bent=shown is None)
        self._hand_over(lambda workspace: self._write(shown or scan, labels, workspace))

    def _ask(self, workspace: Workspace) -> Request:
        return Request("report", folder=str(workspace.folder), output=str(self._path), force=self._force,
                       **self._details)

    def _take(self, answer: Mapping[str, Any]) -> None:
        self.fraction = 1.0
        self._finish()

    def _write(self, scan: ScanSource, labels: list[LabelLayers], workspace: Workspace) -> None:
        write_scan(scan, scan.modality, workspace, lambda: self._cancelled)
        write_label_frames(labels, workspace.folder)

    def _content(self, scan: ScanSource, bent: bool) -> dict[str, Any]:
        """Return what the page says beside its measurements. Its title is the name that the user gave the result; names
        of scans stay out, they may be a patient's."""
        facts = {
            _("Scan"): _("{size} voxels of {spacing} mm").format(
                size=" x ".join(map(str, scan.size)), spacing=" x ".join(f"{step:.2f}" for step in scan.spacing)),
        }
        edited = _edited(self._segmentation)
        if edited:
            facts[_("Corrected by hand")] = ", ".join(edited)
        warnings = [_("The scan lies under a transform that is not rigid; the volumes here are those without it.")]
        function = None
        if scan.is_sequence:
            function = function_facts(self._segmentation, **_told(self._parameters))
        return {"title": self._segmentation.GetName(), "model": self._segmentation.GetAttribute(MODEL_ATTRIBUTE) or "",
                "facts": {**facts, **self._given_facts}, "warnings": warnings if bent else [], "function": function,
                "marks": _marks(self._segmentation), "trust": _trust(self._segmentation, corrected=bool(edited))}


def _scan_of_result(segmentation: Any) -> ScanSource:
    """Take the scan that a result was made from.

    Raises:
        InputError: It is gone or cannot be used.
    """
    browser = browser_of_result(segmentation)
    node = browser.GetMasterSequenceNode() if browser is not None else source_volume(segmentation)
    if node is None or not slicer.mrmlScene.IsNodePresent(node):
        raise InputError(_("The scan of this result is no longer in the scene."),
                         _("Load it again and segment it, or open the saved scene."))
    return scan_of(node)


def _marks(segmentation: Any) -> list[list[dict[str, Any]]]:
    """What was judged of the structures of each phase, those left out that a person corrected."""
    phases = phases_of(segmentation) if is_sequence_result(segmentation) else [segmentation]
    marks = []
    for phase in phases:
        own = set(json.loads(phase.GetAttribute(original.EDITED_ATTRIBUTE) or "[]")) | original.edited(segmentation)
        marks.append([mark for mark in json.loads(phase.GetAttribute(MARKS_ATTRIBUTE) or "[]")
                      if mark["id"] not in own])
    return marks


def _trust(segmentation: Any, *, corrected: bool) -> list[dict[str, str] | None]:
    """How far each phase as a whole can be trusted; None where nobody judged it."""
    phases = phases_of(segmentation) if is_sequence_result(segmentation) else [segmentation]
    found = []
    for phase in phases:
        said = json.loads(phase.GetAttribute(TRUST_ATTRIBUTE) or "null")
        if said and corrected:
            said["sentence"] = f"{said['sentence']} {JUDGED_BEFORE}"
        found.append(said)
    return found


def _edited(segmentation: Any) -> list[str]:
    """Names of the structures that a person changed, in any phase."""
    ids = original.edited(segmentation)
    if is_sequence_result(segmentation):
        for phase in phases_of(segmentation):
            ids |= set(json.loads(phase.GetAttribute(original.EDITED_ATTRIBUTE) or "[]"))
    return [BY_ID[id].name for id in BY_ID if id in ids]


def _told(parameters: Any) -> dict[str, Any]:
    """What a person told about the patient; 0 and -1 mean nothing."""
    if parameters is None:
        return {}
    return {"heart_rate": parameters.heartRate or None, "height_cm": parameters.heightCm or None,
            "weight_kg": parameters.weightKg or None,
            "end_diastole": parameters.endDiastole if parameters.endDiastole >= 0 else None,
            "end_systole": parameters.endSystole if parameters.endSystole >= 0 else None}
