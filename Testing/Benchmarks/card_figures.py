"""Write what was measured of the shipped models into their cards.

    python Testing/Benchmarks/card_figures.py

Takes the stored results of generated_hearts, real_scans, quality_levels, trust_flagging, beating_phantom and no_heart,
and refuses those of other weights.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from machine import shipped_weights
from stale import stale

ROOT = Path(__file__).parents[2]
RESULTS, MODELS = ROOT / "Testing" / "Benchmarks" / "results", ROOT / "Resources" / "Models"
USED = ("generated_hearts", "real_scans", "quality_levels", "trust_flagging", "beating_phantom", "no_heart")


def result(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def of_the_segmenter() -> dict[str, Any]:
    """Accuracy, trust and quality levels."""
    modes, real, flags = result("generated_hearts")["modes"], result("real_scans")["cases"], result("trust_flagging")
    cine = result("beating_phantom")["real_cine"]
    return {
        "held_out_generated_mean_dice": {mode: round(row["mean_dice"], 3) for mode, row in modes.items()},
        "held_out_generated_hd95_mm": {mode: round(row["mean_hd95_mm"], 1) for mode, row in modes.items()},
        "held_out_generated_dice": {mode: {id: round(value, 3) for id, value in row["dice"].items()}
                                    for mode, row in modes.items()},
        "real_cine_mr_dice": {name: case["dice"] for name, case in real.items() if "dice" in case},
        "real_cine_4d_ejection_fraction_percent": {"found": cine["segmented_automatic_percent"],
                                                   "reference": cine["reference_percent"]},
        "bad_structures_flagged": flags["bad_flagged"], "good_structures_flagged": flags["good_flagged"],
        "calibration_error": flags["calibration_error_after"],
        "quality_levels": {kind: {level: {key: row[key] for key in ("dice", "hd95_mm", "times_standard")}
                                  for level, row in levels.items()}
                           for kind, levels in result("quality_levels")["summary"].items()},
        "seeds": 1, "measured_by": ", ".join(f"{name}.py" for name in USED[:-1]) + " in Testing/Benchmarks"}


def of_the_locator() -> dict[str, Any]:
    """How often it invents a heart, and misses one."""
    found = result("no_heart")
    return {"no_heart_invented_percent": found["invented_percent"],
            "part_of_heart_missed_percent": found["missed_percent"], "volumes_each": found["cases_each"],
            "measured_by": "Testing/Benchmarks/no_heart.py"}


def main() -> None:
    if other := sorted(set(stale(RESULTS, shipped_weights())) & set(USED)):
        raise SystemExit(f"Measure first with the models that ship: {', '.join(other)}.")
    for id, figures in (("tiny", of_the_segmenter()), ("nano", of_the_locator())):
        path = MODELS / id / "model.json"
        card = json.loads(path.read_text("utf-8"))
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps({**card, "figures": figures}, indent=2) + "\n", "utf-8")
        os.replace(temporary, path)


if __name__ == "__main__":
    main()
