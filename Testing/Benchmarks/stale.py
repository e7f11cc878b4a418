"""Which stored results were measured with other models than those that ship now, and with which command to renew them.

    python Testing/Benchmarks/stale.py

A result from before a model was exchanged says nothing of the one that people get. Exits with 1 when there are any.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from machine import shipped_weights

RESULTS = Path(__file__).parent / "results"
OF_THE_MODELS = (
    "generated_hearts", "no_heart", "real_scans", "quality_levels", "trust_flagging", "orientations", "cta_speed",
    "beating_phantom", "click_to_surfaces", "gui_thread", "gui_thread_mesh", "subvoxel_surfaces", "generator_report")
"""Stored results that depend on the shipped weights."""
COMMANDS = {"gui_thread_mesh": "gui_thread.py"}
"""Scripts of those that are not named like theirs."""


def stale(folder: Path, shipped: dict[str, str]) -> dict[str, str]:
    """Name and state of each result that is missing or of other weights."""
    found = {}
    for name in OF_THE_MODELS:
        path = folder / f"{name}.json"
        if not path.exists():
            found[name] = "not measured yet"
            continue
        measured = json.loads(path.read_text("utf-8")).get("machine", {}).get("models", {})
        other = sorted(id for id in shipped if measured.get(id) != shipped[id])
        if other:
            found[name] = f"measured with other weights of {', '.join(other)}"
    return found


def main() -> None:
    found = stale(RESULTS, shipped_weights())
    for name, state in found.items():
        print(f"{name}: {state}; renew it with python Testing/Benchmarks/{COMMANDS.get(name, f'{name}.py')}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
