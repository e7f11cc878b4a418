"""How often a badly segmented structure is flagged, and how often a good one, on faults that no trust was fitted on.

    python Testing/Benchmarks/trust_flagging.py [--model ID|DIR] [--cases 80] [--seed 8300]

Held-out generated hearts with other seeds, in other bodies and with other kinds of faults (`trust_shifts.py`) than
`heartseg train calibrate` uses; every fourth has none. Bad is a Dice below 0.7; a structure is flagged when its risk
is amber or red. Structures that got no label although 3 mL or more of them are in view count as bad, flagged when
they are marked as missing. The colors that a person sees are counted, too: there a structure is also amber when the
border of the scan cuts it or something about it is not plausible, which need not mean that it is badly segmented.
So is how well the score of being unusual tells scans with a fault, or with a bad structure, from others.
Cases are kept in work/benchmarks; an interrupted run goes on. Stores results/trust_flagging.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine
from trust_shifts import OTHER_SHIFTS

from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSeg3DLib.trust import Mark, TrustModel, read_trust
from HeartSeg3DLib.trust.judge import UNUSUAL_PERCENTILE, opinion_of
from HeartSeg3DLib.trust.judge import marks_of as marks_of_case
from HeartSeg3DLib.trust.plausibility import findings
from HeartSegTrainingLib.calibration.calibrate import make_cases, plan_of
from HeartSegTrainingLib.calibration.cases import Case
from HeartSegTrainingLib.calibration.temperature import calibration_error, sampled_cells

RESULTS = Path(__file__).parent / "results"
WORK = Path(__file__).parents[2] / "work/benchmarks"
BAD_DICE = 0.7


def flags_of(cases: Sequence[Case], trust: TrustModel) -> list[dict[str, object]]:
    """One row for each scored structure: its Dice, its mark, and whether it is flagged."""
    rows: list[dict[str, object]] = []
    for number, case in enumerate(cases):
        if case.refused:
            continue
        marks = {mark.id: mark for mark in marks_of(case, trust)}
        for id, dice in case.dice.items():
            mark = marks[id]
            missing = mark.risk is None
            rows.append({"case": number, "shift": case.shift, "id": id, "dice": dice, "bad": dice < BAD_DICE,
                         "flagged": mark.level == "amber" if missing else mark.risk >= trust.risk.amber,
                         "missing": missing, "level": mark.level})
    return rows


def marks_of(case: Case, trust: TrustModel) -> tuple[Mark, ...]:
    """The marks of a kept case, as `judge` gives them for a scan, but that nobody asks whether blood can be seen: in CT
    without contrast more cavities and walls of the left ventricle are amber for a user."""
    found = findings(case.geometry)
    opinion = opinion_of(torch.from_numpy(case.log_probabilities.astype(np.float32)),
                         torch.from_numpy(case.winner.astype(np.int64)), torch.from_numpy(case.inside), case.labels,
                         case.features, trust, case.geometry, found)
    return marks_of_case(case.geometry, found, opinion, trust)


def unusual(cases: Sequence[Case], trust: TrustModel) -> dict[str, object]:
    """How well the image's score tells scans with a fault from others, and scans with a bad structure."""
    seen = [case for case in cases if not case.refused]
    distances = np.array([trust.unusual.distance(case.features) for case in seen])
    called = np.array([trust.unusual.percentile(distance) >= UNUSUAL_PERCENTILE for distance in distances])
    found: dict[str, object] = {}
    for name, true in (("with_a_fault", [case.shift != "none" for case in seen]),
                       ("with_a_bad_structure", [min(case.dice.values(), default=1.0) < BAD_DICE for case in seen])):
        of = np.array(true)
        ranks = distances[of][:, None] > distances[~of][None]
        found[name] = {"scans": int(of.sum()), "called_unusual": round(float(called[of].mean()), 3),
                       "others_called_unusual": round(float(called[~of].mean()), 3),
                       "area_under_curve": round(float(ranks.mean()), 3)}
    return found


def share(rows: Sequence[dict[str, object]], key: str = "flagged") -> float | None:
    """Share of rows of which something is true."""
    return round(float(np.mean([bool(row[key]) for row in rows])), 4) if rows else None


def summary(rows: Sequence[dict[str, object]]) -> dict[str, object]:
    """What was flagged among bad and good structures."""
    bad, good = ([row for row in rows if row["bad"] is wanted] for wanted in (True, False))
    colored = [{**row, "colored": row["level"] in ("amber", "red")} for row in good]
    red = [row for row in rows if row["level"] == "red"]
    worst, best = ([row for row in rows if low <= row["dice"] < high] for low, high in ((0.0, 0.5), (0.8, 1.1)))
    return {"structures": len(rows), "bad": len(bad), "bad_flagged": share(bad), "good_flagged": share(good),
            "below_half": len(worst), "below_half_flagged": share(worst),
            "from_0.8": len(best), "from_0.8_flagged": share(best),
            "good_amber_or_red_for_any_reason": share(colored, "colored"), "red_that_are_bad": share(red, "bad")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="")
    parser.add_argument("--trust", type=Path, default=None, help="folder of the trust file, if not the model's own")
    parser.add_argument("--cases", type=int, default=80)
    parser.add_argument("--seed", type=int, default=8300)
    parser.add_argument("--work", type=Path, default=None)
    parser.add_argument("--only-cases", action="store_true", help="make the cases and judge none of them")
    args = parser.parse_args()
    torch.set_num_threads(1)
    store = ModelStore()
    package = store.resolve(args.model) if args.model else store.default("segmenter")
    fine, locator = store.load(args.model or package.card.id), store.load(store.default("locator").card.id)
    plan = plan_of(args.seed, fine, locator, OTHER_SHIFTS)
    work = args.work or WORK / f"trust_{fine.card.sha256[:12]}_{args.seed}"
    cases = make_cases(Segmenter(fine, locator, choose_device("cpu")), plan, OTHER_SHIFTS, work, args.cases,
                       progress=lambda fraction, stage: print(f"{100 * fraction:.0f} % {stage}", flush=True))
    if args.only_cases:
        return
    weights = (fine.card.sha256, *fine.card.members)
    trust = read_trust(args.trust or package.folder, weights)
    if trust is None:
        raise SystemExit("The model has no trust file: run `heartseg train calibrate` first.")
    rows = flags_of(cases, trust)
    log_probabilities, truth = sampled_cells([case for case in cases if not case.refused], 2)
    found = summary(rows)
    results = {
        "model": fine.card.id, "sha256": fine.card.sha256, "cases": len(cases), "seed": args.seed,
        "refused": sum(bool(case.refused) for case in cases), **found,
        "aims": {"bad_flagged": 0.9, "good_flagged": 0.1},
        "reached": {"bad_flagged": (found["bad_flagged"] or 0) >= 0.9,
                    "good_flagged": (found["good_flagged"] or 0) <= 0.1},
        "temperature": trust.temperature,
        "calibration_error_before": round(calibration_error(log_probabilities, truth, 1.0), 4),
        "calibration_error_after": round(calibration_error(log_probabilities, truth, trust.temperature), 4),
        "shifts": {name: summary([row for row in rows if row["shift"] == name]) for name in ("none", *OTHER_SHIFTS)},
        "unusual": unusual(cases, trust),
        "missed": [{key: row[key] for key in ("case", "shift", "id")} | {"dice": round(float(row["dice"]), 3)}
                   for row in rows if row["bad"] and not row["flagged"]],
        "machine": describe_machine(),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "trust_flagging.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps({key: results[key] for key in (*found, "calibration_error_before", "calibration_error_after")}))


if __name__ == "__main__":
    main()
