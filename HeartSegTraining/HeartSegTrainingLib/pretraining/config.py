"""What self-supervised training is asked to do beyond every run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.networks import CONFIGS, NetworkConfig
from HeartSegTrainingLib.augmentation import AXES, SAFE_AXES
from HeartSegTrainingLib.engine.config import RunConfig

from .tables import are_numbers
from .targets import CENTRINGS

STAGES = ("ssl", "ressl")
MODES = ("paper", "dinov2")
COMPARISONS = ("cross-entropy", "squared")


@dataclass(frozen=True)
class PretrainConfig(RunConfig):
    """One self-supervised training run.

    Attributes:
        stage: "ssl", or "ressl" for the second stage, which goes on from the weights of a first one on CT and MR.
        mode: "paper" (equations 1 to 8: two views, teacher, centring, cross-entropy) or "dinov2" (adds hidden tokens,
            KoLeo, local views, and Sinkhorn unless another centring is named).
        comparison: How equation 7 compares views: "cross-entropy" (equation 8), or "squared", the mean squared error
            that the paper also names, between the probabilities of student and teacher.
        init_from: Job folder or checkpoint of a run whose student, teacher, heads and center are taken over.
        spacing: Distance of a view's voxels in mm, before zoom.
        field: Side of the crop that views are drawn from, as a factor of the window in mm.
        zoom: Smallest and largest side of a view as a factor of its window in mm.
        overlap: Least share of the larger of two global views that lies in the other.
        flip_axes: Anatomical axes along which views are mirrored: inferior-superior, anterior-posterior, right-left.
        flip: Probability of each mirror.
        two_phases: Two frames of one cine are the two views of a pair, where there are several.
        teacher_momentum: Start of the teacher's momentum; it rises to 1.
        centring: "batch", "sinkhorn", or the ablations "literal" (equation 6 as printed) and "none"; by default that
            of the mode.
        center_momentum: Share of the running center that stays at each step.
        teacher_temperature: Temperature of the targets, first and last.
        teacher_temperature_warmup: Share of the run over which it rises.
        student_temperature: Temperature of the student.
        prototypes: K, logits of a head.
        head_hidden: Width of the heads' hidden layers.
        head_bottleneck: Length of what is compared with prototypes.
        multi_scale: Pool all stages of the encoder, not the bottleneck alone.
        freeze_prototypes: Steps at the beginning in which the student's prototypes stay as they are.
        local_views: Small views of each sample ("dinov2").
        local_window: Their side in voxels.
        mask_probability: Share of global views with hidden tokens ("dinov2").
        mask_ratio: Smallest and largest share of tokens that is hidden there.
        mask_weight: Weight of the loss on hidden tokens.
        koleo_weight: Weight of KoLeo.
        collapse_grace: Steps before the first judgement about a collapse.
        collapse_patience: Steps for which its signs have to hold.
        rank_every: Steps between computations of the embeddings' rank.
        probe_every: Steps between linear probes of the teacher on labelled crops, 0 for none.
        probe_cases: Labelled crops of a probe; it learns from one half and is scored on the other, of
            other people.
        minutes: Length of the run in minutes of accumulated training time, instead of steps; schedules then follow the
            clock, so that a resumed run is not bit for bit the one that was not interrupted.
    """

    kind: ClassVar[str] = "ssl"
    identity: ClassVar[tuple[str, ...]] = (
        *RunConfig.identity, "stage", "mode", "comparison", "centring", "prototypes", "head_hidden", "head_bottleneck",
        "multi_scale", "local_views", "local_window", "spacing", "field", "zoom", "overlap", "two_phases")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        **RunConfig.choices, "stage": STAGES, "mode": MODES, "comparison": COMPARISONS,
        "centring": ("", *CENTRINGS)}
    positive: ClassVar[tuple[str, ...]] = (
        *RunConfig.positive, "spacing", "student_temperature", "prototypes", "head_hidden", "head_bottleneck",
        "local_window", "rank_every", "collapse_patience", "probe_cases")
    not_negative: ClassVar[tuple[str, ...]] = (
        *RunConfig.not_negative, "freeze_prototypes", "local_views", "mask_weight", "koleo_weight", "collapse_grace",
        "probe_every")

    batch: int = 16
    learning_rate: float = 1e-4
    weight_decay: float = 0.04
    clip: float = 3.0
    stage: str = "ssl"
    mode: str = "paper"
    comparison: str = "cross-entropy"
    init_from: str | None = None
    spacing: float = 1.5
    field: float = 1.4
    zoom: tuple[float, ...] = (0.85, 1.15)
    overlap: float = 0.4
    flip_axes: tuple[str, ...] = SAFE_AXES
    flip: float = 0.3
    two_phases: bool = False
    teacher_momentum: float = 0.996
    centring: str = ""
    center_momentum: float = 0.9
    teacher_temperature: tuple[float, ...] = (0.04, 0.07)
    teacher_temperature_warmup: float = 0.3
    student_temperature: float = 0.1
    prototypes: int = 4096
    head_hidden: int = 1024
    head_bottleneck: int = 256
    multi_scale: bool = False
    freeze_prototypes: int = 0
    local_views: int = 4
    local_window: int = 48
    mask_probability: float = 0.5
    mask_ratio: tuple[float, ...] = (0.1, 0.5)
    mask_weight: float = 1.0
    koleo_weight: float = 0.1
    collapse_grace: int = 50
    collapse_patience: int = 25
    rank_every: int = 10
    probe_every: int = 0
    probe_cases: int = 16

    def __post_init__(self) -> None:
        for name in ("zoom", "flip_axes", "teacher_temperature", "mask_ratio"):
            if not isinstance(getattr(self, name), (list, tuple)):
                raise UsageError(f"'{name}' is {getattr(self, name)!r}.", "Give a list.")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        super().__post_init__()
        for name, most in (("zoom", 10.0), ("teacher_temperature", 10.0), ("mask_ratio", 1.0)):
            self._check_range(name, most)
        for name in ("overlap", "flip", "teacher_momentum", "center_momentum", "teacher_temperature_warmup",
                     "mask_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"'{name}' is {getattr(self, name)}.", "Give a number from 0 to 1.")
        if unknown := [name for name in self.flip_axes if not isinstance(name, str) or name not in AXES]:
            raise UsageError(f"There is no axis '{unknown[0]}' to mirror along.", f"Use {', '.join(AXES)}.")
        self._check_views()
        if self.stage == "ressl" and self.init_from is None:
            raise UsageError("The second stage (ressl) goes on from a first one, and none is named.",
                             "Give its job folder as init_from.")
        if self.mode == "dinov2":
            self._check_dinov2()

    @property
    def used_centring(self) -> str:
        """The centring that was named, or that of the mode."""
        return self.centring or ("sinkhorn" if self.mode == "dinov2" else "batch")

    @property
    def used_local_views(self) -> int:
        """Local views of each sample: none in mode "paper"."""
        return self.local_views if self.mode == "dinov2" else 0

    @property
    def uses_masks(self) -> bool:
        """Whether tokens are hidden."""
        return self.mode == "dinov2" and self.mask_weight > 0

    @property
    def smallest_part(self) -> int:
        """Samples that a part needs at least: KoLeo compares those of one part."""
        return 2 if self.mode == "dinov2" and self.koleo_weight > 0 else 1

    @property
    def architecture(self) -> NetworkConfig:
        """Shape of the network whose encoder learns.

        Raises:
            ModelError: It is impossible.
            UsageError: There is no such network.
        """
        if self.network not in CONFIGS:
            raise UsageError(f"There is no network size named '{self.network}'.",
                             f"Choose one of {', '.join(CONFIGS)}.")
        try:
            return replace(CONFIGS[self.network], **self.network_overrides)
        except TypeError as error:
            raise UsageError(f"The [network] table has an entry that no network has ({error}).",
                             "Use the fields of NetworkConfig.") from error

    @property
    def tokens(self) -> int:
        """Tokens of a global view: voxels of the bottleneck."""
        return int((self.window // self.architecture.total_stride) ** 3)

    def _check_range(self, name: str, most: float) -> None:
        values = getattr(self, name)
        if len(values) != 2 or not are_numbers(values) or not 0 < values[0] <= values[1] <= most:
            raise UsageError(f"'{name}' is {list(values)}.", f"Give the smallest and the largest of up to {most:g}.")

    def _check_views(self) -> None:
        smallest = self.architecture.smallest_input
        if self.window < smallest:
            raise UsageError(f"A window of {self.window} voxels is too small for the network '{self.network}'.",
                             f"Use {smallest} or more.")
        reachable = (self.zoom[0] / self.zoom[1]) ** 3
        if reachable < self.overlap:
            raise UsageError(f"With a zoom from {self.zoom[0]:g} to {self.zoom[1]:g} a small and a large view share "
                             f"{reachable:.2f} of the large one at most, less than overlap = {self.overlap:g}.",
                             "Narrow the zoom or lower the overlap.")
        if self.field < self.zoom[1]:
            raise UsageError(f"The largest view (zoom {self.zoom[1]:g}) does not fit into a field of {self.field:g}.",
                             "Make field at least as large as the largest zoom.")

    def _check_dinov2(self) -> None:
        stride, smallest = self.architecture.total_stride, self.architecture.smallest_input
        if (self.part or self.batch) < self.smallest_part:
            raise UsageError("The KoLeo loss compares samples of one part, and a part has a single one.",
                             "Use a part of 2 or more samples, or koleo_weight = 0.")
        if self.uses_masks and self.window % stride:
            raise UsageError(f"A window of {self.window} voxels is no whole number of tokens of {stride}.",
                             f"Use a multiple of {stride} for hidden tokens, or mask_weight = 0.")
        if self.local_views and self.local_window < smallest:
            raise UsageError(f"A local view of {self.local_window} voxels is too small for the network "
                             f"'{self.network}'.", f"Use {smallest} or more, or local_views = 0.")
