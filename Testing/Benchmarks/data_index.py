"""Does the data path keep up: an index of 50,000 cases, and crops from 10,000 prepared volumes?

    python Testing/Benchmarks/data_index.py [--cases 50000] [--volumes 10000] [--crops 2000] [--side 192]

Index: made-up cases without files, written, read, checked, split. Crops: a few real files of noise over a ramp, which
10,000 cases share by links; each crop opens its file anew. The system keeps them in its cache, so what is measured is
opening, decompressing and casting, not a disk. One process draws, then two at once. What two training processes need
is twice the pace of one forward and backward pass of the network `tiny` on this machine's processor; a graphics card
needs more and is not measured. Stores results/data_index.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from machine import describe_machine, load

from HeartSeg3DLib.networks import build_network
from HeartSegTrainingLib.datasets import (
    CropSource,
    DatasetRecord,
    Entry,
    Index,
    SplitRequest,
    Store,
    StoreSettings,
    check_index,
    preprocess,
    pretraining_cases,
    split_index,
)

RESULTS = Path(__file__).parent / "results"
WINDOWS = ((96, 96, 96), (128, 128, 128))
DISTINCT = 8
SPACING = 1.5


def timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return round(time.perf_counter() - start, 2), result


def made_up(count: int) -> Index:
    """Three images a person, ten data sets, twenty hospitals, every tenth person for testing."""
    entries = [Entry(id=f"set{person % 10}/p{person:06d}_{image}", dataset=f"set{person % 10}",
                     subject=f"p{person:06d}", path=f"{person:06d}/{image}.nii.gz", modality="mr", sequence="cine",
                     labels=f"{person:06d}/{image}_gt.nii.gz", shape=(256, 256, 12), spacing=(1.4, 1.4, 8.0),
                     orientation="LPS", present=("LV", "MYO", "RV"), absent=("LA", "RA", "AO", "PA"),
                     site=f"site{person % 20}", split="test" if person % 10 == 9 else "train",
                     licence="CC BY 4.0", checksum=f"{person * 3 + image:064x}")
               for person in range(count // 3 + 1) for image in range(3)][:count]
    names = sorted({entry.dataset for entry in entries})
    return Index(entries, {name: DatasetRecord(name, f"/data/{name}", commercial=True) for name in names})


def index_times(count: int, folder: Path) -> dict[str, object]:
    index, path = made_up(count), folder / "index.jsonl"
    write, _ = timed(lambda: index.write(path))
    read, found = timed(lambda: Index.read(path))
    assert isinstance(found, Index)
    split, (done, _) = timed(lambda: split_index(found, SplitRequest()))
    check, findings = timed(lambda: check_index(done))
    chosen, cases = timed(lambda: pretraining_cases(done, fold=0))
    assert len(findings) == len(index.entries)  # no file exists, and each is said to be missing
    return {"cases": count, "megabytes": round(path.stat().st_size / 1e6, 1), "write_s": write, "read_s": read,
            "split_s": split, "check_without_voxels_s": check, "choose_for_pretraining_s": chosen,
            "chosen": len(cases)}


def distinct_cases(folder: Path, side: int) -> tuple[Index, Path]:
    """A store of a few volumes of noise over a ramp: it compresses to a half, as scans do."""
    rng = np.random.default_rng(0)
    entries = []
    for number in range(DISTINCT):
        ramp = np.linspace(-800, 800, side)[:, None, None]
        image = sitk.GetImageFromArray((ramp + rng.normal(0, 30, (side,) * 3)).astype(np.int16))
        labels = np.zeros((side,) * 3, np.uint8)
        labels[side // 4:side // 2, side // 4:side // 2, side // 4:side // 2] = 1 + number % 7
        drawn = sitk.GetImageFromArray(labels)
        for one, name in ((image, "image"), (drawn, "labels")):
            one.SetSpacing((SPACING,) * 3)
            sitk.WriteImage(one, str(folder / f"{number}_{name}.nii"))
        entries.append(Entry(id=f"a/c{number}", dataset="a", subject=f"s{number}", path=f"{number}_image.nii",
                             modality="ct", sequence="cta", labels=f"{number}_labels.nii", split="train",
                             present=("LV", "MYO", "RV", "LA", "RA", "AO", "PA")))
    values = dict(enumerate(entries[0].present, start=1))
    index = Index(entries, {"a": DatasetRecord("a", str(folder), values=values)}, note="one")
    seconds, _ = timed(lambda: preprocess(index, folder / "store", StoreSettings(SPACING)))
    print(f"{DISTINCT} volumes of {side} voxels prepared in {seconds} s", flush=True)
    return index, folder / "store"


def linked(index: Index, store: Path, volumes: int) -> list[Entry]:
    """As many cases as asked for, whose files are links to the few that exist."""
    entries = []
    for number in range(volumes):
        source = index.entries[number % DISTINCT]
        entry = replace(source, id=f"a/v{number:05d}", subject=f"v{number:05d}")
        target = Store(store).folder(entry.id)
        target.mkdir()
        for file in ("image.b2nd", "labels.b2nd"):
            (target / file).symlink_to(Store(store).folder(source.id) / file)
        case = json.loads((Store(store).folder(source.id) / "case.json").read_text())
        (target / "case.json").write_text(json.dumps({**case, "id": entry.id}) + "\n")
        entries.append(entry)
    return entries


def draw(store: Path, entries: list[Entry], window: tuple[int, int, int], first: int, crops: int,
         results: multiprocessing.Queue) -> None:
    """Draws crops in a process of its own; tells how long it took and how memory went."""
    opened, source = timed(lambda: CropSource(store, entries, window, structure_share=0.5))
    assert isinstance(source, CropSource)
    for index in range(20):
        source[index]
    memory = [resident_mb()]
    start = time.perf_counter()
    for index in range(crops):
        source[first + index]
        if (index + 1) % max(1, crops // 10) == 0:
            memory.append(resident_mb())
    results.put({"opened_s": opened, "crops": crops, "seconds": time.perf_counter() - start, "memory_mb": memory})


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def crop_rates(store: Path, entries: list[Entry], crops: int) -> list[dict[str, object]]:
    rows = []
    context = multiprocessing.get_context("spawn")
    for window in WINDOWS:
        for processes in (1, 2):
            results = context.Queue()
            workers = [context.Process(target=draw, args=(store, entries, window, 10**6 * place, crops, results))
                       for place in range(processes)]
            for worker in workers:
                worker.start()
            found = [results.get() for _ in workers]
            for worker in workers:
                worker.join()
            rate = sum(one["crops"] / one["seconds"] for one in found)
            grown = max(one["memory_mb"][-1] - one["memory_mb"][1] for one in found)
            rows.append({"window": window, "processes": processes, "crops_per_second": round(rate, 1),
                         "milliseconds_a_crop": round(1000 * processes / rate, 1),
                         "open_store_s": max(one["opened_s"] for one in found),
                         "memory_mb": found[0]["memory_mb"], "memory_growth_mb": round(grown, 1)})
            print(rows[-1], flush=True)
    return rows


def need_of_two(window: tuple[int, int, int]) -> float:
    """Crops per second that two training processes would consume if each had this processor for itself."""
    network = build_network("tiny").train()
    image = torch.randn(1, 1, *window)

    def step() -> None:
        sum(level.square().mean() for level in network.forward_deep(image)).backward()

    step()
    return round(2.0 / min(timed(step)[0] for _ in range(3)), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--volumes", type=int, default=10_000)
    parser.add_argument("--crops", type=int, default=2000)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--out", default="data_index.json")
    args = parser.parse_args()
    machine = describe_machine()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        times = index_times(args.cases, folder)
        print(times, flush=True)
        index, store = distinct_cases(folder, args.side)
        entries = linked(index, store, args.volumes)
        listing, count = timed(Store(store).write_list)
        print(f"{count} cases listed in {listing} s", flush=True)
        rows = crop_rates(store, entries, args.crops)
    for row in rows:
        row["two_training_processes_need"] = need_of_two(row["window"])
        print(row["window"], "two training processes need", row["two_training_processes_need"], flush=True)
    result = {"machine": machine, "load_after": load(), "index": times, "volumes": args.volumes, "side": args.side,
              "list_cases_s": listing, "crops": rows}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
