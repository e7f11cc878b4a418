"""Cross-entropy on hidden tokens: the student has to tell what the teacher sees there.

Zhou et al., "iBOT: Image BERT pre-training with online tokenizer", arXiv 2111.07832, equation (2).
"""

from __future__ import annotations

import torch
from torch import Tensor


def masked_token_loss(logits: Tensor, targets: Tensor, masks: Tensor, temperature: float) -> Tensor:
    """Mean over views with hidden tokens of the mean over their hidden tokens; 0 where nothing is hidden.

    Args:
        logits: (M, K) of the hidden tokens of all views, in the order of `masks`.
        targets: (M, K), rows that sum to 1.
        masks: (views, tokens) bool, True where hidden; M in all.
        temperature: Of the student.
    """
    entropies = -(targets * logits.float().div(temperature).log_softmax(1)).sum(1)
    hidden = masks.sum(1)
    share = (1.0 / hidden.clamp(min=1)).repeat_interleave(hidden)
    return torch.sum(entropies * share) / (hidden > 0).sum().clamp(min=1)
