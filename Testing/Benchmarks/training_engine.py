"""Is a training run the same on one process and on two, and does it lose a bit when it is killed?

    python Testing/Benchmarks/training_engine.py [--kills 20]

The network is `nano` with its ViL blocks, in fp32; the windows of 32 voxels show a bright ball with a core. Two
processes (gloo) and one train 20 steps on the same global batch of 4. Then runs are killed with SIGKILL, each at
another step, rank and place (before the forward pass, after the optimiser step, between writing a checkpoint and its
record), half of them with one process and half with two, started again by hand or by torchrun, and compared with the
run that nobody disturbed: SHA-256 over all tensors of the last checkpoint. One run of two processes is killed and goes
on with one. Stores results/training_engine.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine, load
from safetensors.torch import load_file

from HeartSegTrainingLib.engine import checkpoint
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning import FinetuneConfig, FinetuneTask
from HeartSegTrainingLib.finetuning.task import registered_network

RESULTS = Path(__file__).parent / "results"
WINDOW, STEPS = 32, 20
PLACES = ("before the forward pass", "after the optimiser step", "between checkpoint and record")


def bright_ball(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    axes = np.indices((WINDOW,) * 3) - rng.uniform(10, 22, (3, 1, 1, 1))
    distance = np.sqrt((axes**2).sum(0))
    labels = (distance < 9).astype(np.uint8) + (distance < 5)
    image = labels * 0.8 - 0.8 + rng.normal(0, 0.1, labels.shape)
    return torch.from_numpy(image.astype(np.float32))[None], torch.from_numpy(labels.astype(np.uint8))


def make_sampler() -> Callable:
    return bright_ball


def config() -> FinetuneConfig:
    return FinetuneConfig(network="nano", network_overrides={"classes": 3}, window=WINDOW, batch=4, part=1, steps=STEPS,
                          warmup=5, workers=0, threads=1, device="cpu", precision="fp32", log_every=5,
                          checkpoint_minutes=1e-4)


class Killed(FinetuneTask):
    """Dies once, where and when the file beside the job says."""

    def __init__(self, plan: Path, *args: object) -> None:
        super().__init__(*args)
        self.plan, self.step = plan, 0

    def _die_if_due(self, place: str) -> None:
        if not self.plan.exists():
            return
        asked = json.loads(self.plan.read_text())
        if (self.step, place, int(os.environ.get("RANK", "0"))) == (asked["step"], asked["place"], asked["rank"]):
            self.plan.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def prepare(self, parts, step, progress):
        self.step = step + 1
        self._die_if_due(PLACES[0])
        return super().prepare(parts, step, progress)

    def after_step(self, step, progress, *, taken):
        figures = super().after_step(step, progress, taken=taken)
        self._die_if_due(PLACES[1])
        return figures


def run_job(folder: Path, resume: bool) -> None:
    """What the child processes do."""
    tasks = []

    def make(device: torch.device) -> Killed:
        asked = config()
        tasks.append(Killed(folder.with_suffix(".plan"), asked, registered_network(asked), make_sampler, device))
        return tasks[-1]

    write = checkpoint.write_atomically

    def write_and_perhaps_die(path: Path, content: bytes) -> None:
        if path.suffix == ".json" and tasks:
            tasks[-1]._die_if_due(PLACES[2])
        write(path, content)

    checkpoint.write_atomically = write_and_perhaps_die
    Trainer(config(), make, folder).run(resume=resume)


def start(folder: Path, processes: int, *, resume: bool = False, restarts: int = 0) -> None:
    own = [str(Path(__file__).resolve()), "--job", str(folder), *(["--resume"] if resume else [])]
    several = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--max-restarts", str(restarts),
               "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "--monitor-interval", "0.2"]
    with open(folder.with_suffix(".said"), "a") as said:
        subprocess.run([sys.executable, *(several if processes > 1 else []), *own], stdout=said, stderr=said,
                       env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)


def state_of(folder: Path) -> dict:
    return json.loads((folder / "state.json").read_text())


def last_tensors(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoints" / f"step_{STEPS:07d}.safetensors")


def weight_hash(folder: Path) -> str:
    if state_of(folder)["status"] != "finished":
        return f"{state_of(folder)['status']} at step {state_of(folder).get('step')}"
    digest = hashlib.sha256()
    for name, tensor in sorted(last_tensors(folder).items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def largest_difference(first: Path, second: Path) -> float:
    pairs = zip(sorted(last_tensors(first).items()), sorted(last_tensors(second).items()), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for (_, a), (_, b) in pairs)


def kill(folder: Path, processes: int, rng: random.Random, *, goes_on_with: int | None = None) -> dict:
    """One run that is killed and started again."""
    plan = {"step": rng.randint(2, STEPS - 1), "place": rng.choice(PLACES), "rank": 0}
    if plan["place"] != PLACES[2] and processes > 1:
        plan["rank"] = rng.randrange(processes)
    folder.with_suffix(".plan").write_text(json.dumps(plan))
    if processes > 1 and goes_on_with is None:
        start(folder, processes, restarts=1)
    else:
        start(folder, processes)
        start(folder, goes_on_with or processes, resume=True)
    was_killed = not folder.with_suffix(".plan").exists()
    return {"processes": processes, **plan, "was_killed": was_killed, "hash": weight_hash(folder)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="training_engine.json")
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--resume", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job is not None:
        run_job(args.job, args.resume)
        return
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        calm = {processes: root / f"calm{processes}" for processes in (1, 2)}
        for processes, folder in calm.items():
            start(folder, processes)
        expected = {processes: weight_hash(folder) for processes, folder in calm.items()}
        apart = {"loss": abs(state_of(calm[1])["loss"] - state_of(calm[2])["loss"]),
                 "weights_and_moments": largest_difference(calm[1], calm[2])}
        print(f"one process and two after {STEPS} steps: {apart}", flush=True)
        kills = []
        for number in range(args.kills):
            kills.append(kill(root / f"kill{number}", 1 + number % 2, rng))
            kills[-1]["identical"] = kills[-1]["hash"] == expected[kills[-1]["processes"]]
            print(f"{number + 1}: {kills[-1]}", flush=True)
        fewer = kill(root / "fewer", 2, rng, goes_on_with=1)
        fewer["largest_difference"] = largest_difference(calm[1], root / "fewer")
        print(f"from two processes to one: {fewer}", flush=True)
    identical = sum(row["identical"] and row["was_killed"] for row in kills)
    print(f"identical after a kill: {identical} of {len(kills)}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps({
        "machine": describe_machine(), "load_after": load(), "torch": torch.__version__, "steps": STEPS,
        "one_against_two_processes": apart, "identical": identical, "kills": kills, "two_to_one": fewer,
    }, indent=1) + "\n")


if __name__ == "__main__":
    main()
