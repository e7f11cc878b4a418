"""Whether student and teacher see the same."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def agreement(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean cosine of the student's and the teacher's (n, d) embeddings of the same views, scalar, -1 to 1."""
    return F.cosine_similarity(student.float(), teacher.float(), dim=1).mean()
