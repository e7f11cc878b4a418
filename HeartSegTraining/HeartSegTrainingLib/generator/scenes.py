"""Scenes: a heart in its chest as tissue codes on a grid, prepared once and sampled many times."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save
from scipy import ndimage

from HeartSeg3DLib.errors import InputError, UsageError

from .chest import Body, bend, chest_tissue, draw_body, paint_oesophagus, wrap_heart
from .findings import add_findings
from .geometry import Grid, distance_within, enlarged
from .muscle import add_muscle_detail
from .parametric import HeartParameters, draw_parameters, parametric_heart
from .tissues import TISSUE_OF_LABEL
from .tissues import Tissue as T
from .vessels import paint_arteries, paint_veins, plan_vessels

NARROW = Grid(size=176, spacing=1.5)
"""Grid of the scenes that the fine network learns from: 264 mm."""
WIDE = Grid(size=128, spacing=3.5)
"""Grid of the scenes that the locator learns from: 448 mm, neck to abdomen."""

VERSION = 3
"""Of the way scenes are made: prepared ones of another version are refused."""

CHAMBERS = (T.LV, T.LA, T.RV, T.RA, T.AORTA)
"""Structures whose centres a scene remembers, for changes of single chambers."""


@dataclass
class Scene:
    """One generated body.

    Attributes:
        tissue: (n, n, n) uint8 tissue codes, [z, y, x] in LPS, centred on the heart.
        spacing: Voxel size in mm.
        centres: (5, 3) centres (x, y, z) in mm of CHAMBERS; empty for a body without a heart.
        record: Where it came from: prior or parameters, seed; plain values for JSON.
        findings: Names of what was added: leads, calcium and the like.
    """

    tissue: np.ndarray
    spacing: float
    centres: np.ndarray
    record: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the scene as safetensors, to a temporary name first."""
        record = {"spacing": self.spacing, "record": self.record, "findings": self.findings}
        data = save({"tissue": self.tissue, "centres": self.centres.astype(np.float32)},
                    metadata={"scene": json.dumps(record)})
        temporary = path.with_suffix(".part")
        temporary.write_bytes(data)
        os.replace(temporary, path)

    @staticmethod
    def load(path: Path) -> Scene:
        """Read a scene written by :meth:`save`."""
        from safetensors import safe_open

        with safe_open(str(path), framework="numpy") as file:
            record = json.loads(file.metadata()["scene"])
            return Scene(file.get_tensor("tissue"), record["spacing"], file.get_tensor("centres"), record["record"],
                         record["findings"])


def place(heart: np.ndarray, grid: Grid, scale: float) -> np.ndarray:
    """Sample a 1 mm label map (nearest) onto a grid, its bounding box centred, as tissue codes."""
    box = ndimage.find_objects((heart > 0).astype(np.uint8))[0]
    centre = [(s.start + s.stop - 1) / 2 for s in box]
    codes = np.zeros(256, np.uint8)
    for value, tissue in TISSUE_OF_LABEL.items():
        codes[value] = tissue
    picks, keeps = [], []
    for c, count in zip(centre, heart.shape, strict=True):
        index = np.rint(grid.axis / scale + c).astype(int)
        keeps.append((index >= 0) & (index < count))
        picks.append(np.clip(index, 0, count - 1))
    inside = keeps[0][:, None, None] & keeps[1][None, :, None] & keeps[2][None, None, :]
    return np.where(inside, codes[heart[np.ix_(*picks)]], 0).astype(np.uint8)


def vary_walls(heart: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change wall thickness of a 1 mm label map: the myocardium inwards, other walls to 0.8-5 mm.

    The myocardium loses up to 2.5 mm or gains up to 4 mm, in every fourth heart 4 to 10 mm as in systole.
    """
    heart = heart.copy()
    change = -rng.uniform(4, 10) if rng.random() < 0.25 else rng.uniform(-4, 2.5)
    if change < 0:
        region, _ = distance_within(heart == 1, 2)
        depth = ndimage.distance_transform_edt(heart[region] == 1)
        heart[region][(heart[region] == 1) & (depth < -change)] = 2
    else:
        region, from_cavity = distance_within(heart == 1, 4)
        heart[region][(heart[region] == 2) & (from_cavity < change)] = 1
    for wall, cavity, thickest in ((103, 3, 5), (104, 4, 3), (105, 5, 3)):
        keep = rng.uniform(0.8, thickest)
        region, away = distance_within(heart == cavity, 6)
        kept = np.zeros(heart.shape, bool)
        kept[region] = away <= keep
        heart[(heart == wall) & ~kept] = 0
    return heart


def _outline_distance(heart: np.ndarray, grid: Grid) -> np.ndarray:
    """Distance in mm to the closed outline of a heart mask, computed on a coarser grid."""
    coarse = heart[::2, ::2, ::2]
    steps = max(round(9 / grid.spacing) - 1, 1)
    closed = ndimage.binary_closing(np.pad(coarse, 6), iterations=steps)[6:-6, 6:-6, 6:-6]
    distance = ndimage.distance_transform_edt(~closed) * grid.spacing * 2
    return enlarged(distance.astype(np.float32), grid.size)


def build_scene(heart: np.ndarray, rng: np.random.Generator, grid: Grid = NARROW, scale: float = 1.0,
                record: dict | None = None) -> Scene:
    """Put a heart into a drawn body.

    Args:
        heart: (d, h, w) uint8 label map at 1 mm, [z, y, x] in LPS, values 1-7 and walls 103-107.
        rng: Random source.
        grid: Grid of the scene.
        scale: Size of the heart relative to its label map.
        record: What to remember of its origin.

    Returns:
        The scene, centred on the heart.
    """
    placed = place(heart, grid, scale)
    is_heart = placed > 0
    body = draw_body(rng)
    floor = float(grid.points(is_heart)[:, 2].min())
    tissue = chest_tissue(grid, body, floor, rng)
    wrap_heart(tissue, grid, _outline_distance(is_heart, grid), rng)
    tissue = np.where(is_heart, placed, tissue)
    findings = _finish(tissue, grid, body, rng)
    tissue = bend(tissue, grid, body)
    centres = np.stack([grid.points(tissue == chamber).mean(0) for chamber in CHAMBERS])
    return Scene(tissue, grid.spacing, centres, record or {}, findings)


def _finish(tissue: np.ndarray, grid: Grid, body: Body, rng: np.random.Generator) -> list[str]:
    """Paint vessels, what lies inside the chambers, and findings; return the names of the findings."""
    paths = plan_vessels(tissue, grid, body, rng)
    paint_veins(tissue, grid, paths, rng)
    paint_arteries(tissue, grid, paths, rng)
    paint_oesophagus(tissue, grid, body, rng)
    add_muscle_detail(tissue, grid, rng)
    return add_findings(tissue, grid, body, rng)


def make_scene(index: int, seed: int, priors: dict[str, np.ndarray], grid: Grid = NARROW, *,
               parametric_share: float = 0.6, held_out: bool = False) -> Scene:
    """Make scene number ``index`` of a set: a pure function of its arguments.

    Args:
        index: Number in the set.
        seed: Seed of the set.
        priors: Label maps at 1 mm by name, may be empty.
        grid: Grid of the scene.
        parametric_share: Share of procedural hearts where priors exist.
        held_out: Draw from the held-out parameter region instead (procedural hearts only).
    """
    rng = np.random.default_rng((seed, index))
    record, parameters = _draw_origin(rng, index, seed, priors, parametric_share, held_out)
    if parameters is not None:
        heart, scale = parametric_heart(parameters, rng), 1.0
    else:
        heart, scale = vary_walls(priors[record["heart"]], rng), float(rng.uniform(0.86, 1.12))
    return build_scene(heart, rng, grid, scale, record)


def _draw_origin(rng: np.random.Generator, index: int, seed: int, priors: Iterable[str], parametric_share: float,
                 held_out: bool) -> tuple[dict[str, Any], HeartParameters | None]:
    """Draw which heart a scene gets: its record, and its parameters unless it is a prior."""
    names = sorted(priors)
    if held_out or not names or rng.random() < parametric_share:
        parameters = draw_parameters(rng, held_out=held_out)
        origin: dict[str, Any] = {"heart": "parametric", "parameters": parameters.as_dict()}
    else:
        parameters, origin = None, {"heart": names[int(rng.integers(len(names)))]}
    return {**origin, "seed": seed, "index": index, "version": VERSION}, parameters


def prepare_scenes(folder: Path, count: int, seed: int, priors: dict[str, np.ndarray], grid: Grid = NARROW, *,
                   parametric_share: float = 0.6, held_out: bool = False) -> Iterator[Path]:
    """Write the scenes of a set that are not there yet, one file each; yields every path as it becomes ready.

    Raises:
        UsageError: A scene that is there is not the one that these arguments make.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        path = folder / f"scene_{index:04d}.safetensors"
        if path.exists():
            rng = np.random.default_rng((seed, index))
            check_scene(path, _draw_origin(rng, index, seed, priors, parametric_share, held_out)[0], grid)
        else:
            make_scene(index, seed, priors, grid, parametric_share=parametric_share, held_out=held_out).save(path)
        yield path


def check_scene(path: Path, record: dict[str, Any], grid: Grid) -> None:
    """Make sure that a scene file holds the scene with this record on this grid, without reading its voxels.

    Raises:
        UsageError: It holds another scene, or is no scene.
    """
    from safetensors import SafetensorError, safe_open

    remedy = "Name another folder in 'scenes', or remove the prepared ones to have them made anew."
    try:
        with safe_open(str(path), framework="numpy") as file:
            stored = json.loads(file.metadata()["scene"])
            found = stored["record"], stored["spacing"], file.get_slice("tissue").get_shape()
    except (SafetensorError, TypeError, KeyError, ValueError) as error:
        raise UsageError(f"{path} is no prepared scene.", remedy) from error
    if found != (record, grid.spacing, [grid.size] * 3):
        raise UsageError(f"{path} was prepared with other settings (seed, priors, share or grid).", remedy)


def load_scenes(folder: Path) -> list[Scene]:
    """Load all scenes of a folder in order of their names.

    Raises:
        InputError: The folder holds no scene.
    """
    paths = sorted(folder.glob("scene_*.safetensors"))
    if not paths:
        raise InputError(f"No prepared scenes in {folder}.", "Prepare them with prepare_scenes.")
    return [Scene.load(path) for path in paths]
