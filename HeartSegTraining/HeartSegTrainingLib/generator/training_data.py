"""From the [data] table of a job file to a sampler: which scenes, which window, which mix."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.engine.fields import check_entries

from .appearance import MODES
from .deformation import Deformation
from .heartless import heartless_record, heartless_scene
from .priors import read_priors
from .sampler import Sampler, SamplerConfig
from .scenes import NARROW, WIDE, Scene, check_scene, prepare_scenes

_GRIDS = {"narrow": NARROW, "wide": WIDE}


@dataclasses.dataclass(frozen=True)
class GeneratedData:
    """The [data] table of a job that learns from generated hearts.

    Attributes:
        scenes: Folder of prepared scenes; missing ones are made.
        count: Scenes with a heart.
        heartless: Scenes without a heart, for a locator.
        grid: "narrow" (264 mm) or "wide" (448 mm, neck to abdomen).
        seed: Seed of the scenes.
        priors: Folder of label maps beside the procedural hearts; empty for none.
        priors_licence: Licence of these label maps, such as "CC BY 4.0"; empty if you do not know it. Encoders and
            models that learned from their hearts name it; without it their licence is not stated.
        exclude: Names of priors that are left out.
        parametric_share: Share of procedural hearts.
        spacing: Voxel size of the window, mm.
        mix: Probability of each mode of MODES.
        binary: Merge all structures, as a locator learns them.
        shift: Largest shift of the window along x, y, z, mm.
        cut: Probability of a field of view that ends inside the window.
        cut_depth: Largest share cut off at each border.
    """

    scenes: str
    count: int
    heartless: int = 0
    grid: str = "narrow"
    seed: int = 1
    priors: str = ""
    priors_licence: str = ""
    exclude: tuple[str, ...] = ()
    parametric_share: float = 0.55
    spacing: float = 1.5
    mix: tuple[float, ...] = SamplerConfig.mix
    binary: bool = False
    shift: tuple[float, float, float] = Deformation.shift
    cut: float = 0.35
    cut_depth: float = 0.25

    def __post_init__(self) -> None:
        if self.grid not in _GRIDS:
            raise UsageError(f"The scenes' grid is '{self.grid}'.", f"Use {' or '.join(_GRIDS)}.")
        if not _are_numbers(self.mix, len(MODES)) or min(self.mix) < 0 or abs(sum(self.mix) - 1) > 1e-6:
            raise UsageError(f"The mix {list(self.mix)} does not give one share for each of {', '.join(MODES)}.",
                             "Give five numbers that sum to 1.")
        if not _are_numbers(self.shift, 3) or min(self.shift) < 0:
            raise UsageError(f"'shift' is {list(self.shift)}.", "Give three distances in mm, along x, y and z.")
        if not all(isinstance(name, str) for name in self.exclude):
            raise UsageError(f"'exclude' is {list(self.exclude)}.", "Give a list of names of priors.")
        self._check_amounts()

    def _check_amounts(self) -> None:
        if self.spacing <= 0 or self.count < 0 or self.heartless < 0 or self.seed < 0:
            raise UsageError(f"'spacing' is {self.spacing}, 'count' {self.count}, 'heartless' {self.heartless}, 'seed' "
                             f"{self.seed}.", "Give a spacing above 0 mm, and whole numbers from 0.")
        for name in ("parametric_share", "cut", "cut_depth"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"'{name}' is {getattr(self, name)}.", "Give a share from 0 to 1.")

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> GeneratedData:
        """Read the table.

        Raises:
            UsageError: An entry is unknown, missing, of another type or impossible.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(table) - known)
        if unknown:
            raise UsageError(f"The [data] table has unknown entries: {', '.join(unknown)}.",
                             f"Known entries: {', '.join(sorted(known))}.")
        if not {"scenes", "count"} <= set(table):
            raise UsageError("The [data] table names no scenes.", "Give 'scenes' (a folder) and 'count'.")
        check_entries(cls, dict(table))
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})

    def settings(self) -> dict[str, Any]:
        """All that samples depend on, as plain data: the table without its folders and their licence."""
        return {name: value for name, value in dataclasses.asdict(self).items()
                if name not in ("scenes", "priors", "priors_licence")}

    def prepare(self) -> list[Path]:
        """Make the scenes that are missing and return all paths in order.

        Raises:
            UsageError: A scene that is there was prepared with other settings, or a prior is to be left out that is not
                there: its name may be misspelled, and a heart that was to stay unseen would be learned from.
        """
        folder, grid = Path(self.scenes), _GRIDS[self.grid]
        priors = read_priors(Path(self.priors)) if self.priors else {}
        unknown = sorted(set(self.exclude) - set(priors)) if priors else []
        if unknown:
            raise UsageError(f"'exclude' names priors that are not in {self.priors}: {', '.join(unknown)}.",
                             f"Names there: {', '.join(sorted(priors))}.")
        kept = {name: array for name, array in priors.items() if name not in self.exclude}
        paths = list(prepare_scenes(folder, self.count, self.seed, kept, grid,
                                    parametric_share=self.parametric_share))
        for index in range(self.heartless):
            path = folder / f"heartless_{index:04d}.safetensors"
            if path.exists():
                check_scene(path, heartless_record(index, self.seed), grid)
            else:
                heartless_scene(index, self.seed, grid).save(path)
            paths.append(path)
        return paths

    def sampler(self, window: int) -> Sampler:
        """Load the scenes and make the sampler of a window of ``window`` voxels a side."""
        deformation = Deformation(shift=self.shift)
        config = SamplerConfig(window=window, spacing=self.spacing, mix=self.mix, deformation=deformation,
                               binary=self.binary, cut=self.cut, cut_depth=self.cut_depth)
        return Sampler([Scene.load(path) for path in self.prepare()], config)


def _are_numbers(values: tuple[Any, ...], count: int) -> bool:
    return len(values) == count and all(type(value) in (int, float) for value in values)


def sampler_factory(table: Mapping[str, Any], window: int) -> partial[Sampler]:
    """Check the [data] table, prepare its scenes, and return what makes the sampler in each worker."""
    data = GeneratedData.from_table(table)
    data.prepare()
    return partial(data.sampler, window)
