"""The result of a sequence: one segmentation a phase, played beside the scan and edited phase by phase.

Phases are kept in a vtkMRMLSequenceNode with the scan's own index. The scan's sequence browser plays it through one
segmentation node, whose edits are saved back into the phase that is shown. A second sequence keeps the model's own
result of each phase, played through a hidden label map, so that `original` works for the phase that is shown.
"""

from __future__ import annotations

from typing import Any

import slicer

from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.scene import original
from HeartSeg3DLib.scene.layer_volumes import take_over
from HeartSeg3DLib.scene.segmentation_result import (
    CLOSED_SURFACE,
    MODEL_ATTRIBUTE,
    VERSION_ATTRIBUTE,
    content_of,
    convert_as_we_do,
    note_trust,
    place_beside,
    put_segments,
)
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import FrameResult
from HeartSeg3DLib.scene.volumes import ScanSource

HEART_RATE_ATTRIBUTE = "HeartSeg.HeartRate"
"""On the sequence of segmentations: beats a minute as the scanner wrote it."""


class SequencePlacement:
    """Builds the result of a sequence frame by frame; the scene changes in `finish` alone.

    Args:
        scan: The sequence that was segmented.
        model: Name and version of the model.
        name: Name of the result; made from the scan's if empty.
    """

    def __init__(self, scan: ScanSource, model: str = "", name: str = "") -> None:
        self._scan = scan
        self._model = model
        self._name = name or _("{name} heart").format(name=scan.name)
        self._phases = _sequence_like(scan.node, _("{name} phases").format(name=self._name))
        self._kept = _sequence_like(scan.node, _("{name} as the model found it").format(name=self._name))
        self._kept.SetAttribute(original.NOT_IN_TREE, "1")
        if scan.heart_rate is not None:
            self._phases.SetAttribute(HEART_RATE_ATTRIBUTE, f"{scan.heart_rate:g}")

    def add(self, frame: FrameResult) -> None:
        """Add one phase."""
        content = content_of(self._scan, frame)
        node = slicer.vtkMRMLSegmentationNode()
        if self._scan.volume is not None:
            node.SetReferenceImageGeometryParameterFromVolumeNode(self._scan.volume)
        convert_as_we_do(node.GetSegmentation())
        put_segments(node.GetSegmentation(), content)
        if content.surfaces:
            node.GetSegmentation().CreateRepresentation(CLOSED_SURFACE)
        node.SetAttribute(MODEL_ATTRIBUTE, self._model)
        node.SetAttribute(VERSION_ATTRIBUTE, __version__)
        note_trust(node, frame)
        node.SetAttribute(original.EDITED_ATTRIBUTE, "[]")
        index = self._scan.node.GetNthIndexValue(frame.index)
        stored = self._phases.SetDataNodeAtValue(node, index)
        take_over(stored.GetSegmentation(), self._scan.transform, frame.volumes_ml)
        kept = slicer.vtkMRMLLabelMapVolumeNode()
        original.write_kept(kept, self._scan, frame)
        self._kept.SetDataNodeAtValue(kept, index)

    def finish(self, target: Any = None) -> Any:
        """Show the result in the scene.

        Args:
            target: An older result of this sequence, which is replaced in place, or an empty segmentation, which is
                filled; None for a new one.

        Returns:
            The vtkMRMLSegmentationNode that plays the phases.

        Raises:
            UsageError: The target holds something else.
        """
        check_sequence_target(self._scan, target)
        browser = _browser_of(self._scan)
        if is_sequence_result(target):
            return self._replace(browser, target)
        slicer.mrmlScene.AddNode(self._phases)
        slicer.mrmlScene.AddNode(self._kept)
        modified = browser.StartModify()  # every change alone would copy the scan's volume again
        for sequence in (self._phases, self._kept):
            browser.AddSynchronizedSequenceNode(sequence)
            browser.SetOverwriteProxyName(sequence, False)
        if target is not None:
            browser.AddProxyNode(target, self._phases, False)
        browser.SetSaveChanges(self._phases, True)
        browser.EndModify(modified)
        shown, kept = browser.GetProxyNode(self._phases), browser.GetProxyNode(self._kept)
        if target is None:
            shown.SetName(slicer.mrmlScene.GenerateUniqueName(self._name))
        self._arrange(shown, kept)
        return shown

    def _replace(self, browser: Any, target: Any) -> Any:
        phases = browser.GetSequenceNode(target)
        kept_node = target.GetNodeReference(original.ROLE)
        kept = browser.GetSequenceNode(kept_node)
        for old, new in ((phases, self._phases), (kept, self._kept)):
            for number in range(new.GetNumberOfDataNodes()):
                old.SetDataNodeAtValue(new.GetNthDataNode(number), new.GetNthIndexValue(number))
        phases.SetAttribute(HEART_RATE_ATTRIBUTE, self._phases.GetAttribute(HEART_RATE_ATTRIBUTE))
        _update_proxies(browser)
        self._arrange(target, kept_node)
        return target

    def _arrange(self, shown: Any, kept: Any) -> None:
        transform = self._scan.transform.GetID() if self._scan.transform is not None else None
        for node in (shown, kept):
            node.SetAndObserveTransformNodeID(transform)
        kept.SetHideFromEditors(True)
        shown.SetNodeReferenceID(original.ROLE, kept.GetID())
        volume = _browser_of(self._scan).GetProxyNode(self._scan.node)
        shown.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        shown.CreateDefaultDisplayNodes()
        place_beside(shown, volume)


def check_sequence_target(scan: ScanSource, target: Any) -> None:
    """Make sure that the result of a sequence may go into a segmentation.

    Raises:
        UsageError: It is neither empty nor a result of this very sequence.
    """
    if target is None:
        return
    browser = browser_of_result(target)
    if browser is None and target.GetSegmentation().GetNumberOfSegments() == 0:
        return
    if browser is None or not browser.IsSynchronizedSequenceNode(scan.node, True):
        raise UsageError(_("{name} is no result of this sequence.").format(name=target.GetName()),
                         _("Choose a new result."))


def is_sequence_result(segmentation: Any) -> bool:
    """Whether a segmentation node plays the phases of a segmented sequence."""
    return browser_of_result(segmentation) is not None


def phases_of(segmentation: Any) -> list[Any]:
    """Return the vtkMRMLSegmentationNode of every phase as it is stored; they are not in the scene.

    Raises:
        UsageError: It is the result of a single volume.
    """
    sequence = sequence_of(segmentation)
    return [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]


def phase_count(segmentation: Any) -> int:
    """Return the number of phases.

    Raises:
        UsageError: It is the result of a single volume.
    """
    return int(sequence_of(segmentation).GetNumberOfDataNodes())


def selected_phase(segmentation: Any) -> int:
    """Return the phase that is shown, from 0.

    Raises:
        UsageError: It is the result of a single volume.
    """
    return int(_require_browser(segmentation).GetSelectedItemNumber())


def select_phase(segmentation: Any, index: int) -> None:
    """Show a phase of scan and result.

    The segmentation node gets the vtkSegmentation of that phase: whoever holds one, such as the Segment Editor with its
    undo history, must take it anew.

    Raises:
        UsageError: It is the result of a single volume, or there is no such phase.
    """
    browser, count = _require_browser(segmentation), phase_count(segmentation)
    if not 0 <= index < count:
        raise UsageError(_("There is no phase {index}.").format(index=index),
                         _("Choose 0 to {last}.").format(last=count - 1))
    browser.SetSelectedItemNumber(index)


def sequence_of(segmentation: Any) -> Any:
    """Return the vtkMRMLSequenceNode that stores the phases.

    Raises:
        UsageError: It is the result of a single volume.
    """
    return _require_browser(segmentation).GetSequenceNode(segmentation)


def browser_of_result(segmentation: Any) -> Any:
    """Return the sequence browser that plays a segmentation, None if none does."""
    if segmentation is None or segmentation.GetScene() is None:
        return None
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(segmentation)
    return browser if browser is not None and browser.GetSequenceNode(segmentation) is not None else None


def _require_browser(segmentation: Any) -> Any:
    browser = browser_of_result(segmentation)
    if browser is None:
        raise UsageError(_("This is the result of a single volume, not of a sequence."),
                         _("Segment a sequence of volumes to see phases and function."))
    return browser


def _browser_of(scan: ScanSource) -> Any:
    """Return a sequence browser that plays the scan; it is made if there is none."""
    logic = slicer.modules.sequences.logic()
    browser = logic.GetFirstBrowserNodeForSequenceNode(scan.node)
    if browser is None:
        browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", _("{name} browser").format(
            name=scan.name))
        browser.SetAndObserveMasterSequenceNodeID(scan.node.GetID())
    if browser.GetProxyNode(scan.node) is None:
        _update_proxies(browser)
    return browser


def _sequence_like(scan_sequence: Any, name: str) -> Any:
    sequence = slicer.vtkMRMLSequenceNode()
    sequence.SetName(name)
    sequence.CopySequenceIndex(scan_sequence)
    sequence.RemoveAllDataNodes()
    return sequence


def _update_proxies(browser: Any) -> None:
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
