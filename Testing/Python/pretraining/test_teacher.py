"""Teacher, targets and what keeps them from collapsing."""

import math

import pytest
import torch
from torch import nn

from HeartSegTrainingLib.engine.distributed import Processes
from HeartSegTrainingLib.pretraining.centering import RunningCenter, literal_center
from HeartSegTrainingLib.pretraining.projection_head import ProjectionHead
from HeartSegTrainingLib.pretraining.sharpening import sharpened, teacher_temperature
from HeartSegTrainingLib.pretraining.sinkhorn import sinkhorn
from HeartSegTrainingLib.pretraining.targets import TargetMaker
from HeartSegTrainingLib.pretraining.teacher import copy_as_teacher, follow, momentum_at

ALONE = Processes()
CPU = torch.device("cpu")


@pytest.fixture
def logits():
    torch.manual_seed(0)
    return torch.rand(12, 16) * 2 - 1


def test_the_teacher_follows_equation_1():
    torch.manual_seed(0)
    student = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    teacher = copy_as_teacher(student)
    before = [parameter.clone() for parameter in teacher.parameters()]
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(torch.randn_like(parameter))
        student[1].running_mean.fill_(7.0)
    follow(teacher, student, 0.9)
    for old, new, leading in zip(before, teacher.parameters(), student.parameters(), strict=True):
        assert torch.allclose(new, 0.9 * old + 0.1 * leading, atol=1e-6)
        assert not new.requires_grad
    assert (teacher[1].running_mean == 7.0).all()
    assert not teacher.training


def test_momentum_rises_along_a_cosine_to_one():
    assert momentum_at(0.0, 0.996) == pytest.approx(0.996)
    assert momentum_at(0.25, 0.9) == pytest.approx(1 - 0.1 * (1 + math.cos(math.pi / 4)) / 2)
    assert momentum_at(1.0, 0.996) == momentum_at(1.7, 0.996) == 1.0


def test_equation_6_as_printed_is_no_centering_at_all(logits):
    literal = sharpened(literal_center(logits), 0.04)
    assert torch.allclose(literal, sharpened(logits, 0.04), atol=1e-5)
    made = [TargetMaker(kind, 16, 0.9, CPU)([logits], 0.04, ALONE)[0] for kind in ("literal", "none")]
    assert torch.allclose(made[0], made[1], atol=1e-5)


def test_the_running_center_takes_back_a_preference_that_all_samples_share(logits):
    favored = logits + 3 * nn.functional.one_hot(torch.tensor(5), 16)
    assert (sharpened(favored, 0.1).argmax(1) == 5).all()
    (targets,) = TargetMaker("batch", 16, 0.9, CPU)([favored], 0.1, ALONE)
    assert len(targets.argmax(1).unique()) > 3


def test_the_running_center_begins_with_the_first_batch_and_averages_over_steps(logits):
    center = RunningCenter(16, 0.9, CPU)
    center.see([logits[:4], logits[4:]], ALONE)
    assert torch.allclose(center.value, logits.mean(0), atol=1e-6)
    center.see([logits + 1], ALONE)
    assert torch.allclose(center.value, logits.mean(0), atol=1e-6)  # until the step was taken
    center.move()
    assert torch.allclose(center.value, logits.mean(0) + 0.1, atol=1e-6)
    center.see([logits * torch.nan], ALONE)
    center.move()
    assert torch.allclose(center.value, logits.mean(0) + 0.1, atol=1e-6)


def test_sinkhorn_gives_every_sample_weight_1_and_every_prototype_an_equal_share(logits):
    (q,) = sinkhorn([logits], 0.1, ALONE, iterations=60)
    assert torch.allclose(q.sum(1), torch.ones(12), atol=1e-5)
    assert torch.allclose(q.sum(0), torch.full((16,), 12 / 16), atol=1e-3)
    ratio = (q[0] / q[1]).log() - (logits[0] - logits[1]) / 0.1  # scaled rows and columns of exp(z / tau), no more
    other = (q[2] / q[3]).log() - (logits[2] - logits[3]) / 0.1
    assert torch.allclose(ratio, ratio.mean().expand(16), atol=1e-3)
    assert torch.allclose(other, other.mean().expand(16), atol=1e-3)


def test_sinkhorn_does_not_depend_on_how_samples_are_parted(logits):
    (whole,) = sinkhorn([logits], 0.05, ALONE)
    parted = torch.cat(sinkhorn([logits[:3], logits[3:]], 0.05, ALONE))
    assert torch.allclose(whole, parted)


def test_sinkhorn_stays_finite_where_a_prototype_is_never_near():
    far = torch.full((4, 8), -1.0)
    far[:, 0] = 1.0
    (q,) = sinkhorn([far], 0.01, ALONE)
    assert torch.isfinite(q).all()
    assert torch.allclose(q.sum(1), torch.ones(4))


def test_the_teachers_temperature_rises_in_a_line_and_stays():
    at = [teacher_temperature(share, first=0.04, last=0.07, warmup=0.3) for share in (0.0, 0.15, 0.3, 0.9)]
    assert at == pytest.approx([0.04, 0.055, 0.07, 0.07])
    assert teacher_temperature(0.0, first=0.04, last=0.07, warmup=0.0) == 0.07


def test_the_heads_logits_are_cosines_and_depend_on_the_sample_alone():
    torch.manual_seed(0)
    head = ProjectionHead(10, 32, 8, 20)
    x = torch.randn(6, 10) * 50
    z = head(x)
    assert z.shape == (6, 20)
    assert z.abs().max() <= 1 + 1e-5
    assert torch.allclose(head(x[:1]), z[:1], atol=1e-6)
    assert not any("norm" in type(module).__name__.lower() for module in head.modules())
    with torch.no_grad():
        head.prototypes.mul_(3.0)
    assert torch.allclose(head(x), z, atol=1e-6)
