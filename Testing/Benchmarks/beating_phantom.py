"""Ejection fraction of an analytic beating heart, sampled as scanners do and measured by `heartseg measure`.

    python Testing/Benchmarks/beating_phantom.py [--out beating_phantom.json]

The cavities are pieces of ellipsoids whose volumes are known in closed form; the base moves towards the apex, the walls
thicken and keep their volume. Every heart lies at a random place on the grid, in a random pose, in a short-axis stack
whose slices are tilted against the base as they are in patients, or, as the worst case, exactly parallel to it. A voxel
belongs to the structure at its center, as if a perfect reader had drawn it: what remains is the error of the grid.
Where ../shared/data lies beside the clone, a real cine is segmented and measured too, whose reference comes from
ventricles that others fitted to it.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"
REAL_CINE = Path(__file__).resolve().parents[3] / "shared" / "data" / "mr"
REAL_FRAMES = (0, 10)
"""Frames of the real cine with reference labels: end-diastole and the one taken as end-systole."""

FRAMES = 20
AIM_POINTS = 2.0
HEART_RATE = 75

ANY_POSE, TILTED, PARALLEL = "in any pose", "short axis, tilted 10 degrees", "short axis, parallel to the base"
TILT_DEGREES = 10.0

GRIDS = (
    ("CT 0.7 x 0.7 x 1 mm", (0.7, 0.7, 1.0), ANY_POSE, 2),
    ("MR 1.5 mm isotropic", (1.5, 1.5, 1.5), ANY_POSE, 4),
    ("CT 0.8 x 0.8 x 3 mm", (0.8, 0.8, 3.0), ANY_POSE, 3),
    ("MR 1.4 x 1.4 x 8 mm", (1.4, 1.4, 8.0), ANY_POSE, 8),
    ("MR 1.4 x 1.4 x 8 mm", (1.4, 1.4, 8.0), TILTED, 8),
    ("MR 1.8 x 1.8 x 10 mm", (1.8, 1.8, 10.0), TILTED, 8),
    ("MR 1.4 x 1.4 x 8 mm", (1.4, 1.4, 8.0), PARALLEL, 8),
    ("MR 1.8 x 1.8 x 10 mm", (1.8, 1.8, 10.0), PARALLEL, 8),
)
"""Name, spacing in mm, pose of the slices, and how often each heart is placed on it."""

FIELD_MM = 164.0
HEARTS = {"healthy": (62.0, 58.0), "reduced": (35.0, 45.0), "hyperdynamic": (72.0, 65.0)}
"""Ejection fraction in % of the left and the right ventricle."""

LV_RADIUS, LV_LENGTH, WALL, RV_WIDTH, RV_DEPTH, RV_LENGTH = 25.0, 85.0, 9.0, 36.0, 42.0, 80.0  # mm at end-diastole
BASE_SHARE = 0.16
"""Share of its length by which the left ventricle shortens at an ejection fraction of 60 %."""


@dataclass(frozen=True)
class Ventricles:
    """Half-axes in mm at one moment; the apex stays, the base plane lies `length` above it."""

    lv_radius: float
    lv_length: float
    wall_radius: float
    wall_length: float
    rv_width: float
    rv_depth: float
    rv_length: float

    def volumes_ml(self) -> tuple[float, float, float]:
        """Left cavity, right cavity and myocardium: half an ellipsoid, a quarter of one, a half without the first."""
        left = 2 / 3 * math.pi * self.lv_radius**2 * self.lv_length
        wall = 2 / 3 * math.pi * self.wall_radius**2 * self.wall_length - left
        right = 1 / 3 * math.pi * self.rv_width * self.rv_depth * self.rv_length
        return left / 1000.0, right / 1000.0, wall / 1000.0

    def label(self, points: np.ndarray) -> np.ndarray:
        """Label values at points (..., 3) of the heart's frame: x away from the septum, z from base (0) to apex."""
        base = self.wall_length - (LV_LENGTH + WALL)  # the apex of the wall does not move
        x, y, z = points[..., 0], points[..., 1], points[..., 2] + base
        below = z >= 0

        def inside(across: float, deep: float, length: float, dx: float = 0.0) -> np.ndarray:
            return ((x - dx) / across) ** 2 + (y / deep) ** 2 + (z / length) ** 2 <= 1.0

        labels = np.zeros(x.shape, np.uint8)
        labels[below & (x <= -self.wall_radius) & inside(self.rv_width, self.rv_depth, self.rv_length,
                                                         -self.wall_radius)] = 3
        labels[below & inside(self.wall_radius, self.wall_radius, self.wall_length)] = 2
        labels[below & inside(self.lv_radius, self.lv_radius, self.lv_length)] = 1
        return labels


def ventricles(left_percent: float, right_percent: float, contraction: float) -> Ventricles:
    """The heart at one moment; contraction 0 is end-diastole, 1 end-systole."""
    left = 1.0 - left_percent / 100.0 * contraction
    right = 1.0 - right_percent / 100.0 * contraction
    length = 1.0 - BASE_SHARE * left_percent / 60.0 * contraction
    lv_length, lv_radius = LV_LENGTH * length, LV_RADIUS * math.sqrt(left / length)
    whole = LV_RADIUS**2 * LV_LENGTH
    wall_volume = (LV_RADIUS + WALL) ** 2 * (LV_LENGTH + WALL) - whole
    wall_length = (LV_LENGTH + WALL) - LV_LENGTH * (1.0 - length)
    wall_radius = math.sqrt((wall_volume + whole * left) / wall_length)
    across = math.sqrt(right / length)
    return Ventricles(lv_radius, lv_length, wall_radius, wall_length, RV_WIDTH * across, RV_DEPTH * across,
                      RV_LENGTH * length)


def contraction(frame: int) -> float:
    """Share of the contraction in a frame: ejection over 35 % of the beat, filling over 45 %, then rest."""
    time = frame / FRAMES
    if time <= 0.35:
        return 0.5 - 0.5 * math.cos(math.pi * time / 0.35)
    return 0.5 + 0.5 * math.cos(math.pi * min((time - 0.35) / 0.45, 1.0))


def sample(heart: Ventricles, spacing: Sequence[float], turn: np.ndarray, shift: np.ndarray) -> sitk.Image:
    """The heart's labels on a grid; `turn` (3, 3) brings the grid's axes into the heart's frame, `shift` in voxels."""
    size = [math.ceil(FIELD_MM / step) for step in spacing]
    axes = [((np.arange(count) - (count - 1) / 2 + part) * step).astype(np.float32)
            for count, step, part in zip(size, spacing, shift, strict=True)]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    points = np.stack([x, y, z], axis=-1) @ turn.T.astype(np.float32) + np.float32([-15.0, 0.0, 45.0])
    labels = sitk.GetImageFromArray(heart.label(points))
    labels.SetSpacing([float(step) for step in spacing])
    labels.SetDirection(turn.ravel().tolist())
    return labels


def random_turn(generator: np.random.Generator) -> np.ndarray:
    """A rotation matrix, all poses equally likely."""
    matrix, upper = np.linalg.qr(generator.normal(size=(3, 3)))
    matrix = matrix * np.sign(np.diag(upper))
    if np.linalg.det(matrix) < 0:
        matrix[:, 0] *= -1
    return matrix


def tilted(generator: np.random.Generator) -> np.ndarray:
    """A rotation of the slices against the base by `TILT_DEGREES` about a random axis in the base."""
    around, tilt = generator.uniform(0.0, 2 * math.pi), math.radians(TILT_DEGREES)
    spin = np.array([[math.cos(around), -math.sin(around), 0], [math.sin(around), math.cos(around), 0], [0, 0, 1]])
    lean = np.array([[1, 0, 0], [0, math.cos(tilt), -math.sin(tilt)], [0, math.sin(tilt), math.cos(tilt)]])
    return spin @ lean @ spin.T


TURNS = {ANY_POSE: random_turn, TILTED: tilted, PARALLEL: lambda generator: np.eye(3)}


def heartseg(*arguments: object) -> None:
    """Run the command line."""
    program = "import sys; from HeartSegTrainingLib.cli import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", program, *map(str, arguments), "--quiet"], check=True,
                   stderr=subprocess.DEVNULL)


def measure(paths: Sequence[Path], folder: Path, *options: object) -> list[dict]:
    """Functions of 4-D label maps as `heartseg measure` writes them."""
    table = folder / "function.json"
    heartseg("measure", *paths, "-o", table, "--force", *options)
    return json.loads(table.read_text())["functions"]


def errors_on(spacing: Sequence[float], pose: str, placements: int, generator: np.random.Generator,
              folder: Path) -> dict[str, object]:
    """Errors of ejection fraction, volume and mass of every heart in every placement on one kind of grid."""
    paths, truths = [], []
    for name, (left, right) in HEARTS.items():
        hearts = [ventricles(left, right, contraction(frame)) for frame in range(FRAMES)]
        for placement in range(placements):
            turn, shift = TURNS[pose](generator), generator.uniform(-0.5, 0.5, 3)
            frames = [sample(heart, spacing, turn, shift) for heart in hearts]
            paths.append(folder / f"{name}_{placement}.nii.gz")
            sitk.WriteImage(sitk.JoinSeries(frames, 0.0, 60.0 / HEART_RATE / FRAMES), str(paths[-1]))
            volumes = np.array([heart.volumes_ml() for heart in hearts])
            truths.append((100.0 * (1.0 - volumes.min(0) / volumes.max(0)), volumes))
    found = measure(paths, folder)
    fractions = {"LV": [], "RV": []}
    volumes_percent, mass_percent = [], []
    for function, (truth, volumes) in zip(found, truths, strict=True):
        for column, id in enumerate(("LV", "RV")):
            one = function["ventricles"][id]
            fractions[id].append(one["ejection_fraction_percent"] - truth[column])
            volumes_percent.append(100.0 * (one["edv_ml"] / volumes[:, column].max() - 1.0))
        mass_percent.append(100.0 * (function["myocardial_mass_g"] / (1.05 * volumes[0, 2]) - 1.0))
    for path in paths:
        path.unlink()
    sizes = np.abs(np.concatenate(list(fractions.values())))
    return {
        "hearts": len(found),
        "ef_points": {id: {"mean_error": rounded(np.mean(values)), "mean_size": rounded(np.mean(np.abs(values))),
                           "largest": rounded(np.max(np.abs(values)))} for id, values in fractions.items()},
        "within_2_points_percent": rounded(100.0 * np.mean(sizes <= AIM_POINTS)),
        "edv_largest_error_percent": rounded(np.max(np.abs(volumes_percent))),
        "mass_largest_error_percent": rounded(np.max(np.abs(mass_percent))),
        "heart_rate_read": sorted({function["heart_rate_per_min"] for function in found}),
    }


def real_cine(folder: Path) -> dict[str, object] | None:
    """Ejection fraction of a real cine, segmented by the default model, beside that of fitted ventricles."""
    scan = REAL_CINE / "cine_sax_4d.nii.gz"
    if not scan.is_file():
        return None
    volumes = {}
    for frame in REAL_FRAMES:
        labels = sitk.ReadImage(str(REAL_CINE / f"cine_sax_4d_frame{frame:03d}_labels_from_fitted_mesh.nii.gz"))
        voxels, milliliters = sitk.GetArrayFromImage(labels), float(np.prod(labels.GetSpacing())) / 1000.0
        volumes[frame] = {id: float((voxels == value).sum()) * milliliters for id, value in (("LV", 1), ("RV", 3))}
    heartseg("segment", scan, "-o", folder / "cine.nii.gz")
    automatic, = measure([folder / "cine.nii.gz"], folder)
    same, = measure([folder / "cine.nii.gz"], folder, "--end-diastole", REAL_FRAMES[0], "--end-systole", REAL_FRAMES[1])
    first, last = (volumes[frame] for frame in REAL_FRAMES)
    return {
        "reference_percent": {id: rounded(100.0 * (1.0 - last[id] / first[id])) for id in first},
        "segmented_same_frames_percent": fractions_of(same),
        "segmented_automatic_percent": fractions_of(automatic),
        "automatic_frames": [automatic[phase]["frame"] for phase in ("end_diastole", "end_systole")],
        "warnings": automatic["warnings"],
    }


def fractions_of(function: dict) -> dict[str, float]:
    """Ejection fraction in % by ventricle."""
    return {id: rounded(one["ejection_fraction_percent"]) for id, one in function["ventricles"].items()}


def rounded(value: float) -> float:
    """Two decimals."""
    return round(float(value), 2)


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="beating_phantom.json")
    args = parser.parse_args()
    generator = np.random.default_rng(1)
    grids = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, spacing, pose, placements in GRIDS:
            grid = f"{name}, {pose}"
            grids[grid] = errors_on(spacing, pose, placements, generator, Path(folder))
            print(grid, json.dumps(grids[grid]), flush=True)
        real = real_cine(Path(folder))
        print("real cine", json.dumps(real), flush=True)
    stored = {"machine": describe_machine(), "frames": FRAMES, "hearts": HEARTS, "aim_points": AIM_POINTS,
              "grids": grids, "real_cine": real}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
