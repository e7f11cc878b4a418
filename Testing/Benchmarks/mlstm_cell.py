"""Accuracy, time and memory of the chunkwise mLSTM cell.

Run ``python Testing/Benchmarks/mlstm_cell.py``: prints a table and writes ``results/mlstm_cell.json`` beside this file.
Accuracy is against the recurrence in float64. Time and memory are taken in a fresh process each, on one thread;
CPU seconds (the smallest of several runs) rather than wall time, so that other work on the machine changes little.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from machine import describe_machine

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "HeartSeg3D"))

from HeartSeg3DLib.networks import mlstm_chunkwise, mlstm_recurrent, soft_cap  # noqa: E402

HEADS, SIZE = 4, 64
SHORT = 4096
ERROR_STEPS = 512
LIMITS = {"relative_error": 1e-5, "gradient_error": 1e-4, "growth": 4.8}


def inputs(steps: int, dtype: torch.dtype, gate_scale: float = 1.0) -> list[torch.Tensor]:
    """Queries, keys, values and soft-capped gates around their initial biases."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, HEADS, steps, SIZE, dtype=torch.float64, generator=generator) for _ in range(3))
    gates = gate_scale * torch.randn(2, 1, HEADS, steps, dtype=torch.float64, generator=generator)
    bias = torch.linspace(3, 6, HEADS, dtype=torch.float64)[:, None]
    values = [q, k, v, soft_cap(gates[0], 15.0), soft_cap(gates[1] + bias, 15.0)]
    return [x.to(dtype).requires_grad_() for x in values]


def errors(gate: str, gate_scale: float) -> dict[str, float]:
    """Relative L2 errors of the float32 chunkwise form: of the result, and the worst of the five gradients.

    ``same_of_recurrence`` is what float32 costs the plain recurrence: strong gates bring the normalizer close to zero,
    and then no form keeps more digits.
    """
    exact, single = (inputs(ERROR_STEPS, dtype, gate_scale) for dtype in (torch.float64, torch.float32))
    reference, result = mlstm_recurrent(*exact, gate=gate), mlstm_chunkwise(*single, gate=gate)
    direction = torch.randn(reference.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = torch.autograd.grad((reference * direction).sum(), exact)
    gradients = torch.autograd.grad((result * direction.float()).sum(), single)

    def relative(a: torch.Tensor, b: torch.Tensor) -> float:
        return ((a.double() - b).norm() / b.norm()).item()

    return {
        "relative_error": relative(result.detach(), reference.detach()),
        "same_of_recurrence": relative(mlstm_recurrent(*single, gate=gate).detach(), reference.detach()),
        "gradient_error": max(relative(a, b) for a, b in zip(gradients, expected, strict=True)),
    }


def measure(steps: int, backward: bool, repeats: int) -> dict[str, float]:
    """CPU seconds of one pass and the memory it adds to this process, in MiB."""

    def run(arguments: list[torch.Tensor]) -> None:
        with torch.set_grad_enabled(backward):
            result = mlstm_chunkwise(*arguments)
            if backward:
                torch.autograd.grad(result.sum(), arguments)

    run(inputs(256, torch.float32))  # libraries load and buffers settle
    arguments = inputs(steps, torch.float32)
    before = peak_mib()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        run(arguments)
        seconds.append(time.process_time() - start)
    return {"cpu_seconds": min(seconds), "extra_mib": peak_mib() - before}


def peak_mib() -> float:
    """Largest memory of this program so far; getrusage would count the parent's before it became this program."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise SystemExit("This benchmark reads memory from /proc/self/status: run it on Linux.")
    return int(found.group(1)) / 1024


def measure_apart(steps: int, backward: bool, repeats: int) -> dict[str, float]:
    """:func:`measure` in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(steps), "--repeats", str(repeats)]
    command += ["--backward"] if backward else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def scaling(repeats: int) -> dict[str, Any]:
    """Cost of SHORT and of four times as many tokens, and how it grows."""
    table: dict[str, Any] = {}
    for name, backward in (("forward", False), ("forward_backward", True)):
        short, long = (measure_apart(steps, backward, repeats) for steps in (SHORT, 4 * SHORT))
        growth = {key: long[key] / short[key] for key in short}
        table[name] = {str(SHORT): short, str(4 * SHORT): long, "growth": growth}
    return table


def report(repeats: int) -> dict[str, Any]:
    """All figures."""
    return {
        "machine": describe_machine(),
        "threads": 1,
        "shape": {"heads": HEADS, "head_size": SIZE, "error_tokens": ERROR_STEPS},
        "limits": LIMITS,
        "errors": {
            f"{gate}, gates x{scale:g}": errors(gate, scale)
            for gate, scale in (("exponential", 1.0), ("exponential", 10.0), ("sigmoid", 1.0), ("sigmoid", 10.0))
        },
        "scaling": scaling(repeats),
    }


def show(figures: dict[str, Any]) -> None:
    """Print what was measured."""
    machine = figures["machine"]
    print(f"chunkwise mLSTM in float32 on {machine['processor']}, torch {machine['versions']['torch']}")
    for name, error in figures["errors"].items():
        print(
            f"  {name:24} result {error['relative_error']:.1e} (recurrence {error['same_of_recurrence']:.1e})"
            f"   gradients {error['gradient_error']:.1e}"
        )
    for name, row in figures["scaling"].items():
        for tokens in (SHORT, 4 * SHORT):
            cost = row[str(tokens)]
            print(f"  {name:24} {tokens:6d} tokens {cost['cpu_seconds']:.3f} CPU-s   +{cost['extra_mib']:.0f} MiB")
        growth = row["growth"]
        print(f"  {name:24} 4x the tokens: time x{growth['cpu_seconds']:.2f}, memory x{growth['extra_mib']:.2f}")


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--measure", type=int, help="only time this many tokens in this process")
    parser.add_argument("--backward", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.backward, arguments.repeats)))
        return
    figures = report(arguments.repeats)
    show(figures)
    target = Path(__file__).parent / "results" / "mlstm_cell.json"
    target.parent.mkdir(exist_ok=True)
    partial = target.with_suffix(".json.partial")
    partial.write_text(json.dumps(figures, indent=2) + "\n")
    os.replace(partial, target)
    print(f"stored in {target}")


if __name__ == "__main__":
    main()
