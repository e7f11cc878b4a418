"""Scans of the scene with their corrected segmentations on the way to the child process: copied at once, written by a
thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import slicer

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene.label_frames import LabelLayers, layers_on_grid
from HeartSeg3DLib.scene.segment_matching import match_segments
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import on_whole_grid
from HeartSeg3DLib.scene.volumes import ScanSource, scan_of
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSegTrainingLib.scene.scene_cases import SceneCase, person_of
from HeartSegTrainingLib.worker.handed_over import FILE

_BINARY = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()


@dataclass(frozen=True, eq=False)
class _Pair:
    name: str
    person: str
    corrected: tuple[str, ...]
    scan: ScanSource
    labels: LabelLayers


class TrainingPairs:
    """Takes cases as they are now; their files are named by numbers, so that no patient's name gets there.

    Args:
        cases: Usable cases of the scene.

    Raises:
        InputError: There is none, or one of them cannot be used.
    """

    def __init__(self, cases: Sequence[SceneCase]) -> None:
        if not cases:
            raise InputError(_("No segmentation is chosen."), _("Tick at least one that has a scan."))
        for case in cases:
            if not case.usable:
                raise InputError(f"{case.segmentation.GetName()}: {case.reason}", _("Correct it, or untick it."))
        persons: dict[int, int] = {}
        self._pairs = [_pair(number, case, persons) for number, case in enumerate(cases, start=1)]

    def write(self, workspace: Workspace, cancelled: Callable[[], bool]) -> None:
        """Write voxels and what describes them; runs in a worker thread.

        Raises:
            DiskError: They do not fit.
            InputError: Nothing of a segmentation lies within its scan.
            CancelledError: `cancelled` returned True.
        """
        workspace.require(sum(2 * pair.scan.byte_count for pair in self._pairs))
        said = []
        for pair in self._pairs:
            start, labels = pair.labels.merged()
            if not labels.any():
                raise InputError(
                    _("Nothing of the segmentation of {name} lies within this scan.").format(name=pair.scan.name),
                    _("Choose its source volume in the Segment Editor, or untick it."))
            image, drawn = f"{pair.name}_image.raw", f"{pair.name}_labels.raw"
            voxels = pair.scan.frames[0]
            workspace.write_voxels(image, voxels, cancelled)
            workspace.write_voxels(drawn, on_whole_grid(pair.scan.size, start, labels), cancelled)
            said.append({"name": pair.name, "person": pair.person, "image": image, "labels": drawn,
                         "dtype": voxels.dtype.name, "modality": pair.scan.modality,
                         "size": pair.scan.size, "spacing": pair.scan.spacing, "origin": pair.scan.origin,
                         "direction": pair.scan.direction, "corrected": pair.corrected})
        (workspace.folder / FILE).write_text(json.dumps({"pairs": said}), encoding="utf-8")


def _pair(number: int, case: SceneCase, persons: dict[int, int]) -> _Pair:
    scan = scan_of(case.scan)
    # Scans of one person stay together in the folds; where nobody said whose a scan is, it is a person's of its own.
    person = persons.setdefault(person_of(case.scan) or -number, len(persons) + 1)
    segmentation, contents = case.segmentation, case.segmentation.GetSegmentation()
    if not contents.ContainsRepresentation(_BINARY):
        segmentation = slicer.vtkMRMLSegmentationNode()
        segmentation.GetSegmentation().DeepCopy(contents)
        segmentation.GetSegmentation().CreateRepresentation(_BINARY)
    labels = layers_on_grid(segmentation, scan, match_segments(contents).values)
    return _Pair(f"case_{number:03d}", f"person_{person:03d}", case.corrected, scan, labels)
