"""How close generated hearts come to real ones: sizes beside published ranges, and looks beside real scans.

    python Testing/Benchmarks/generator_report.py [--scenes FOLDER] [--count 60] [--scans 60] [--pictures DIR]

Sizes are measured on the labels of prepared scenes, procedural hearts and real shapes apart, and once more after the
random changes of shape that training sees. Ranges of healthy adults are those of `published_ranges.py`; generated
hearts are wider on purpose, as patients are, but must cover them.

Looks are measured after the model's own normalisation in every mode of the generator, without the random gamma that
training adds to half of its pictures; MR is drawn as stacks of thick slices, seven of ten along the short axis. Real
ones are three short-axis cine MR with their labels and a CT without contrast, whose labels are the shipped model's own
and may be wrong. A real value beyond 5 to 95 % of what is generated is a finding. The real scans are only looked at:
they are neither trained nor tuned on, and the generator is not fitted to them. Without `../shared/data` the real
values are left out, and so are real shapes where scenes have to be made.

Stores results/generator_report.json; the picture goes to a folder that is not committed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import SimpleITK as sitk
import torch
from generator_looks import COMPARED, Picture, generated, look_of, outside, real_cine, real_ct
from generator_looks import summary as summary_of_looks
from generator_pictures import draw_report
from generator_shapes import real_shape, shapes_of
from generator_shapes import summary as summary_of_shapes
from machine import describe_machine
from published_ranges import AT_END_DIASTOLE

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSegTrainingLib.generator import NARROW, prepare_scenes, read_priors
from HeartSegTrainingLib.generator.appearance import MODES

RESULTS = Path(__file__).parent / "results" / "generator_report.json"
ROOT = Path(__file__).parents[2]
CASES = "ABC"
SEED = 951
"""Of scenes that are made for this report alone."""
GALLERY = 5


def scene_paths(folder: Path, count: int, priors: Path) -> list[Path]:
    """Return prepared scenes of a folder, made first in one that has none."""
    there = sorted(folder.glob("scene_*.safetensors"))
    if there and folder != ROOT / "work/scenes/report":
        return there[:count]
    shapes = read_priors(priors) if priors.is_dir() else {}
    if not shapes:
        print(f"No {priors}: procedural hearts only.")
    return list(prepare_scenes(folder, count, SEED, shapes, NARROW))


def real_pictures(data: Path) -> dict[str, dict[str, Picture]]:
    """Return the real scans by mode and case; empty where they are not at hand."""
    if not (data / "mr").is_dir():
        print(f"No {data}: nothing real to compare with.")
        return {}
    found = {"mr_bright": {case: real_cine(data, case) for case in CASES}}
    try:
        image = sitk.ReadImage(str(data / "ct/chest_noncontrast_1p5mm.nii.gz"))
        store = ModelStore()
        segmenter = Segmenter(store.load(store.default("segmenter").card.id),
                              store.load(store.default("locator").card.id), choose_device("auto"))
        found["ct_plain"] = {"CT": real_ct(image, segmenter.segment(image, "ct").labels)}
    except (HeartSegError, RuntimeError) as error:
        print(f"The CT without contrast is left out: {error}")
    return found


def looks_of(paths: list[Path], scans: int) -> tuple[dict[str, list[dict[str, float]]], dict[str, list[Picture]]]:
    """Return the looks of generated scans by mode, and the first pictures of the modes that are compared."""
    looks, gallery = {}, {mode: [] for mode in COMPARED}
    for mode in MODES:
        looks[mode] = []
        for picture in generated(paths, mode, scans):
            looks[mode].append(look_of(picture))
            wanted = mode in gallery and len(gallery[mode]) < GALLERY and picture.axis is not None
            if wanted and "noise" in looks[mode][-1]:
                gallery[mode].append(picture)
        print(mode, len(looks[mode]), "scans", flush=True)
    return looks, gallery


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, default=ROOT / "work/scenes/report", help="prepared scenes")
    parser.add_argument("--count", type=int, default=60, help="hearts that are measured")
    parser.add_argument("--scans", type=int, default=60, help="scans of each mode that are measured")
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    parser.add_argument("--pictures", type=Path, default=ROOT / "work/pictures")
    args = parser.parse_args()
    torch.set_num_threads(1)
    start = time.time()
    paths = scene_paths(args.scenes, args.count, args.data / "priors")
    shapes = shapes_of(paths)
    pictures = real_pictures(args.data)
    real_shapes = {case: real_shape(sitk.ReadImage(str(args.data / f"mr/cine_sax_{case}_labels.nii.gz")))
                   for case in pictures.get("mr_bright", {})}
    looks, gallery = looks_of(paths, args.scans)
    real_looks = {mode: {case: look_of(one) for case, one in cases.items()} for mode, cases in pictures.items()}
    found = summary_of_looks(looks, real_looks)
    sources = {name: one.source for name, one in AT_END_DIASTOLE.items()}
    record = {"machine": describe_machine(), "hearts": len(paths), "scans of each mode": args.scans,
              "ranges": sources, "real shapes": real_shapes, "shapes": summary_of_shapes(shapes, real_shapes),
              "looks": found, "outside 5 to 95 %": outside(found), "seconds": round(time.time() - start)}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    args.pictures.mkdir(parents=True, exist_ok=True)
    draw_report(args.pictures / "generator_report.png", shapes, real_shapes, looks, real_looks,
                {mode: (pictures.get(mode, {}), gallery[mode]) for mode in COMPARED})
    print("\n".join(record["outside 5 to 95 %"]))


if __name__ == "__main__":
    main()
