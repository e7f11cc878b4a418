"""The main path: one image in, the labels of its heart on the same grid out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
import torch

from HeartSeg3DLib.anatomy import WHOLE_HEART
from HeartSeg3DLib.errors import DeviceError, ModelError, UsageError
from HeartSeg3DLib.imaging.probabilities import ClassProbabilities

from .borders import cut_structures
from .cleanup import remove_islands
from .contrast import ALIKE, blood_looks_like_muscle
from .device import is_out_of_memory, release_memory
from .export import export_labels
from .finer_look import averaged_with_finer_look, finer_spacing_mm
from .frame import Volume, view_in_model_frame
from .intensity import rule_for
from .locate import Decision, Evidence, Finding, is_heart, locate, no_heart, with_labels
from .modality import Modality, find_modality
from .pose import AS_STORED, Pose, estimate_pose
from .progress import Monitor
from .runner import Runner
from .seen import FeatureSummary, Seen
from .verdict import Verdict
from .window import (
    QUALITIES,
    Box,
    Prediction,
    ReadyModel,
    plan_window,
    predict,
    training_side,
    world_box,
)

if TYPE_CHECKING:
    from HeartSeg3DLib.models import LoadedModel

_LARGEST_LABEL = 255

_CUT_CELLS = 12
"""Cells of a structure on a face of the window from which on the window is moved."""


@dataclass(frozen=True)
class HeartLabels:
    """The segmented heart of one image.

    Attributes:
        labels: Label map (uint8), exactly on the input's grid.
        warnings: Sentences for the user: what was assumed, given up or cut.
        modality: ``"ct"`` or ``"mr"``, given or read off the values.
        pose: How the scan was taken to lie in the patient.
        box_mm: Corners of the box around the located heart in the image's world frame: (x, y, z) lower and upper, LPS.
        seconds: Wall time of each step.
        evidence: What spoke for a heart (:class:`~HeartSeg3DLib.segmentation.locate.Evidence` as numbers).
        assumed_direction: Direction matrix of an assumed pose, rows one after the other; None when the header's was
            used.
        spacing_mm: Spacing at which the segmenter saw the heart.
        finer_spacing_mm: That of a second look; None where there was none.
        device: Where it ran in the end.
        seen: What the network said before its labels were written, where that was asked for.
        blood_unseen: Whether blood looks like muscle, as in CT without contrast medium.
        probabilities: How likely each voxel belongs to each structure, where that was asked for.
        trust: How far it can be trusted (:func:`HeartSeg3DLib.trust.judge`), None where nobody judged it.
    """

    labels: sitk.Image
    warnings: list[str]
    modality: str
    pose: str
    box_mm: tuple[tuple[float, float, float], tuple[float, float, float]]
    seconds: dict[str, float]
    evidence: dict[str, float] = field(default_factory=dict)
    assumed_direction: tuple[float, ...] | None = None
    spacing_mm: float = 0.0
    finer_spacing_mm: float | None = None
    device: str = "cpu"
    seen: Seen | None = None
    blood_unseen: bool = False
    probabilities: ClassProbabilities | None = None
    trust: Verdict | None = None


class Segmenter:
    """Segments any number of images with one pair of loaded models.

    Args:
        fine: The segmenter's model package.
        locator: The locator's model package.
        device: From :func:`~HeartSeg3DLib.segmentation.device.choose_device`.

    Raises:
        ModelError: The locator's thresholds are unknown, or label values do not fit into 8 bits.
    """

    def __init__(self, fine: LoadedModel, locator: LoadedModel, device: torch.device) -> None:
        if max(fine.card.labels) > _LARGEST_LABEL:
            raise ModelError(f"The model '{fine.card.id}' has label values above {_LARGEST_LABEL}.",
                             "Choose a model whose label values fit into 8 bits.")
        self._fine, self._locator = fine.card, locator.card
        self._decision = Decision.from_card(locator.card.conventions)
        self._fine_runner = Runner(fine.network, device)
        self._features = FeatureSummary(fine.network)
        self._locator_runner = Runner(locator.network, device)

    @property
    def device(self) -> torch.device:
        """Where the segmenter runs now; the CPU after the graphics card's memory ran out."""
        return self._fine_runner.device

    @torch.inference_mode()
    def segment(
        self,
        image: sitk.Image,
        modality: str | None = "auto",
        *,
        quality: str = "standard",
        orientation_known: bool = True,
        same_scan_as: HeartLabels | None = None,
        keep_seen: bool = False,
        progress: Callable[[float, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> HeartLabels:
        """Segment the heart of one image.

        Args:
            image: 3-D scalar image.
            modality: ``"ct"``, ``"mr"``, or ``"auto"``/None to read it off the values.
            quality: ``"fast"`` (1.5 times coarser), ``"standard"``, or ``"best"`` (averaged with a finer look).
            orientation_known: False when the header carries no orientation: the likely poses are then tried.
            same_scan_as: Result of another phase of the same scan, whose assumed pose is taken over.
            keep_seen: Whether the result keeps what the network said (`HeartLabels.seen`), some 10 MB.
            progress: Called with (fraction 0-1, stage).
            cancelled: Polled often; True stops the work.

        Raises:
            InputError: The image cannot be used, or no heart was found in it.
            ModelError: A model was not made for this modality.
            UsageError: An unknown quality or modality.
            DeviceError: Memory ran out everywhere.
            CancelledError: ``cancelled`` returned True.
        """
        if quality not in QUALITIES:
            raise UsageError(f"There is no quality '{quality}'.", f"Choose {', '.join(QUALITIES)}.")
        monitor = Monitor(progress, cancelled)
        clock = _Clock()
        assumed = _pose_of(same_scan_as) if same_scan_as and not orientation_known else None
        wanted = _Wanted(modality, quality, orientation_known, assumed, keep_seen)
        while True:
            try:
                return self._segment(image, wanted, monitor, clock)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            self._leave_device()

    def _segment(self, image: sitk.Image, wanted: _Wanted, monitor: Monitor, clock: _Clock) -> HeartLabels:
        monitor.step(0.0, "Preparing the image")
        volume = view_in_model_frame(image)
        kind = find_modality(volume.array, wanted.modality)
        fine = ReadyModel(self._fine_runner, self._fine, rule_for(self._fine.intensity, kind.name), kind.offset)
        rule = rule_for(self._locator.intensity, kind.name)
        locator = ReadyModel(self._locator_runner, self._locator, rule, kind.offset)
        clock.lap("prepare")
        assumed = wanted.assumed
        if not wanted.orientation_known:
            assumed = assumed or self._find_pose(image, fine, locator, monitor)
            volume = view_in_model_frame(image, assumed.direction)
            clock.lap("pose")
        pose = assumed.text if assumed else AS_STORED
        finding = locate(locator, volume, self._decision, monitor.part(0.1, 0.2, "Locating the heart"))
        clock.lap("locate")
        if finding.box is None or not is_heart(finding.evidence, self._decision):
            raise no_heart()
        prediction, features = self._look(fine, volume, finding.box, wanted.quality, monitor)
        clock.lap("network")
        labels, voxels, evidence, winner = self._label(image, volume, finding, prediction, monitor, clock)
        seen = Seen(prediction, winner, volume, tuple(self._fine.labels), features) if wanted.seen else None
        warnings = self._warnings(kind, pose, wanted.orientation_known)
        warnings += cut_structures(voxels, volume, wanted.orientation_known)
        blood_unseen = kind.name == "ct" and blood_looks_like_muscle(voxels, volume)
        warnings += [ALIKE] if blood_unseen else []
        clock.lap("borders")
        monitor.step(1.0, "Done")
        return HeartLabels(
            labels=labels,
            warnings=warnings,
            modality=kind.name,
            pose=pose,
            box_mm=world_box(image, volume, finding.box),
            seconds=clock.seconds,
            evidence=evidence.to_dict(),
            assumed_direction=tuple(assumed.direction.ravel().tolist()) if assumed else None,
            spacing_mm=prediction.sampled_at_mm,
            finer_spacing_mm=finer_spacing_mm(prediction) if wanted.quality == "best" else None,
            device=str(self._fine_runner.device),
            seen=seen,
            blood_unseen=blood_unseen,
        )

    def _label(
        self,
        image: sitk.Image,
        volume: Volume,
        finding: Finding,
        prediction: Prediction,
        monitor: Monitor,
        clock: _Clock,
    ) -> tuple[sitk.Image, np.ndarray, Evidence, torch.Tensor]:
        """Clean up, check the finding once more against the labels, and bring them onto the image's grid."""
        monitor.step(0.75, "Cleaning up")
        winner = remove_islands(prediction.log_probabilities, prediction.inside)
        evidence = with_labels(finding, winner > 0, prediction.grid)
        if not is_heart(evidence, self._decision):
            raise no_heart()
        clock.lap("clean_up")
        step = monitor.part(0.78, 0.98, "Writing labels onto the image")
        labels, voxels = export_labels(image, volume, prediction, winner, self._fine.labels, step)
        clock.lap("export")
        return labels, voxels, evidence, winner

    def _find_pose(
        self, image: sitk.Image, fine: ReadyModel, locator: ReadyModel, monitor: Monitor
    ) -> Pose:
        return estimate_pose(
            sitk.GetArrayViewFromImage(image),
            np.array(image.GetSpacing()),
            np.array(image.GetDirection()).reshape(3, 3),
            fine,
            locator,
            self._decision,
            monitor.part(0.02, 0.1, "Finding the pose of the scan"),
        )

    def _look(self, fine: ReadyModel, volume: Volume, box: Box, quality: str,
              monitor: Monitor) -> tuple[Prediction, np.ndarray | None]:
        """Run the fine network around a box, and once more around what it found if the window cut a structure.

        Returns:
            What it said, for quality "best" averaged with a finer look, and the summary of its maps without that look.
        """
        side = training_side(self._fine.window_voxels, quality)
        lower, upper = volume.extent()
        self._features.start()
        first = plan_window(box, self._fine.spacing_mm, self._fine.window_voxels, quality)
        prediction = predict(fine, volume, first, side, monitor.part(0.2, 0.4, "Segmenting"))
        if (found := _cut_by_window(prediction, self._fine.labels, lower, upper)) is not None:
            self._features.start()
            box = found.grown(self._decision.margin_mm)
            grid = plan_window(box, self._fine.spacing_mm, self._fine.window_voxels, quality)
            prediction = predict(fine, volume, grid, side, monitor.part(0.4, 0.5, "Segmenting the whole heart"))
        features = self._features.vector()
        if quality == "best":
            step = monitor.part(0.5, 0.75, "Segmenting on finer voxels")
            prediction = averaged_with_finer_look(fine, volume, prediction, step)
        return prediction, features

    def _leave_device(self) -> None:
        """Go on with the CPU after memory ran out outside the networks."""
        device = self._fine_runner.device
        if device.type == "cpu":
            raise DeviceError("There is not enough memory to segment this image.",
                              "Close other programs or use a computer with more memory.")
        self._fine_runner.move_to_cpu()
        self._locator_runner.move_to_cpu()
        release_memory(device)

    def _warnings(self, kind: Modality, pose: str, orientation_known: bool) -> list[str]:
        found = list(kind.warnings)
        if not orientation_known:
            found.append(f"The file does not say how the patient lay. Assumed pose: {pose}. "
                         "Check that the structures lie where you expect them.")
        for runner in (self._locator_runner, self._fine_runner):
            found += [text for text in runner.warnings if text not in found]
        return found


@dataclass(frozen=True)
class _Wanted:
    """What is asked of one image: the arguments of `Segmenter.segment`, and the pose if it is known already."""

    modality: str | None
    quality: str
    orientation_known: bool
    assumed: Pose | None
    seen: bool


class _Clock:
    """Wall time of named steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now


def _pose_of(other: HeartLabels) -> Pose | None:
    if other.assumed_direction is None:
        return None
    return Pose(np.array(other.assumed_direction).reshape(3, 3), other.pose)


def _cut_by_window(
    prediction: Prediction, labels: Sequence[int], lower: np.ndarray, upper: np.ndarray
) -> Box | None:
    """Return the box around everything labeled when a face of the window cuts a structure inside the field of view."""
    winner = prediction.log_probabilities.argmax(0).masked_fill_(~prediction.inside, 0)
    values = torch.tensor(labels, device=winner.device)[winner].cpu().numpy()
    heart = np.isin(values, WHOLE_HEART)
    grid = prediction.grid
    cut = False
    for axis in range(3):
        for end, beyond in ((0, grid.lower[axis] > lower[axis]), (-1, grid.upper[axis] < upper[axis])):
            cut = cut or bool(beyond and np.take(heart, end, axis).sum() >= _CUT_CELLS)
    if not cut:
        return None
    where = np.argwhere(heart)
    start = np.array(grid.start)
    return Box(start + (where.min(0) - 0.5) * grid.spacing, start + (where.max(0) + 0.5) * grid.spacing)
