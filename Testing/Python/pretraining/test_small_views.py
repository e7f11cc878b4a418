"""The student is trained in fp32 on a processor where a view is so small that gradients in bf16 would be wrong."""

from __future__ import annotations

import pytest
import torch

from blob_problem import BlobSource, small_config
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.pretraining.task import PretrainTask

CPU = torch.device("cpu")


def precision_of(**changes) -> str:
    return PretrainTask(small_config(**changes), BlobSource(), CPU).module.precision


def test_the_smallest_view_decides() -> None:
    stride = small_config().architecture.total_stride
    assert precision_of(precision="auto", mode="paper", window=3 * stride) == "auto"
    assert precision_of(precision="auto", mode="paper", window=2 * stride) == "fp32"
    assert precision_of(precision="auto", mode="dinov2", window=4 * stride, local_window=2 * stride) == "fp32"
    assert precision_of(precision="auto", mode="dinov2", window=4 * stride, local_window=3 * stride) == "auto"


def test_bf16_is_refused_there() -> None:
    stride = small_config().architecture.total_stride
    with pytest.raises(UsageError, match="coarsest map has 2 voxels"):
        precision_of(precision="bf16", mode="paper", window=2 * stride)
