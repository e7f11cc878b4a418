"""Do the monitors of self-supervision stop a run that collapses, and leave alone one that does not?

    python Testing/Benchmarks/collapse_drill.py [--steps 200] [--seeds 5] [--hearts 64] [--processes 2]

The network nano with its mLSTM blocks learns from views of 32 voxels of generated hearts (3.5 mm, CT and MR), with
each kind of centring: that of the method ("batch"), Sinkhorn, equation (6) of the paper as printed ("literal"), and
none. All else is the same. The engine runs each as a job, of which these are the first steps; what stops it is the
collapse guard that every job has, with its defaults. To see in few steps what happens to small batches, the teacher
follows faster (momentum 0.9) and there are fewer prototypes than by default. "Information" is what a target tells about
which image it belongs to, in nats: 0 after a collapse of any kind.

A call without options makes all 20 rows anew: about 2,800 steps of 0.2 s of one core each, so a quarter of an hour on
two free cores, and an hour or more on busy ones. A call for some of them (--centrings, --seeds) replaces these and
keeps the others of results/collapse_drill.json if they were made with the same settings, steps and hearts; it is
refused, before it has cost anything, if they were not. Each row names the state of the code and the machine's load it
was made with. Prints a table, and which rows are of another state of the code.

Sinkhorn is not stopped in 200 steps and is no proof of health: targets may lose nearly all information by then. That
is no fault of the scaling. A target is sharper than the student's answer by the ratio of the temperatures (0.1 / 0.04),
and what of it the other view cannot tell averages out, so that differences grow only where both views share more than
0.4 of them; a fresh network's logits share about none of it here (12 samples: within chance of 0), and equal shares for
256 prototypes over 16 views are met best by saying nothing. The running center drifts, which counts as information too.
The guard ends such a run once it has held for 500 steps, longer than this drill.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine, load
from safetensors.numpy import load_file, save_file

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.augmentation import Volume, volume
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.generator.training_data import GeneratedData
from HeartSegTrainingLib.pretraining import CollapseError, PretrainConfig, PretrainTask
from HeartSegTrainingLib.pretraining.seen import Seen
from HeartSegTrainingLib.pretraining.sources import Labelled

RESULTS = Path(__file__).parent / "results"
HORIZON = 10_000
"""Length of the job whose first steps are made: schedules hardly move in them."""
SCENES = Path(__file__).resolve().parents[2] / "work" / "scenes" / "collapse_drill"
WINDOW, SPACING = 32, 3.5
EXPECTED = {"batch": False, "literal": True, "none": True, "sinkhorn": False}
"""Kind of centring, and whether it collapses."""


SHOWN = ("step", "cross_entropy", "entropy", "information", "perplexity", "spread", "prototypes_used", "agreement")


class Bank:
    """A few generated hearts, drawn once: a fixed set of unlabelled scans, as a lab has it.

    Args:
        path: File that `fill` wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._scans: list[Volume] = []

    @classmethod
    def fill(cls, path: Path, hearts: int, field: float) -> None:
        """Draw the hearts."""
        data = GeneratedData(scenes=str(SCENES), count=6, spacing=SPACING)
        try:
            sampler = data.sampler(round(WINDOW * field))
        except UsageError:  # scenes of an earlier state of the generator; the folder is the drill's own
            shutil.rmtree(SCENES)
            sampler = data.sampler(round(WINDOW * field))
        drawn = {}
        for number in range(hearts):
            scan = sampler.scan(np.random.default_rng((11, number)))
            drawn[f"{number}.{scan.modality}.image"] = scan.image[None].numpy()
            drawn[f"{number}.{scan.modality}.inside"] = scan.inside.numpy()
        save_file({name: np.ascontiguousarray(array) for name, array in drawn.items()}, path)

    def pair(self, index: int, rng: np.random.Generator) -> tuple[Volume, Volume]:
        """One of them, twice."""
        if not self._scans:
            arrays = load_file(self.path)
            for name in sorted(name for name in arrays if name.endswith(".image")):
                inside = arrays[name.replace(".image", ".inside")]
                self._scans.append(volume(arrays[name], None, (SPACING,) * 3, name.split(".")[1], inside))
        chosen = self._scans[int(rng.integers(len(self._scans)))]
        return chosen, chosen

    def labelled(self, index: int, half: int) -> Labelled:
        """There are no labels here."""
        raise NotImplementedError

    def seen(self) -> Seen:
        """Nobody."""
        return Seen()

    def fingerprint(self) -> str:
        """The same for all runs of the drill."""
        return "bank"


def config_of(centring: str, seed: int, args: argparse.Namespace) -> PretrainConfig:
    return PretrainConfig(network="nano", window=WINDOW, spacing=SPACING, batch=args.batch, steps=HORIZON,
                          prototypes=256, head_hidden=256, learning_rate=args.learning_rate, warmup=10,
                          centring=centring, seed=seed, workers=0, threads=1, device="cpu",
                          precision="fp32", log_every=5, checkpoint_minutes=600.0, teacher_momentum=args.momentum)


class FirstSteps(PretrainTask):
    """Asks the engine to stop after some steps."""

    job, steps = Path(), 0

    def after_step(self, step: int, progress: float, *, taken: bool) -> dict[str, float]:
        """As ever, and a stop."""
        if step == self.steps:
            (self.job / "STOP").touch()
        return super().after_step(step, progress, taken=taken)


def first_steps(config: PretrainConfig, bank: Path, job: Path, steps: int) -> FirstSteps:
    task = FirstSteps(config, Bank(bank), torch.device("cpu"))
    task.job, task.steps = job, steps
    return task


def drill(task: tuple[str, int, Path, argparse.Namespace]) -> dict[str, object]:
    """One run: whether and when it was stopped, and its figures every five steps."""
    centring, seed, bank, args = task
    config = config_of(centring, seed, args)
    with tempfile.TemporaryDirectory() as name:
        reason = ""
        try:
            Trainer(config, lambda device: first_steps(config, bank, Path(name), args.steps), name).run()
        except CollapseError as error:
            reason = error.message
        state = json.loads((Path(name) / "state.json").read_text("utf-8"))
        with open(Path(name) / "metrics.csv", encoding="utf-8", newline="") as lines:
            curve = [{key: float(row[key]) for key in SHOWN} for row in csv.DictReader(lines)]
    row = {"centring": centring, "seed": seed, "stopped": bool(reason), "step": state["step"], "reason": reason,
           "last": curve[-1], "curve": curve[1::2]}
    print({key: row[key] for key in ("centring", "seed", "stopped", "step", "last")}, flush=True)
    return row


def table(rows: list[dict[str, object]]) -> str:
    lines = ["| centring | seeds | stopped | at step | loss | H(q')/log K | information | perplexity | spread |",
             "|---|---|---|---|---|---|---|---|---|"]
    for centring in EXPECTED:
        mine = [row for row in rows if row["centring"] == centring]
        if not mine:
            continue
        stopped = [row["step"] for row in mine if row["stopped"]]
        spans = [_span([row["last"][name] for row in mine]) for name in SHOWN[1:6]]
        when = f"{min(stopped)} to {max(stopped)}" if stopped else "never"
        lines.append(f"| {centring} | {len(mine)} | {len(stopped)} of {len(mine)} | {when} | {' | '.join(spans)} |")
    return "\n".join(lines)


def _span(values: list[float]) -> str:
    return f"{min(values):.3g} to {max(values):.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--hearts", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--centrings", default=",".join(EXPECTED))
    parser.add_argument("--out", default="collapse_drill.json")
    args = parser.parse_args()
    machine = describe_machine()
    kept = kept_rows(args)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        bank = Path(name) / "hearts.safetensors"
        Bank.fill(bank, args.hearts, config_of("batch", 0, args).field)
        tasks = [(centring, seed, bank, args) for centring in args.centrings.split(",") for seed in range(args.seeds)]
        rows: list[dict[str, object]] = []
        with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
            for row in pool.imap_unordered(drill, tasks, chunksize=1):
                rows.append(row)
                row |= {"commit": machine["commit"], "load_after": load()}
                stored, wrong = store(rows, kept, machine, args)  # a run that is interrupted has measured something
    print(table(stored))
    if others := [_key(row) for row in stored if row["commit"] != machine["commit"]]:
        print(f"Of another state of the code: {others}")
    print(f"Not as expected: {wrong}" if wrong else "All as expected.")


def store(rows: list[dict[str, object]], kept: list[dict[str, object]], machine: dict[str, object],
          args: argparse.Namespace) -> tuple[list[dict[str, object]], list[object]]:
    """Write what is known so far, earlier rows included; returns all rows and the runs that went otherwise."""
    said = said_of(args)
    merged = {_key(row): row for row in [*kept, *rows]}
    ordered = [merged[key] for key in sorted(merged)]
    wrong = [_key(row) for row in ordered if row["stopped"] != EXPECTED[row["centring"]]]
    result = {"machine": machine, **said, "rows": ordered, "not_as_expected": wrong}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(result, indent=1) + "\n")
    return ordered, wrong


def _key(row: dict[str, object]) -> tuple[object, object]:
    return row["centring"], row["seed"]


def said_of(args: argparse.Namespace) -> dict[str, object]:
    """What all rows of a file have in common."""
    return {"settings": json.loads(json.dumps(config_of("batch", 0, args).to_dict())), "steps": args.steps,
            "hearts": args.hearts}


def kept_rows(args: argparse.Namespace) -> list[dict[str, object]]:
    """Rows of an earlier call that stay until this one has replaced them; each says on which code it ran.

    Where the settings are others now, none stays; then this call has to make all of them anew.
    """
    path = RESULTS / args.out
    if not path.exists():
        return []
    known = json.loads(path.read_text("utf-8"))
    rows = [{"commit": known["machine"]["commit"], "load_after": known.get("load_after"), **row}
            for row in known["rows"]]
    if all(known[name] == value for name, value in said_of(args).items()):
        return rows
    made = {(centring, seed) for centring in args.centrings.split(",") for seed in range(args.seeds)}
    if left := [_key(row) for row in rows if _key(row) not in made]:
        raise SystemExit(f"{path} holds runs with other settings, of which {left} would be lost; name another file "
                         "with --out, or make all of them anew.")
    return []


if __name__ == "__main__":
    main()
