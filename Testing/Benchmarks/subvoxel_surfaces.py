"""Surfaces from class probabilities beside those from labels, on thick slices of generated held-out hearts.

    python Testing/Benchmarks/subvoxel_surfaces.py [KIND ...] [--cases 4] [--again]

Every heart is seen as a stack of thick slices (`thick_stacks.py`) and segmented. Its surfaces, with samples of 1 mm,
are made three times: from the label map on the scan's own voxels, from the most probable labels on voxels as fine as
the model's, and from the probabilities. Distances are taken from the vertices of each structure's surface to the true
one and back, where the scan shows it and its border is 3 mm away; volumes are held against the true ones in view.
Surfaces of one segmentation differ by what is done between the slices alone: the model's own errors are in all of them.

A structure counts where 5 mL of it lie in view, and where the segmentation is not wrong altogether: its Dice on the
scan's voxels is 0.5 or more. Cases that were measured with the same model and the same code of the generator, the
segmentation and the meshing are left as they are; `--again` measures all. Stores results/subvoxel_surfaces.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pyvista as pv
import SimpleITK as sitk
from machine import describe_machine
from mesh_runs import fingerprint
from thick_stacks import STACKS, stacks_of

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.imaging.probabilities import ClassProbabilities
from HeartSeg3DLib.meshing.cleaning import Pieces, clean_labels
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.quality import check_surfaces
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.segmentation import Segmenter, choose_device
from HeartSeg3DLib.segmentation.probabilities import class_probabilities

RESULTS = Path(__file__).parent / "results" / "subvoxel_surfaces.json"
CODE = ("HeartSegTraining/HeartSegTrainingLib/generator", "HeartSeg3D/HeartSeg3DLib/segmentation",
        "HeartSeg3D/HeartSeg3DLib/meshing", "HeartSeg3D/HeartSeg3DLib/imaging/probabilities.py",
        "Testing/Benchmarks/generated_hearts.py", "Testing/Benchmarks/thick_stacks.py",
        "Testing/Benchmarks/subvoxel_surfaces.py")
"""What the figures of a case come from, beside the model."""
WAYS = ("labels", "fine labels", "probabilities")
PITCH_MM = 1.0
BORDER_MM = 3.0
IN_VIEW_ML = 5.0
LEAST_DICE = 0.5


def measure(scan: sitk.Image, truth: sitk.Image, segmenter: Segmenter, modality: str) -> dict:
    """Return the figures of one case by way and structure."""
    heart = segmenter.segment(scan, modality, keep_seen=True)
    start = time.perf_counter()
    probabilities = class_probabilities(heart.seen)
    seconds = {"class probabilities": round(time.perf_counter() - start, 2)}
    true = surface_mesh(label_field(truth, PITCH_MM))
    view = sitk.Resample(truth, scan, sitk.Transform(), sitk.sitkNearestNeighbor)
    counted = [value for value in WHOLE_HEART if _counts(view, heart.labels, value)]
    record: dict = {"expected_ml": _expected(probabilities), "structures": [STRUCTURES[v].id for v in counted]}
    for way in WAYS:
        start = time.perf_counter()
        mesh, labels = _made(way, heart.labels, probabilities)
        seconds[way] = round(time.perf_counter() - start, 2)
        report = check_surfaces(mesh, labels)
        rows = {}
        for value in counted:
            rows[STRUCTURES[value].id] = _against_truth(mesh, true, value, scan, truth)
        record[way] = {"sound": report.fit_for_use, "rows": rows}
    return {**record, "seconds": seconds}


def _made(way: str, labels: sitk.Image, probabilities: ClassProbabilities) -> tuple[SurfaceMesh, sitk.Image]:
    """Return surfaces as `heartseg mesh` makes them, and the label map that they were made from."""
    given = labels if way == "labels" else probabilities.labels
    cleaned = clean_labels(given, Pieces.KEEP_ALL).labels
    field = label_field(cleaned, PITCH_MM, probabilities if way == "probabilities" else None)
    return surface_mesh(field), cleaned


def _counts(view: sitk.Image, found: sitk.Image, value: int) -> bool:
    one, two = (sitk.GetArrayViewFromImage(image) == value for image in (view, found))
    voxel_ml = float(np.prod(view.GetSpacing())) / 1000.0
    overlap = 2.0 * (one & two).sum() / max(one.sum() + two.sum(), 1)
    return bool(one.sum() * voxel_ml >= IN_VIEW_ML and overlap >= LEAST_DICE)


def _against_truth(mesh: SurfaceMesh, true: SurfaceMesh, value: int, scan: sitk.Image, truth: sitk.Image) -> dict:
    ours, theirs = _closed(mesh, value), _closed(true, value)
    distances = np.concatenate([_distances(_in_view(one, scan), two) for one, two in ((ours, theirs), (theirs, ours))])
    true_ml = _true_ml(truth, value, scan)
    return {"mean_mm": round(float(distances.mean()), 3), "p95_mm": round(float(np.percentile(distances, 95)), 3),
            "volume_ml": round(ours.volume / 1000.0, 2), "true_ml": round(true_ml, 2),
            "volume_error_percent": round(100.0 * (ours.volume / 1000.0 / true_ml - 1.0), 2)}


def _closed(mesh: SurfaceMesh, value: int) -> pv.PolyData:
    return pv.PolyData.from_regular_faces(mesh.points, mesh.closed_surface(value)).clean()


def _in_view(surface: pv.PolyData, scan: sitk.Image) -> np.ndarray:
    """Return the vertices that lie in the scan and away from its border."""
    return surface.points[_depth(np.asarray(surface.points), scan) > BORDER_MM]


def _depth(points: np.ndarray, scan: sitk.Image) -> np.ndarray:
    """Return the distance (N,) of points (N, 3) from the border of a scan, negative beyond it."""
    axes, spacing = np.reshape(scan.GetDirection(), (3, 3)), np.array(scan.GetSpacing())
    local = (points - scan.GetOrigin()) @ axes
    return np.minimum(local + spacing / 2, (np.array(scan.GetSize()) - 0.5) * spacing - local).min(axis=1)


def _distances(points: np.ndarray, surface: pv.PolyData) -> np.ndarray:
    return np.abs(pv.PolyData(points).compute_implicit_distance(surface)["implicit_distance"])


def _true_ml(truth: sitk.Image, value: int, scan: sitk.Image) -> float:
    index = np.argwhere(sitk.GetArrayViewFromImage(truth) == value)[:, ::-1]
    inside = _depth(index * np.array(truth.GetSpacing()) + truth.GetOrigin(), scan) >= 0.0
    return float(inside.sum() * np.prod(truth.GetSpacing()) / 1000.0)


def _expected(probabilities: ClassProbabilities) -> dict[str, float]:
    """Return the volume of each structure that is to be expected from the probabilities, mL."""
    voxel_ml = float(np.prod(probabilities.labels.GetSpacing())) / 1000.0
    totals = probabilities.shares.sum(axis=(0, 1, 2), dtype=np.float64) / 255.0 * voxel_ml
    return {STRUCTURES[value].id: round(float(total), 2)
            for value, total in zip(probabilities.values, totals, strict=True)}


def summary(cases: list[dict]) -> dict[str, dict[str, float]]:
    """Return means over structures and cases, of distances and of absolute volume errors, by way."""
    found = {}
    for way in WAYS:
        rows = [row for case in cases if "error" not in case for row in case[way]["rows"].values()]
        found[way] = {
            "mean_mm": round(float(np.mean([row["mean_mm"] for row in rows])), 3),
            "p95_mm": round(float(np.mean([row["p95_mm"] for row in rows])), 3),
            "absolute_volume_error_percent": round(float(np.mean([abs(r["volume_error_percent"]) for r in rows])), 2),
            "volume_error_percent": round(float(np.mean([row["volume_error_percent"] for row in rows])), 2),
            "structures": len(rows), "sound": all(case[way]["sound"] for case in cases if "error" not in case)}
    rows = [(case["expected_ml"][name], row["true_ml"]) for case in cases if "error" not in case
            for name, row in case["labels"]["rows"].items()]
    errors = [100.0 * (expected / true - 1.0) for expected, true in rows]
    found["expected volume"] = {"absolute_volume_error_percent": round(float(np.mean(np.abs(errors))), 2),
                                "volume_error_percent": round(float(np.mean(errors)), 2)}
    return found


def still_valid(sha256: str, code: str) -> dict:
    """Return the stored results of a model where they were measured with this code; nothing measured yet otherwise."""
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    if (kept.get("sha256"), kept.get("code")) == (sha256, code):
        return kept
    return {"sha256": sha256, "code": code, "kinds": {}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[*STACKS, []], help="stacks to measure; all without any")
    parser.add_argument("--model", default="")
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--scenes", type=Path, default=Path(__file__).parents[2] / "work/scenes/heldout")
    parser.add_argument("--again", action="store_true", help="measure cases that were measured with this model, too")
    args = parser.parse_args()
    store = ModelStore()
    fine = store.load(args.model or store.default("segmenter").card.id)
    segmenter = Segmenter(fine, store.load(store.default("locator").card.id), choose_device("auto"))
    code = fingerprint(CODE)
    kept = still_valid(fine.card.sha256, "" if args.again else code) | {"code": code}
    kept |= {"model": fine.card.id, "machine": describe_machine()}
    for name in args.kinds or STACKS:
        cases = kept["kinds"].setdefault(name, {"cases": []})["cases"]
        for number, (scan, truth) in enumerate(stacks_of(args.scenes, STACKS[name], args.cases)):
            if number < len(cases):
                continue
            try:
                case = measure(scan, truth, segmenter, "ct" if STACKS[name].mode.startswith("ct") else "mr")
            except HeartSegError as error:
                case = {"error": error.message}
            if fingerprint(CODE) != code:
                raise SystemExit(f"{name}: the code changed meanwhile, so this case is not kept. Start again.")
            cases.append(case)
            kept["kinds"][name]["summary"] = summary(cases)
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(name, json.dumps(kept["kinds"][name]["summary"], indent=1), flush=True)


if __name__ == "__main__":
    main()
