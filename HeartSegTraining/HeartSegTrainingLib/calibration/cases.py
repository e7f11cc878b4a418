"""Held-out generated hearts with faults, segmented and compared: one small file for each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.errors import CancelledError, DeviceError, HeartSegError, UsageError
from HeartSeg3DLib.segmentation.frame import view_in_model_frame
from HeartSeg3DLib.trust.evidence import heart_region
from HeartSeg3DLib.trust.geometry import Geometry, Wall, geometry_of
from HeartSegTrainingLib.evaluation.overlap import dice

from .shifts import Shift, Shifted

if TYPE_CHECKING:
    from HeartSeg3DLib.segmentation import HeartLabels, Segmenter
    from HeartSeg3DLib.segmentation.seen import Seen
    from HeartSegTrainingLib.generator import Sampler

SLIVER_ML = 3.0
"""Structures of which less is in view are not scored."""

MODES = ("ct_contrast", "ct_plain", "mr_bright", "mr_dark", "random")
WINDOW, SPACING_MM = 176, 1.5
_FLOOR = -30.0
_WITHOUT_SHIFT = "none"


@dataclass(frozen=True)
class Case:
    """What is kept of one segmented scan.

    Attributes:
        shift: Fault of the image, `none` for an ordinary one.
        refused: Why there was no result, else empty; nothing else is known then.
        dice: Dice of each structure by id; structures of which less than 3 mL are in view and that got no label, or
            got some of their sliver, are missing.
        features: (F,) of the network.
        log_probabilities: (C, Z, Y, X) float16 around the labeled cells.
        winner: (Z, Y, X) winning channel.
        inside: (Z, Y, X) cells in the field of view.
        truth: (Z, Y, X) true label value of each cell.
        labels: Label value of each channel.
        geometry: Of the result.
    """

    shift: str
    refused: str
    dice: dict[str, float]
    features: NDArray[np.float32]
    log_probabilities: NDArray[np.float16]
    winner: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    truth: NDArray[np.uint8]
    labels: tuple[int, ...]
    geometry: Geometry


@dataclass(frozen=True)
class Plan:
    """Which case is made how; equal plans make equal cases.

    Attributes:
        seed: Of everything.
        clean_every: Every so many cases stay without a fault.
        shifts: Names of the faults, which take turns.
        weights: SHA-256 of the models' weights.
    """

    seed: int
    clean_every: int
    shifts: tuple[str, ...]
    weights: tuple[str, ...]

    def shift_of(self, index: int) -> str:
        """Name of the fault of a case."""
        if index % self.clean_every == 0:
            return _WITHOUT_SHIFT
        return self.shifts[(index - index // self.clean_every - 1) % len(self.shifts)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"seed": self.seed, "clean_every": self.clean_every, "shifts": list(self.shifts),
                "weights": list(self.weights)}


def make_scan(sampler: Sampler, shifts: Mapping[str, Shift], plan: Plan, index: int, scenes: int) -> Shifted:
    """Make the scan of a case, the same at every call."""
    rng = np.random.default_rng((plan.seed, index))
    mode = str(rng.choice(MODES, p=(0.3, 0.2, 0.3, 0.05, 0.15)))
    scan = sampler.scan(rng, mode=mode, scene=int(rng.integers(scenes)))
    outside = -1024.0 if scan.modality == "ct" else 0.0
    image = np.where(scan.inside.numpy(), scan.image.numpy(), np.float32(outside)).astype(np.float32)
    made = Shifted(image, scan.labels.numpy(), (SPACING_MM,) * 3, scan.modality)
    name = plan.shift_of(index)
    return made if name == _WITHOUT_SHIFT else shifts[name](made, rng)


def measure_case(segmenter: Segmenter, scan: Shifted, shift: str) -> Case:
    """Segment a scan and compare.

    Raises:
        DeviceError, CancelledError: As they say; another refusal makes a case without a result.
    """
    image, reference = sitk.GetImageFromArray(scan.image), sitk.GetImageFromArray(scan.labels)
    for item in (image, reference):
        item.SetSpacing(scan.spacing[::-1])
    try:
        heart = segmenter.segment(image, scan.modality, keep_seen=True)
    except (CancelledError, DeviceError):
        raise
    except HeartSegError as error:
        return _refused(shift, error.message)
    return _compared(heart, reference, shift)


def _refused(shift: str, reason: str) -> Case:
    empty = np.zeros((0, 0, 0), np.uint8)
    return Case(shift, reason, {}, np.zeros(0, np.float32), np.zeros((0, 0, 0, 0), np.float16), empty, empty > 0,
                empty, (), Geometry({}, {}, {}, {}, {}, None))


def _compared(heart: HeartLabels, reference: sitk.Image, shift: str) -> Case:
    seen = heart.seen
    assert seen is not None  # it was asked for
    found, true = sitk.GetArrayViewFromImage(heart.labels), sitk.GetArrayViewFromImage(reference)
    voxel = float(np.prod(reference.GetSpacing())) / 1000.0
    scores = {}
    for value in WHOLE_HEART:
        mask, truth = found == value, true == value
        if truth.sum() * voxel < SLIVER_ML and (truth.any() or mask.sum() * voxel < SLIVER_ML):
            continue
        score = dice(mask, truth)
        if score is not None:
            scores[STRUCTURES[value].id] = score
    region = heart_region(seen.winner) or (slice(0, 1),) * 3
    kept = seen.prediction.log_probabilities[(slice(None), *region)].clamp_min(_FLOOR)
    features = np.zeros(0, np.float32) if seen.features is None else seen.features
    return Case(shift, "", scores, features, kept.cpu().numpy().astype(np.float16),
                seen.winner[region].cpu().numpy().astype(np.uint8), seen.prediction.inside[region].cpu().numpy(),
                _truth_of_cells(seen, reference, region), seen.labels, geometry_of(view_in_model_frame(heart.labels)))


def _truth_of_cells(seen: Seen, reference: sitk.Image, region: tuple[slice, ...]) -> NDArray[np.uint8]:
    """Return the true label at the middle of each cell; the generated scans lie along the axes of the model frame."""
    volume, grid = view_in_model_frame(reference), seen.prediction.grid
    picks = []
    for axis, part in enumerate(region):
        position = grid.start[axis] + grid.spacing * np.arange(part.start, min(part.stop, grid.shape[axis]))
        picks.append(np.clip(np.rint(position / volume.spacing[axis]).astype(int), 0, volume.shape[axis] - 1))
    return np.ascontiguousarray(volume.array[np.ix_(*picks)]).astype(np.uint8)


def save_case(path: Path, case: Case, plan: Plan, index: int) -> None:
    """Write a case under its name only when it is complete."""
    from safetensors.numpy import save

    said = {"plan": plan.to_dict(), "index": index, "shift": case.shift, "refused": case.refused, "dice": case.dice,
            "labels": list(case.labels), "geometry": _geometry_to_dict(case.geometry)}
    data = save({"features": case.features, "log_probabilities": case.log_probabilities, "winner": case.winner,
                 "inside": case.inside.astype(np.uint8), "truth": case.truth}, metadata={"case": json.dumps(said)})
    temporary = path.with_suffix(".part")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def load_case(path: Path, plan: Plan, index: int) -> Case:
    """Read what `save_case` wrote.

    Raises:
        UsageError: The file is damaged, or holds a case of another plan.
    """
    from safetensors import SafetensorError, safe_open

    remedy = "Name another folder with --work, or remove this one."
    try:
        with safe_open(str(path), framework="numpy") as file:
            said = json.loads(file.metadata()["case"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if (said["plan"], said["index"]) != (json.loads(json.dumps(plan.to_dict())), index):
            raise UsageError(f"{path} was made with other weights or settings.", remedy)
        return Case(said["shift"], said["refused"], said["dice"], arrays["features"], arrays["log_probabilities"],
                    arrays["winner"], arrays["inside"] > 0, arrays["truth"], tuple(said["labels"]),
                    _geometry_from_dict(said["geometry"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is no case of a calibration.", remedy) from error


def existing_cases(folder: Path, plan: Plan, count: int) -> Iterator[tuple[int, Case]]:
    """Yield the cases of a plan that are there, of the first `count`."""
    for index in range(count):
        path = case_file(folder, index)
        if path.exists():
            yield index, load_case(path, plan, index)


def case_file(folder: Path, index: int) -> Path:
    """Where a case is kept."""
    return folder / f"case_{index:04d}.safetensors"


def _geometry_to_dict(geometry: Geometry) -> dict[str, Any]:
    wall = geometry.wall
    return {**vars(geometry), "contacts_mm2": [[*pair, area] for pair, area in geometry.contacts_mm2.items()],
            "wall": None if wall is None else vars(wall)}


def _geometry_from_dict(values: Mapping[str, Any]) -> Geometry:
    wall = values["wall"]
    return Geometry(values["volumes_ml"], values["pieces_ml"],
                    {id: tuple(center) for id, center in values["centers_mm"].items()},
                    {(one, other): area for one, other, area in values["contacts_mm2"]}, values["cut"],
                    None if wall is None else Wall(**wall), values["widths_mm"])
