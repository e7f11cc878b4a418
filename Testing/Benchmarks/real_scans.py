"""The shared real scans as they come out: Dice on cine MR, lights and pictures of every case.

    python Testing/Benchmarks/real_scans.py [--model ID|DIR] [--locator ID|DIR] [--data ../shared/data] [--pictures DIR]

None of these scans was trained on; of what they changed in the generator see real_scans.md. The 4-D case's reference is
a fitted mesh whose label 2 includes the wall of the right ventricle. Stores results/real_scans.json and the pictures of
real_scans.md; give another folder for those of another model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import SimpleITK as sitk
from machine import describe_machine, weights_of
from real_pictures import draw_slices

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.imaging import read_scan
from HeartSeg3DLib.measurement import measure
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSeg3DLib.trust import judge, read_trust
from HeartSegTrainingLib.evaluation import evaluate_pair

RESULTS = Path(__file__).parent / "results"
VENTRICLES = (1, 2, 3)
CINE = [(name, f"mr/cine_sax_{name}.nii.gz", f"mr/cine_sax_{name}_labels.nii.gz", 0) for name in "ABC"] + [
    ("A without orientation", "mr/cine_sax_A_original_header.nii.gz", "mr/cine_sax_A_labels.nii.gz", 0),
    ("4D diastole", "mr/cine_sax_4d.nii.gz", "mr/cine_sax_4d_frame000_labels_from_fitted_mesh.nii.gz", 0),
    ("4D systole", "mr/cine_sax_4d.nii.gz", "mr/cine_sax_4d_frame010_labels_from_fitted_mesh.nii.gz", 10),
]
CT = "ct/chest_noncontrast_1p5mm.nii.gz"


def reference_of(path: Path, labels: sitk.Image) -> sitk.Image:
    """Read a reference, voxel by voxel of the stored arrays."""
    reference = sitk.ReadImage(str(path), sitk.sitkUInt8)
    reference.CopyInformation(labels)  # case A without orientation has another header for the same voxels
    return reference


def picture_name(name: str) -> str:
    return f"real_{name.lower().replace(' ', '_').replace('-', '_')}.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="")
    parser.add_argument("--locator", default="")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pictures", type=Path, default=Path(__file__).parent / "pictures")
    parser.add_argument("--out", default="real_scans.json")
    args = parser.parse_args()
    args.pictures.mkdir(parents=True, exist_ok=True)
    store = ModelStore()
    package = store.resolve(args.model) if args.model else store.default("segmenter")
    fine = store.load(args.model or package.card.id)
    trust = read_trust(package.folder, (fine.card.sha256, *fine.card.members))
    locator = store.load(args.locator or store.default("locator").card.id)
    segmenter = Segmenter(fine, locator, choose_device("auto"))
    results: dict[str, dict] = {}
    for name, image_path, reference_path, frame in [*CINE, ("non-contrast CT", CT, "", 0)]:
        scan = read_scan(args.data / image_path)
        image = scan.frames[frame].image
        try:
            found = segmenter.segment(image, "ct" if "CT" in name else "mr", orientation_known=scan.orientation_known,
                                      keep_seen=True)
        except HeartSegError as error:
            results[name] = {"error": error.message}
            print(name, error.message, flush=True)
            continue
        entry: dict = {"pose": found.pose, "warnings": found.warnings}
        reference = reference_of(args.data / reference_path, found.labels) if reference_path else None
        if reference is not None:
            entry["dice"] = {item.id: round(item.dice or 0.0, 3)
                             for item in evaluate_pair(found.labels, reference, VENTRICLES)}
        verdict = judge(found.labels, found.seen, trust, orientation_known=scan.orientation_known,
                        blood_unseen=found.blood_unseen)
        entry["light"] = verdict.level
        entry["marks"] = {mark.id: {"level": mark.level, "risk": mark.risk and round(mark.risk, 3),
                                    "sentence": mark.sentence} for mark in verdict.marks}
        entry["volumes_ml"] = {row.id: round(row.volume_ml, 1) for row in measure(found.labels).rows}
        results[name] = entry
        draw_slices(args.pictures / picture_name(name), image, found.labels, reference,
                    name if "CT" in name else f"Cine MR {name}", entry.get("dice", {}))
        levels = {id: mark["level"] for id, mark in entry["marks"].items()}
        print(name, entry.get("dice"), entry["volumes_ml"], entry["light"], levels, flush=True)
    RESULTS.mkdir(exist_ok=True)
    stored = {"model": fine.card.id, "sha256": fine.card.sha256, "cases": results,
              "machine": describe_machine(weights_of(fine, locator))}
    (RESULTS / args.out).write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
