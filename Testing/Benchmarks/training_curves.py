"""Loss of every training that made the shipped models, over the steps.

    python Testing/Benchmarks/training_curves.py [--add NAME=JOBDIR ...]

`--add` keeps the curve of a job under results/curves. Draws all that are kept to pictures/training_curves.png.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from HeartSegTrainingLib.jobs.curves import read_curves
from HeartSegTrainingLib.jobs.job_folder import JobFolder

HERE = Path(__file__).parent
CURVES, PICTURE = HERE / "results" / "curves", HERE / "pictures" / "training_curves.png"
SMOOTH = 6
"""Lines of metrics.csv of which the mean is drawn."""


def draw(paths: list[Path]) -> None:
    """One panel for each training, on one scale of loss."""
    figure, axes = plt.subplots(1, len(paths), figsize=(3.6 * len(paths), 3.6), sharey=True, squeeze=False)
    for axis, path in zip(axes.flat, paths, strict=True):
        curve = json.loads(path.read_text("utf-8"))
        count = min(SMOOTH, len(curve["loss"]))
        smooth = np.convolve(curve["loss"], np.ones(count) / count, "valid")
        axis.plot(curve["step"], curve["loss"], color="#c8d3e0", lw=1)
        axis.plot(curve["step"][count - 1:], smooth, color="#1f5fa8", lw=2)
        minutes = curve["seconds"][-1] / 60
        axis.set_title(f"{path.stem}: {curve['step'][-1]:.0f} steps, {minutes:.0f} minutes", fontsize=9)
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("loss")
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--add", nargs="*", default=[], metavar="NAME=JOBDIR")
    args = parser.parse_args()
    CURVES.mkdir(parents=True, exist_ok=True)
    for name, folder in (text.split("=", 1) for text in args.add):
        rows = read_curves(JobFolder(Path(folder)))
        curve = {key: [float(row[key]) for row in rows] for key in ("step", "seconds", "loss", "learning_rate")}
        (CURVES / f"{name}.json").write_text(json.dumps(curve) + "\n", "utf-8")
    kept = sorted(CURVES.glob("*.json"))
    if not kept:
        raise SystemExit("There are no curves yet: give --add NAME=JOBDIR.")
    draw(kept)


if __name__ == "__main__":
    main()
