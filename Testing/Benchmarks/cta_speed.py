"""How long a coronary CT angiogram takes: 512 x 512 x 300 voxels of 0.4 x 0.4 x 0.6 mm, on the processor by default.

    python Testing/Benchmarks/cta_speed.py [--sample FILE] [--skip-naive] [--device cpu] [--out cta_speed.json]

Measured, each in its own process, one after the other: the command line from file to file (uncompressed NIfTI); from
locating to labels inside one process, the first and the second time; the same in float32; and a network like
nnU-Net's (MONAI DynUNet, 32-320 channels, windows of 128^3 voxels with half overlap at 1 mm, argmax on the input grid;
untrained, so it shows cost and not accuracy). Run it on an idle machine: the load is stored beside the times.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import SimpleITK as sitk
from machine import describe_machine, load

if TYPE_CHECKING:
    import torch

RESULTS = Path(__file__).parent / "results"
SAMPLE = "Samples/chest_ct_generated.nii.gz"
SIZE, SPACING = (512, 512, 300), (0.4, 0.4, 0.6)
NOISE_HU = 20.0
CLASSES = 8
COMMAND = "from HeartSegTrainingLib.cli import main; main()"


def write_angiogram(sample: Path, target: Path) -> None:
    """Bring the sample onto the angiogram's grid around its middle and add noise."""
    image = sitk.ReadImage(str(sample), sitk.sitkFloat32)
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    grid = sitk.Image(SIZE, sitk.sitkInt16)
    grid.SetSpacing(SPACING)
    grid.SetOrigin([m - s * (n - 1) / 2 for m, s, n in zip(middle, SPACING, SIZE, strict=True)])
    fine = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, -1000.0, sitk.sitkFloat32)
    values, rng = sitk.GetArrayFromImage(fine), np.random.default_rng(0)
    for plane in values:
        plane += NOISE_HU * rng.standard_normal(plane.shape, dtype=np.float32)
    result = sitk.GetImageFromArray(np.round(values).astype(np.int16))
    result.CopyInformation(grid)
    sitk.WriteImage(result, str(target), useCompression=False)


def run_process(arguments: list[str]) -> dict[str, object]:
    """Run Python in a child; wall and CPU time, peak memory, and the JSON it ends with."""
    before, start = load(), time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed with exit code {os.waitstatus_to_exitcode(status)}")
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_gb": round(usage.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20), 2),
        "load_before": before,
        "details": json.loads(said[said.index("{"):]),
    }


def stage_ours(angiogram: Path, single: bool, device: str) -> dict[str, object]:
    """Locate to labels in this process, twice, with reading and loading outside the time."""
    from HeartSeg3DLib.models import ModelStore
    from HeartSeg3DLib.segmentation import Segmenter, runner

    if single:
        mock.patch.object(runner, "autocast_dtype", return_value=None).start()
    import torch

    image, store = sitk.ReadImage(str(angiogram)), ModelStore()
    fine, locator = (store.load(store.default(role).card.id) for role in ("segmenter", "locator"))
    segmenter = Segmenter(fine, locator, torch.device(device))
    runs = []
    for _ in range(2):
        start = time.perf_counter()
        heart = segmenter.segment(image, "ct")
        runs.append(round(time.perf_counter() - start, 3))
    labeled = int(np.count_nonzero(sitk.GetArrayViewFromImage(heart.labels)))
    return {"first_s": runs[0], "second_s": runs[1], "steps_s": {k: round(v, 3) for k, v in heart.seconds.items()},
            "spacing_mm": heart.spacing_mm, "labeled_ml": round(labeled * float(np.prod(SPACING)) / 1000.0, 1),
            "threads": torch.get_num_threads(), "models": [fine.card.id, locator.card.id],
            "device": device if device == "cpu" else torch.cuda.get_device_name(device)}


def stage_naive(angiogram: Path, device: str) -> dict[str, object]:
    """Sliding window of an untrained DynUNet at 1 mm, and the argmax of its logits on the input grid."""
    import torch
    from monai.inferers import sliding_window_inference
    from monai.networks.nets import DynUNet

    torch.manual_seed(0)
    network = DynUNet(3, 1, CLASSES, kernel_size=[3] * 6, strides=[1, 2, 2, 2, 2, 2], upsample_kernel_size=[2] * 5,
                      filters=[32, 64, 128, 256, 320, 320], res_block=False).eval().to(device)
    image = sitk.ReadImage(str(angiogram))
    voxels = torch.from_numpy(sitk.GetArrayFromImage(image)).to(device)
    windows = 0

    def one_window(window: torch.Tensor) -> torch.Tensor:
        nonlocal windows
        windows += 1
        return network(window)

    times = _Times()
    with torch.inference_mode():
        shape = [round(n * s) for n, s in zip(voxels.shape, reversed(SPACING), strict=True)]
        seen = torch.nn.functional.interpolate(voxels[None, None].float(), size=shape, mode="trilinear")
        seen = (seen.clamp(-1000, 1000) - 100.0) / 400.0
        times.lap("resample_s")
        logits = sliding_window_inference(seen, 128, 1, one_window, overlap=0.5, mode="gaussian")[0].cpu()
        times.lap("network_s")
        labels = argmax_on_grid(logits, tuple(voxels.shape))
        times.lap("export_s")
    return {**times.seconds, "total_s": round(sum(times.seconds.values()), 2), "windows": windows,
            "parameters": sum(p.numel() for p in network.parameters()), "classes_seen": len(np.unique(labels))}


def argmax_on_grid(logits: torch.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate all classes at once, some slices at a time, and take the best."""
    import torch
    import torch.nn.functional as F

    labels = np.zeros(shape, np.uint8)
    depth = logits.shape[1]
    where = ((torch.arange(shape[0]) + 0.5) * depth / shape[0] - 0.5).clamp(0, depth - 1)
    below = where.floor().long().clamp(max=depth - 2)
    for first in range(0, shape[0], 8):
        part = slice(first, min(first + 8, shape[0]))
        weight = (where[part] - below[part])[None, :, None, None]
        slices = torch.lerp(logits[:, below[part]], logits[:, below[part] + 1], weight)
        planes = F.interpolate(slices.transpose(0, 1), size=shape[1:], mode="bilinear")
        labels[part] = planes.argmax(1).to(torch.uint8).numpy()
    return labels


class _Times:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = round(now - self._last, 2)
        self._last = now


def measure(sample: Path, naive: bool, device: str) -> dict[str, object]:
    """Run all stages on one angiogram in a temporary folder."""
    result: dict[str, object] = {"machine": describe_machine(), "size": SIZE, "spacing_mm": SPACING}
    with tempfile.TemporaryDirectory() as folder:
        angiogram, stage = Path(folder) / "cta.nii", [str(Path(__file__)), "--device", device, "--stage"]
        write_angiogram(sample, angiogram)
        output = Path(folder) / "heart.nii"
        steps: dict[str, Callable[[], dict[str, object]]] = {
            "file_to_file": lambda: run_process(
                ["-c", COMMAND, "segment", str(angiogram), "-o", str(output), "--device", device, "--json"]),
            "locate_to_labels": lambda: run_process([*stage, "ours", str(angiogram)]),
            "locate_to_labels_float32": lambda: run_process([*stage, "float32", str(angiogram)]),
        }
        if naive:
            steps["naive_dynunet"] = lambda: run_process([*stage, "naive", str(angiogram)])
        for name, step in steps.items():
            result[name] = step()
            print(name, json.dumps(result[name]), flush=True)
    if naive:
        ours = result["locate_to_labels"]["details"]["first_s"]  # type: ignore[index]
        result["naive_over_ours"] = round(result["naive_dynunet"]["details"]["total_s"] / ours, 1)  # type: ignore[index]
    return result


def main() -> None:
    """Parse the command line; ``--stage`` is how the script calls itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=Path, help="a chest CT to fill the angiogram with")
    parser.add_argument("--skip-naive", action="store_true", help="leave out the network like nnU-Net's (minutes)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", default="cta_speed.json")
    parser.add_argument("--stage", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        name, file = args.stage[0], Path(args.stage[1])
        print(json.dumps(stage_naive(file, args.device) if name == "naive"
                         else stage_ours(file, name == "float32", args.device)))
        return
    from HeartSeg3DLib import resources

    result = measure(args.sample or resources.path(SAMPLE), not args.skip_naive, args.device)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key == "naive_over_ours"}))


if __name__ == "__main__":
    main()
