"""The quality levels fast, standard and best: time, peak of memory, Dice and HD95 on the same scans.

    python Testing/Benchmarks/quality_levels.py [--model ID|DIR] [--cases 4] [--data ../shared/data] [--again]

Scans are generated held-out hearts (`generated_hearts.py`) and, where the folder lies beside the clone, three real
cines that nothing was trained or tuned on. All levels see a scan one after the other in turn, so that a machine's other
work meets them alike; times are compared as ratios to standard on the same scan. Every scan is measured in a process of
its own; the peak is the largest that this process had within a level, with the scan and Python's libraries. Cases that
were measured with the same models and code are left as they are; `--again` measures all. Stores
results/quality_levels.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from generated_hearts import as_images, held_out_scenes
from machine import describe_machine, load
from mesh_runs import fingerprint

from HeartSeg3DLib.anatomy import WHOLE_HEART
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.imaging import read_scan
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSeg3DLib.segmentation.window import QUALITIES
from HeartSegTrainingLib.evaluation import evaluate_pair
from HeartSegTrainingLib.generator import Sampler, SamplerConfig
from HeartSegTrainingLib.generator.deformation import Deformation

RESULTS = Path(__file__).parent / "results" / "quality_levels.json"
MODES = ("ct_contrast", "mr_bright")
VENTRICLES = (1, 2, 3)
SLIVER_ML = 3.0
ROUNDS = 2
"""Looks at each scan and level; the faster one counts."""

_TICK_SECONDS = 0.01


class PeakMemory:
    """Largest resident memory of this process while a block runs, GB."""

    def __init__(self) -> None:
        self.gigabytes = 0.0
        self._over = threading.Event()

    def __enter__(self) -> PeakMemory:
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(_TICK_SECONDS):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.gigabytes = max(self.gigabytes, pages * 4096 / 1e9)


def measure(scan: sitk.Image, reference: sitk.Image, modality: str, values: tuple[int, ...], model: str,
            orientation_known: bool) -> dict:
    """Return the figures of each level on one scan."""
    store = ModelStore()
    fine = store.load(model or store.default("segmenter").card.id)
    segmenter = Segmenter(fine, store.load(store.default("locator").card.id), choose_device("auto"))
    record: dict = {"load_average": load()}
    seconds: dict[str, list[float]] = {quality: [] for quality in QUALITIES}
    segmenter.segment(scan, modality, quality="fast", orientation_known=orientation_known)  # the first is slower
    for _ in range(ROUNDS):
        for quality in QUALITIES:
            with PeakMemory() as peak:
                start = time.perf_counter()
                found = segmenter.segment(scan, modality, quality=quality, orientation_known=orientation_known)
                seconds[quality].append(time.perf_counter() - start)
            if quality not in record:
                record[quality] = _scores(found.labels, reference, values) | {"spacing_mm": round(found.spacing_mm, 3)}
            record[quality]["peak_gb"] = round(max(peak.gigabytes, record[quality].get("peak_gb", 0.0)), 3)
    for quality in QUALITIES:
        record[quality]["seconds"] = round(min(seconds[quality]), 3)
        record[quality]["times_standard"] = round(min(seconds[quality]) / min(seconds["standard"]), 3)
    return record


def _scores(labels: sitk.Image, reference: sitk.Image, values: tuple[int, ...]) -> dict:
    scores = [item for item in evaluate_pair(labels, reference, values) if item.reference_ml >= SLIVER_ML]
    return {"dice": {item.id: round(item.dice or 0.0, 4) for item in scores},
            "hd95_mm": {item.id: round(item.hd95_mm, 2) for item in scores if item.hd95_mm is not None}}


def generated(mode: str, folder: Path, count: int) -> Iterator[tuple[sitk.Image, sitk.Image]]:
    """Yield scan and true labels of each held-out heart."""
    config = SamplerConfig(window=176, spacing=1.5, cut=0.0, deformation=Deformation(shift=(8, 8, 8)))
    sampler = Sampler(held_out_scenes(folder, count), config)
    for index in range(count):
        yield as_images(sampler, mode, index)


def summary(cases: list[dict]) -> dict:
    """Return the means over cases and structures of each level."""
    cases = [case for case in cases if "error" not in case]
    return {quality: {
        "cases": len(cases),
        "dice": round(float(np.mean([value for case in cases for value in case[quality]["dice"].values()])), 4),
        "hd95_mm": round(float(np.mean([v for case in cases for v in case[quality]["hd95_mm"].values()])), 2),
        "times_standard": round(statistics.median(case[quality]["times_standard"] for case in cases), 2),
        "seconds": round(statistics.median(case[quality]["seconds"] for case in cases), 2),
        "peak_gb": max(case[quality]["peak_gb"] for case in cases),
    } for quality in QUALITIES} if cases else {}


def _in_own_process(*arguments: object) -> dict:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_unpacked, arguments)


def _unpacked(scan: tuple, reference: tuple, *rest: object) -> dict:
    return measure(_image(*scan), _image(*reference), *rest)  # type: ignore[arg-type]


def _packed(image: sitk.Image) -> tuple:
    return sitk.GetArrayFromImage(image), image.GetSpacing(), image.GetOrigin(), image.GetDirection()


def _image(voxels: np.ndarray, spacing: tuple, origin: tuple, direction: tuple) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    return image


def real(data: Path, name: str) -> tuple[sitk.Image, sitk.Image, bool]:
    """Return a real cine's first frame, its reference, and whether its orientation is known."""
    scan = read_scan(data / f"mr/cine_sax_{name}.nii.gz")
    reference = sitk.ReadImage(str(data / f"mr/cine_sax_{name}_labels.nii.gz"), sitk.sitkUInt8)
    image = scan.frames[0].image
    reference.CopyInformation(image)
    return image, reference, scan.orientation_known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="")
    parser.add_argument("--cases", type=int, default=4, help="generated hearts of each contrast")
    parser.add_argument("--scenes", type=Path, default=Path(__file__).parents[2] / "work/scenes/heldout")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--again", action="store_true", help="measure kept cases, too")
    args = parser.parse_args()
    store = ModelStore()
    card = store.resolve(args.model).card if args.model else store.default("segmenter").card
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    used = {one.id: one.sha256 for one in (card, store.default("locator").card)}
    code = fingerprint(("HeartSeg3D/HeartSeg3DLib/segmentation", "HeartSegTraining/HeartSegTrainingLib/generator"))
    if (kept.get("machine", {}).get("models"), kept.get("code")) != (used, code) or args.again:
        kept = {"sha256": card.sha256, "code": code, "cases": {}}
    kept |= {"model": card.id, "machine": describe_machine(used)}

    def add(kind: str, number: int, scan: sitk.Image, reference: sitk.Image, modality: str, values: tuple[int, ...],
            known: bool = True) -> None:
        cases = kept["cases"].setdefault(kind, [])
        if number < len(cases):
            return
        try:
            cases.append(_in_own_process(_packed(scan), _packed(reference), modality, values, args.model, known))
        except HeartSegError as error:
            cases.append({"error": error.message})
        kept["summary"] = {name: summary(found) for name, found in kept["cases"].items()}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(kind, number, {quality: (row["dice"], row["hd95_mm"], row["times_standard"])
                             for quality, row in kept["summary"][kind].items()}, flush=True)

    if (args.data / "mr").is_dir():
        for number, name in enumerate("ABC"):
            scan, reference, known = real(args.data, name)
            add("real cine MR", number, scan, reference, "mr", VENTRICLES, known)
    for mode in MODES:
        for number, (scan, reference) in enumerate(generated(mode, args.scenes, args.cases)):
            add(mode, number, scan, reference, "ct" if mode.startswith("ct") else "mr", WHOLE_HEART)


if __name__ == "__main__":
    main()
