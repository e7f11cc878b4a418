"""From a model package to its trust file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import CancelledError, UsageError
from HeartSeg3DLib.imaging import replacing
from HeartSeg3DLib.trust import TRUST_FILE, TrustModel

from .cases import MODES, SPACING_MM, WINDOW, Case, Plan, case_file, load_case, make_scan, measure_case, save_case
from .risk_fit import Rows, fit_risk, rows_of
from .shifts import SHIFTS, Shift
from .temperature import calibration_error, fit_temperature, sampled_cells
from .unusual_fit import FEWEST, fit_unusual

if TYPE_CHECKING:
    from HeartSeg3DLib.models import LoadedModel
    from HeartSegTrainingLib.generator import Sampler

CLEAN_EVERY = 4
FEWEST_CASES = FEWEST * CLEAN_EVERY
_CASES_PER_SCENE = 10
_ORDINARY_SEED = 400
"""Added to the seed, for the scans by which unusual images are known."""
_MEASURED, _SCENES = 0.97, 0.25
_NORMALLY: Callable[[float, str], None] = lambda fraction, stage: None  # noqa: E731


@dataclass(frozen=True)
class CalibrationRequest:
    """What to calibrate, and with how much work.

    Attributes:
        model: Package folder of the segmenter.
        out: Folder of the trust file.
        work: Folder in which scenes and cases are kept; a run that was interrupted goes on there.
        cases: Number of generated scans with and without faults, and of others without.
        seed: Of the scans.
        device: Where the networks run.
        force: Whether a trust file may be replaced.
    """

    model: Path
    out: Path
    work: Path
    cases: int = 160
    seed: int = 7100
    device: str = "auto"
    force: bool = False


def calibrate(request: CalibrationRequest, *, progress: Callable[[float, str], None] = _NORMALLY,
              cancelled: Callable[[], bool] = lambda: False,
              writing: Callable[[], AbstractContextManager[None]] = nullcontext) -> tuple[Path, TrustModel]:
    """Segment held-out generated hearts with faults, fit what their errors tell, and write the trust file.

    Returns:
        The trust file and what is in it.

    Raises:
        UsageError: A trust file is there and may not be replaced, the number of cases is too small, or the work
            folder holds other cases.
        ModelError, DeviceError: The models cannot be used.
        CancelledError: `cancelled` returned True; finished cases are kept.
    """
    from HeartSeg3DLib.models import ModelStore, load_package
    from HeartSeg3DLib.segmentation import Segmenter, choose_device

    path = check_request(request)
    progress(0.0, "Loading the models")
    fine = load_package(request.model)
    if fine.card.role != "segmenter":
        raise UsageError(f"The model '{fine.card.id}' only finds the heart and does not segment it.",
                         "Give a segmenter.")
    store = ModelStore()
    locator = load_package(store.default("locator").folder)
    plan = plan_of(request.seed, fine, locator, SHIFTS)
    segmenter = Segmenter(fine, locator, choose_device(request.device))
    cases = make_cases(segmenter, plan, SHIFTS, request.work, request.cases,
                       progress=lambda done, stage: progress(0.5 * done, stage), cancelled=cancelled)
    ordinary = make_cases(segmenter, ordinary_plan(plan), SHIFTS, request.work / "ordinary", request.cases,
                          progress=lambda done, stage: progress(0.5 + 0.5 * done, f"{stage} without faults"),
                          cancelled=cancelled)
    progress(_MEASURED, "Fitting")
    made = fit(cases, ordinary, (fine.card.sha256, *fine.card.members), {"cases": request.cases, "seed": request.seed})
    with writing():
        if cancelled():
            raise CancelledError("The calibration was cancelled.", "Its finished cases are kept; run it again.")
        with replacing(path) as temporary:
            temporary.write_text(made.to_json(), encoding="utf-8")
    progress(1.0, "Done")
    return path, made


def check_request(request: CalibrationRequest) -> Path:
    """Return where the trust file goes, after making sure before any work that it may go there.

    Raises:
        UsageError: It may not, or there are too few cases.
    """
    path = request.out / TRUST_FILE
    if path.exists() and not request.force:
        raise UsageError(f"{path} exists already.", "Give --force to replace it, or another folder with -o.")
    if request.cases < FEWEST_CASES:
        raise UsageError(f"{request.cases} cases are too few.", f"Give {FEWEST_CASES} or more; 160 is usual.")
    if not request.out.is_dir():
        raise UsageError(f"The folder {request.out} does not exist.", "Make it first, or choose another with -o.")
    return path


def plan_of(seed: int, fine: LoadedModel, locator: LoadedModel, shifts: Mapping[str, Shift]) -> Plan:
    """Return how the cases of two models are made."""
    cards = (fine.card, locator.card)
    return Plan(seed, CLEAN_EVERY, tuple(shifts), tuple(one for card in cards for one in (card.sha256, *card.members)))


def ordinary_plan(plan: Plan) -> Plan:
    """Return the plan of other cases, all without a fault: those by which unusual images are known."""
    return replace(plan, seed=plan.seed + _ORDINARY_SEED, clean_every=1)


def make_cases(segmenter: Any, plan: Plan, shifts: Mapping[str, Shift], work: Path, count: int, *,
               progress: Callable[[float, str], None] = _NORMALLY,
               cancelled: Callable[[], bool] = lambda: False) -> list[Case]:
    """Make the first cases of a plan, or read those that are there.

    Raises:
        UsageError: The folder holds cases of another plan.
        CancelledError: `cancelled` returned True.
    """
    work.mkdir(parents=True, exist_ok=True)
    cases: list[Case] = []
    sampler: Sampler | None = None
    scenes = -(-count // _CASES_PER_SCENE)
    for index in range(count):
        if cancelled():
            raise CancelledError("The calibration was cancelled.", "Its finished cases are kept; run it again.")
        path = case_file(work, index)
        if path.exists():
            cases.append(load_case(path, plan, index))
            continue
        sampler = sampler or make_sampler(work / "scenes", scenes, plan.seed, progress, cancelled)
        progress(_SCENES + (_MEASURED - _SCENES) * index / count, f"Case {index + 1} of {count}")
        case = measure_case(segmenter, make_scan(sampler, shifts, plan, index, scenes), plan.shift_of(index))
        save_case(path, case, plan, index)
        cases.append(load_case(path, plan, index))  # with the precision that a run that goes on will read
    return cases


def make_sampler(folder: Path, count: int, seed: int, progress: Callable[[float, str], None],
                 cancelled: Callable[[], bool]) -> Sampler:
    """Prepare scenes of the parameter region that no model is trained on, and return what draws scans from them."""
    from HeartSegTrainingLib.generator import NARROW, Sampler, SamplerConfig, Scene, prepare_scenes
    from HeartSegTrainingLib.generator.deformation import Deformation

    scenes = []
    for number, path in enumerate(prepare_scenes(folder, count, seed, {}, NARROW, held_out=True)):
        if cancelled():
            raise CancelledError("The calibration was cancelled.", "Its finished scenes are kept; run it again.")
        progress(_SCENES * number / count, f"Scene {number + 1} of {count}")
        scenes.append(Scene.load(path))
    config = SamplerConfig(window=WINDOW, spacing=SPACING_MM, cut=0.1, deformation=Deformation(shift=(8, 8, 8)))
    return Sampler(scenes, config)


def fit(cases: Sequence[Case], ordinary: Sequence[Case], weights: tuple[str, ...],
        settings: Mapping[str, Any]) -> TrustModel:
    """Fit all that a trust file holds on measured cases.

    Args:
        cases: With and without faults: what errors are learned from.
        ordinary: Others, all without faults: by these unusual images are known.
        weights: SHA-256 of the segmenter's weights files.
        settings: How they were made, for the record.

    Raises:
        UsageError: They are too few, or too few of their structures are bad.
    """
    done = [case for case in cases if not case.refused and case.features.size]
    log_probabilities, truth = sampled_cells(done, 1)
    temperature = fit_temperature(log_probabilities, truth)
    unusual = fit_unusual(np.stack([case.features for case in ordinary if not case.refused]))
    rows = rows_of(done, temperature, unusual)
    risk, unseen = fit_risk(rows)
    record = {**settings, "modes": list(MODES), "shifts": sorted({case.shift for case in cases}),
              "refused": sum(bool(case.refused) for case in cases), "software": f"HeartSeg {__version__}",
              "calibration_error_before": round(calibration_error(log_probabilities, truth, 1.0), 4),
              "calibration_error_after": round(calibration_error(log_probabilities, truth, temperature), 4),
              **_figures(rows, unseen, risk.amber, risk.red)}
    made = TrustModel(weights, temperature, unusual, risk, record)
    return TrustModel.from_json(made.to_json())


def _figures(rows: Rows, risk: np.ndarray, amber: float, red: float) -> dict[str, Any]:
    """What the thresholds do on cases that the fit did not see."""
    return {"structures": len(rows.bad), "bad": int(rows.bad.sum()),
            "bad_flagged": round(float((risk[rows.bad] >= amber).mean()), 4),
            "good_flagged": round(float((risk[~rows.bad] >= amber).mean()), 4),
            "red_that_are_bad": round(float(rows.bad[risk >= red].mean()), 4) if (risk >= red).any() else None}
