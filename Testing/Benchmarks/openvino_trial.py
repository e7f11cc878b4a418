"""Would OpenVINO or another format of memory make a scan faster from file to file? A trial, not a part of the product.

    pip install openvino            # into an environment of its own, beside HeartSeg
    python Testing/Benchmarks/openvino_trial.py [--rounds 5]

The shipped segmenter looks at one window of its own size, all ways in turn in each round, so that a machine's other
work meets them alike; the median of the ratios to plain PyTorch counts. What a scan gains is computed with the shares
of the networks in `results/cta_speed.json`: everything else takes as long as before. Stores
results/openvino_trial.json.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine

from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation.device import autocast_dtype

RESULTS = Path(__file__).parent / "results"
WORTH_PERCENT = 25.0
"""Gain from file to file from which another dependency would be worth it."""


def torch_way(network: torch.nn.Module, dtype: torch.dtype | None) -> Callable[[torch.Tensor], np.ndarray]:
    """Return a function that runs the network as the product does."""
    def run(window: torch.Tensor) -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", dtype) if dtype is not None else nullcontext():
            return network(window).float().numpy()
    return run


def openvino_way(
    network: torch.nn.Module, window: torch.Tensor, precision: str
) -> Callable[[torch.Tensor], np.ndarray]:
    """Return a function that runs the network in OpenVINO."""
    import openvino

    model = openvino.convert_model(network, example_input=window, input=[window.shape])
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return lambda given: next(iter(compiled(given.numpy()).values()))


def ways(network: torch.nn.Module, window: torch.Tensor) -> dict[str, Callable[[torch.Tensor], np.ndarray]]:
    """Return all ways that work here; why another does not is printed."""
    usual = autocast_dtype(torch.device("cpu"))
    found = {"PyTorch, as shipped": torch_way(network, usual), "PyTorch, float32": torch_way(network, None)}
    laid_out = copy.deepcopy(network)
    laid_out.to(memory_format=torch.channels_last_3d)
    more = {"PyTorch, channels last": lambda: torch_way(laid_out, usual),
            "OpenVINO, float32": lambda: openvino_way(network, window, "f32"),
            "OpenVINO, bfloat16": lambda: openvino_way(network, window, "bf16")}
    for name, make in more.items():
        try:
            found[name] = make()
            found[name](window)
        except Exception as error:  # whatever a foreign converter raises
            found.pop(name, None)
            print(f"{name} does not work: {type(error).__name__}: {str(error).splitlines()[0][:200]}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    store = ModelStore()
    loaded = store.load(store.default("segmenter").card.id)
    side = loaded.card.window_voxels
    window = torch.rand(1, 1, side, side, side, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    known = ways(loaded.network.eval(), window)
    reference = known["PyTorch, float32"](window)
    seconds: dict[str, list[float]] = {name: [] for name in known}
    for _ in range(args.rounds):
        for name, run in known.items():
            start = time.perf_counter()
            run(window)
            seconds[name].append(time.perf_counter() - start)
    speed = json.loads((RESULTS / "cta_speed.json").read_text("utf-8"))["file_to_file"]
    steps = speed["details"]["results"][0]["seconds"]
    share = (steps["segment.network"] + steps["segment.locate"]) / speed["wall_s"]
    rows = {}
    for name, run in known.items():
        ratio = statistics.median(a / b for a, b in zip(seconds[name], seconds["PyTorch, as shipped"], strict=True))
        agrees = float((run(window).argmax(1) == reference.argmax(1)).mean())
        rows[name] = {"seconds": round(min(seconds[name]), 3), "times_shipped": round(ratio, 3),
                      "same_class_percent": round(100.0 * agrees, 2),
                      "file_to_file_gain_percent": round(100.0 * share * (1.0 - ratio), 1)}
        print(name, rows[name], flush=True)
    result = {"machine": describe_machine(), "window_voxels": side, "ways": rows,
              "share_of_locating_and_network_percent": round(100.0 * share, 1), "worth_percent": WORTH_PERCENT}
    (RESULTS / "openvino_trial.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
