"""The sampler: from prepared scenes to endless (image, labels) pairs, a pure function of its random generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES, normalize

from .acquisition import (
    Noise,
    Picture,
    add_ghosts,
    add_noise,
    add_shading,
    add_streaks,
    blur_by_motion,
    cut_field_of_view,
    darken_borders_of_fat,
    short_axis_frame,
    stair_steps,
    thick_slices,
)
from .appearance import MODES, Appearance, draw_appearance
from .deformation import Deformation, Placement, deformed_positions, gaussian_blur
from .scenes import Scene
from .tissues import FAT, LABEL_OF_TISSUE
from .tissues import Tissue as T

_CT_DISTANCES, _MR_DISTANCES = (2.0, 5.0, 10.0), (3.0, 8.0, 18.0)
"""Smallest, most frequent and largest distance of thick slices, mm. Some cine stacks leave out every other slice."""


@dataclass(frozen=True)
class SamplerConfig:
    """What a sampler draws.

    Attributes:
        window: Voxels along each side of the window.
        spacing: Voxel size in mm.
        mix: Probability of each mode of MODES.
        deformation: Ranges of the shape changes.
        binary: Merge all structures into one, as the locator learns them.
        thick_mr: Probability of thick slices in MR and random modes.
        thick_ct: Probability of thick slices in CT.
        cut: Probability of a field of view that ends inside the window, where slices are thin.
        cut_depth: Largest share of the side that is cut off at each border.
        artefacts: Scale of the probabilities of motion, stair steps, streaks, ghosts and dark borders of fat; 0 for
            none.
    """

    window: int = 112
    spacing: float = 1.5
    mix: tuple[float, ...] = (0.42, 0.1, 0.28, 0.04, 0.16)
    deformation: Deformation = field(default_factory=Deformation)
    binary: bool = False
    thick_mr: float = 0.55
    thick_ct: float = 0.08
    cut: float = 0.35
    cut_depth: float = 0.25
    artefacts: float = 1.0


@dataclass(frozen=True)
class GeneratedScan:
    """One generated scan.

    Attributes:
        image: (n, n, n) float32 in scanner units: HU for CT, 0 to about 1500 for MR and random contrast.
        labels: (n, n, n) uint8.
        inside: (n, n, n) bool, the field of view.
        mode: One of MODES.
        scene: Index of the scene it came from.
    """

    image: torch.Tensor
    labels: torch.Tensor
    inside: torch.Tensor
    mode: str
    scene: int

    @property
    def modality(self) -> str:
        """Which intensity rule applies: "ct" or "mr"."""
        return "ct" if self.mode.startswith("ct") else "mr"


class Sampler:
    """Draws training pairs from scenes.

    Args:
        scenes: Prepared scenes of one grid.
        config: What to draw.
        device: Where the work is done and the result lives.

    Example:
        ``image, labels = Sampler(scenes, SamplerConfig())(np.random.default_rng(7))`` gives a (1, n, n, n) float
        tensor in [-1, 1] and a (n, n, n) uint8 tensor, axes [z, y, x] in LPS.
    """

    def __init__(self, scenes: Sequence[Scene], config: SamplerConfig, device: str | torch.device = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        self._tissue = [torch.from_numpy(scene.tissue).to(self.device) for scene in scenes]
        self._centres = [scene.centres for scene in scenes]
        self._findings = [scene.findings for scene in scenes]
        self._spacing = scenes[0].spacing
        table = torch.from_numpy(LABEL_OF_TISSUE.copy())
        self._label = ((table > 0).to(torch.uint8) if config.binary else table).to(self.device)

    def __call__(self, rng: np.random.Generator, mode: str | None = None,
                 scene: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw one training pair; ``mode`` and ``scene`` fix what is otherwise random."""
        scan = self.scan(rng, mode, scene)
        return self._finish(scan, rng), scan.labels

    def scan(self, rng: np.random.Generator, mode: str | None = None, scene: int | None = None) -> GeneratedScan:
        """Draw one scan in scanner units; ``mode`` and ``scene`` fix what is otherwise random."""
        index = int(rng.integers(len(self._tissue))) if scene is None else scene
        mode = mode or str(rng.choice(MODES, p=self.config.mix))
        look = draw_appearance(mode, rng)
        noise = Noise(int(rng.integers(1 << 31)), self.config.window, self.device)
        tissue, placement = self._look_up(index, rng, look)
        picture = self._render(tissue, look, noise, rng)
        self._acquire(picture, look, noise, rng, index, placement)
        return GeneratedScan(picture.image, picture.labels, picture.inside, mode, index)

    def _has(self, chance: float, rng: np.random.Generator) -> bool:
        """Draw whether an artefact is there."""
        return bool(rng.random() < chance * self.config.artefacts)

    def _look_up(self, index: int, rng: np.random.Generator, look: Appearance) -> tuple[torch.Tensor, Placement]:
        config = self.config
        position, placement = deformed_positions(rng, config.window, config.spacing, self._centres[index],
                                              config.deformation, self.device)
        if look.is_ct and self._has(0.08, rng):
            stair_steps(position, rng, config.spacing)
        volume = self._tissue[index]
        side = volume.shape[0]
        voxel = (position / self._spacing + (side - 1) / 2).round_().long()
        inside = ((voxel >= 0) & (voxel < side)).all(0)
        voxel.clamp_(0, side - 1)
        tissue = volume.view(-1)[(voxel[2] * side + voxel[1]) * side + voxel[0]]
        return torch.where(inside, tissue, torch.zeros_like(tissue)), placement

    def _render(self, tissue: torch.Tensor, look: Appearance, noise: Noise, rng: np.random.Generator) -> Picture:
        """Give every tissue its value, texture and, in blood, unmixed contrast."""
        code = tissue.long()
        mean = torch.from_numpy(look.mean).to(self.device)
        texture = torch.from_numpy(look.texture).to(self.device)
        image = mean[code] + texture[code] * noise.smooth(self.config.window // 3) * 1.6
        mixing = torch.from_numpy(look.mixing).to(self.device)
        image = image + mixing[code] * noise.smooth(6)
        image = gaussian_blur(image, float(rng.uniform(0.25, 0.85)))
        picture = Picture(image, self._label[code], torch.ones_like(tissue, dtype=torch.bool))
        if not look.is_ct and self._has(0.4, rng):
            fat = torch.isin(tissue, torch.tensor(FAT, dtype=tissue.dtype, device=self.device))
            darken_borders_of_fat(picture, fat, float(rng.uniform(0.2, 1)))
        return picture

    def _acquire(self, picture: Picture, look: Appearance, noise: Noise, rng: np.random.Generator, index: int,
              placement: Placement) -> None:
        config, centres = self.config, self._centres[index]
        if look.is_ct:
            self._streaks(picture, look, rng, index, placement)
            if self._has(0.1, rng):
                blur_by_motion(picture, rng)
        else:
            add_shading(picture, noise, rng)
            if self._has(0.12, rng):
                add_ghosts(picture, rng)
        thick = config.thick_ct if look.is_ct else config.thick_mr
        # Thick slices average the noise of what they cover, so it is added on both sides of them.
        level = rng.uniform(3, 45) if look.is_ct else rng.uniform(5, 90)
        if rng.random() < thick:
            self._stack(picture, rng, centres, placement, look.is_ct)
        elif rng.random() < config.cut:
            cut_field_of_view(picture, rng, config.cut_depth)
        add_noise(picture, noise, rng, float(level))

    def _streaks(self, picture: Picture, look: Appearance, rng: np.random.Generator, index: int,
                 placement: Placement) -> None:
        """Streaks from dense contrast in the upper caval vein, and from metal near the chambers it lies in."""
        centres = self._centres[index]
        if len(centres) and look.mean[T.SVC] > 350 and self._has(0.5, rng):
            # The caval vein lies right of the aorta: good enough for where the streaks start.
            vein = placement.to_window(centres[4]) + np.array([-24.0, 4.0, rng.uniform(-10, 60)])
            add_streaks(picture, rng, vein, self.config.spacing)
        for finding, chamber in (("lead", 2), ("artificial valve", 4)):
            if finding in self._findings[index] and self._has(0.7, rng):
                source = placement.to_window(centres[chamber]) + rng.normal(0, 12, 3)
                add_streaks(picture, rng, source, self.config.spacing)

    def _stack(self, picture: Picture, rng: np.random.Generator, centres: np.ndarray, placement: Placement,
               is_ct: bool) -> None:
        gain, spacing = 0.0 if is_ct else float(rng.uniform(0, 0.12)), self.config.spacing
        if len(centres) and rng.random() < 0.7:
            frame = short_axis_frame(centres, placement, rng)
            middle = placement.to_window(centres[0]) + rng.uniform(-10, 10, 3)
        else:
            frame = np.eye(3)[[[1, 2, 0], [0, 2, 1], [0, 1, 2]][int(rng.integers(3))]]
            middle = rng.uniform(-10, 10, 3)
        thick_slices(picture, rng, frame, spacing, _CT_DISTANCES if is_ct else _MR_DISTANCES, middle, gain)

    def _finish(self, scan: GeneratedScan, rng: np.random.Generator) -> torch.Tensor:
        """Apply the intensity rule that inference applies, slightly varied, and gamma."""
        is_ct = scan.modality == "ct"
        rule = dict(DEFAULT_RULES[scan.modality])
        if is_ct and rng.random() < 0.4:
            rule.update(low=float(rng.uniform(-350, -150)), high=float(rng.uniform(450, 900)))
        image = normalize(scan.image, rule, scan.inside)
        if rng.random() < 0.5:
            spread = (-0.35, 0.35) if is_ct else (-0.8, 0.7)
            image = ((image + 1) / 2).clamp(0, 1) ** float(np.exp(rng.uniform(*spread))) * 2 - 1
        return image[None]
