"""The student: what learns, and the loss of one part."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from HeartSeg3DLib.networks.unet import Encoder
from HeartSegTrainingLib.engine.precision import kept_to

from .config import PretrainConfig
from .embedding import embedding_width, hidden_tokens, masked_maps, pooled
from .losses import cross_view_loss, divergence, koleo, masked_token_loss, squared_view_loss
from .monitors import agreement
from .projection_head import ProjectionHead


class ViewPart(NamedTuple):
    """B samples with what the teacher says of them; V = 2 B global views, the first ones of all samples in front.

    Attributes:
        global_views: (B, 2, 1, w, w, w).
        local_views: (B, n, 1, l, l, l), n may be 0.
        masks: (B, 2, tokens) bool, True where a token is hidden; no tokens where none ever is.
        targets: (V, K).
        embeddings: (V, d), the teacher's.
        token_targets: (M, K) of the hidden tokens.
    """

    global_views: Tensor
    local_views: Tensor
    masks: Tensor
    targets: Tensor
    embeddings: Tensor
    token_targets: Tensor


def views_in_front(samples: Tensor) -> Tensor:
    """(B, n, ...) to (n B, ...): the first view of every sample, then the second of every sample, and so on."""
    return samples.transpose(0, 1).flatten(0, 1)


class Backbone(nn.Module):
    """Encoder and heads: what student and teacher both are.

    Args:
        config: The run.
    """

    def __init__(self, config: PretrainConfig) -> None:
        super().__init__()
        shape = config.architecture
        self.multi_scale = config.multi_scale
        self.encoder = Encoder(shape)
        self.width = embedding_width(shape.features, multi_scale=config.multi_scale)
        self.head = ProjectionHead(self.width, config.head_hidden, config.head_bottleneck, config.prototypes)
        self.token_head = ProjectionHead(shape.features[-1], config.head_hidden, config.head_bottleneck,
                                         config.prototypes) if config.uses_masks else None

    def describe(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Embeddings (n, d) (equations 3 and 4) and the maps they come from."""
        maps = self.encoder(images)
        return pooled(maps, multi_scale=self.multi_scale), maps


class Student(nn.Module):
    """The student's backbone with the loss of a part: equations (3) to (8), and what "dinov2" adds.

    Args:
        config: The run.
        precision: See `engine.precision.auto_precision`.
    """

    def __init__(self, config: PretrainConfig, precision: str = "auto") -> None:
        super().__init__()
        self.config, self.precision = config, precision
        self.backbone = Backbone(config)
        self.mask_token = None
        if config.uses_masks:
            self.mask_token = nn.Parameter(torch.zeros(config.architecture.features[0]))
            nn.init.normal_(self.mask_token, std=0.02)

    def forward(self, *part: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a part and its figures.

        Args:
            part: The fields of ViewPart, in order.
        """
        known, config = ViewPart(*part), self.config
        with kept_to(self.precision, known.targets.device):
            embeddings, bottleneck = self._global(known)
            small = self._local(known.local_views)
        with torch.autocast(known.targets.device.type, enabled=False):
            logits = [*self.backbone.head(embeddings).chunk(2), *(self.backbone.head(view) for view in small)]
            targets = known.targets.chunk(2)
            cross_entropy = cross_view_loss(logits, targets, config.student_temperature)
            figures = {"cross_entropy": cross_entropy.detach(), "divergence": divergence(cross_entropy, targets),
                       "agreement": agreement(embeddings.detach(), known.embeddings)}
            total = cross_entropy
            if config.comparison == "squared":
                total = squared_view_loss(logits, targets, config.student_temperature)
            if config.mode == "dinov2":
                extra, said = self._extra(known, embeddings, bottleneck)
                total, figures = total + extra, {**figures, **said}
        return total, figures

    def _global(self, part: ViewPart) -> tuple[Tensor, Tensor]:
        """Embeddings (V, d) of the global views with their hidden tokens, and the bottleneck's map."""
        images = views_in_front(part.global_views)
        if self.mask_token is None:
            embeddings, maps = self.backbone.describe(images)
        else:
            maps = masked_maps(self.backbone.encoder, images, views_in_front(part.masks), self.mask_token)
            embeddings = pooled(maps, multi_scale=self.backbone.multi_scale)
        return embeddings, maps[-1]

    def _local(self, views: Tensor) -> list[Tensor]:
        """Embeddings (B, d) of each local view."""
        count = views.shape[1]
        if not count:
            return []
        embeddings, _ = self.backbone.describe(views_in_front(views))
        return list(embeddings.chunk(count))

    def _extra(self, part: ViewPart, embeddings: Tensor, bottleneck: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        config, figures = self.config, {}
        total = embeddings.new_zeros((), dtype=torch.float32)
        if self.mask_token is not None:
            masks = views_in_front(part.masks)
            logits = cast(ProjectionHead, self.backbone.token_head)(hidden_tokens(bottleneck, masks))
            loss = masked_token_loss(logits, part.token_targets, masks, config.student_temperature)
            figures["masked_tokens"] = torch.where(masks.any(), loss.detach(), torch.nan)
            total = total + config.mask_weight * loss
        if config.koleo_weight:
            loss = torch.stack([koleo(view) for view in embeddings.chunk(2)]).mean()
            figures["koleo"] = loss.detach()
            total = total + config.koleo_weight * loss
        return total, figures
