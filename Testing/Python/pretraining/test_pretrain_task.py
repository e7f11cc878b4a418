"""One step of self-supervision: what learns, what the teacher says, and what follows it."""

import pytest
import torch

from blob_problem import small_config
from blob_runs import MODES, make
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.engine.memory_ladder import MemoryRung
from HeartSegTrainingLib.pretraining.student import Student


def part_of_samples(task, *numbers):
    return tuple(torch.stack(column) for column in zip(*(task.dataset()[number] for number in numbers), strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_every_parameter_of_the_student_learns_and_none_of_the_teacher(mode):
    task = make(small_config(mode=mode, mask_probability=1.0))
    (part,) = task.prepare([part_of_samples(task, 0, 1, 2, 3)], 0, 0.0)
    loss, figures = task.module(*part)
    loss.backward()
    idle = [name for name, parameter in task.module.named_parameters() if parameter.grad is None]
    assert idle == []
    assert all(parameter.grad is None for parameter in task.teacher.parameters())
    extra = {"masked_tokens", "koleo"} if mode == "dinov2" else set()
    assert set(figures) == {"cross_entropy", "divergence", "agreement"} | extra
    assert all(not value.requires_grad for value in figures.values())
    assert float(figures["divergence"]) >= -1e-5


def test_a_run_may_compare_by_squared_error_and_still_tells_the_cross_entropy():
    losses = {}
    for comparison in ("cross-entropy", "squared"):
        task = make(small_config(comparison=comparison))
        (part,) = task.prepare([part_of_samples(task, 0, 1, 2, 3)], 0, 0.0)
        loss, figures = task.module(*part)
        loss.backward()
        assert all(bool(parameter.grad.any()) for parameter in task.module.backbone.head.parameters())
        losses[comparison] = float(loss.detach()), float(figures["cross_entropy"])
    (entropy, told), (squared, told_again) = losses.values()
    assert entropy == told == told_again
    assert 0 < squared < 2
    assert squared != entropy
    with pytest.raises(UsageError, match="another comparison"):
        small_config(comparison="squared").check_continues(small_config())


def test_all_parameters_have_gradients_where_no_token_happens_to_be_hidden():
    task = make(small_config(mode="dinov2", mask_probability=0.0))
    (part,) = task.prepare([part_of_samples(task, 0, 1)], 0, 0.0)
    loss, figures = task.module(*part)
    loss.backward()
    assert all(parameter.grad is not None for parameter in task.module.parameters())
    assert torch.isnan(figures["masked_tokens"])


def test_the_teacher_says_of_each_view_what_belongs_to_it():
    task = make(small_config(centring="none"))
    part = part_of_samples(task, 0, 1, 2)
    (known,) = task.prepare([part], 0, 0.0)
    embedding, _ = task.teacher.describe(part[0][1, 1][None])  # second view of sample 1: number 1 * 3 + 1
    target = (task.teacher.head(embedding) / 0.04).softmax(1)
    assert torch.allclose(known.embeddings[4], embedding[0], atol=1e-5)
    assert torch.allclose(known.targets[4], target[0], atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_a_step_of_two_parts_is_that_of_their_samples(mode):
    """Targets do not depend on how samples are parted; without losses that mix a part's samples, gradients do not."""
    config = small_config(mode=mode, mask_weight=0.0, koleo_weight=0.0)
    task = make(config)
    whole = task.prepare([part_of_samples(task, 0, 1, 2, 3)], 0, 0.0)
    task.module(*whole[0])[0].backward()
    at_once = [parameter.grad.clone() for parameter in task.module.parameters()]
    task = make(config)
    parts = task.prepare([part_of_samples(task, 0, 1), part_of_samples(task, 2, 3)], 0, 0.0)
    for part in parts:
        (task.module(*part)[0] / 2).backward()
    for one, parameter in zip(at_once, task.module.parameters(), strict=True):
        assert torch.allclose(one, parameter.grad, rtol=1e-3, atol=1e-5)


def test_the_student_starts_where_the_teacher_is_and_the_teacher_follows_only_steps_that_were_taken():
    task = make(small_config(teacher_momentum=0.5))
    task.prepare([part_of_samples(task, 0, 1)], 0, 0.0)
    with torch.no_grad():
        task.module.backbone.head.prototypes.add_(1.0)
    before, center = task.teacher.head.prototypes.clone(), task.targets.center.value.clone()
    task.prepare([part_of_samples(task, 2, 3)], 0, 0.0)
    task.after_step(1, 0.0, taken=False)
    assert torch.equal(task.teacher.head.prototypes, before)
    assert torch.equal(task.targets.center.value, center)
    said = task.after_step(2, 0.0, taken=True)
    assert torch.allclose(task.teacher.head.prototypes, before + 0.5)
    assert not torch.equal(task.targets.center.value, center)
    assert said["teacher_momentum"] == 0.5


def test_prototypes_stand_still_at_first_and_never_decay():
    task = make(small_config(freeze_prototypes=2))
    (part,) = task.prepare([part_of_samples(task, 0, 1)], 0, 0.0)
    task.module(*part)[0].backward()
    task.before_optimizer(1)
    assert (task.module.backbone.head.prototypes.grad == 0).all()
    spared = task.parameter_groups()[1]
    assert spared["weight_decay"] == 0.0
    assert any(parameter is task.module.backbone.head.prototypes for parameter in spared["params"])
    count = sum(len(group["params"]) for group in task.parameter_groups())
    assert count == len(list(task.module.parameters()))


@pytest.mark.parametrize(("changes", "parts"), [({"mode": "dinov2"}, [4, 2]), ({"mode": "paper"}, [4, 2, 1]),
                                                ({"mode": "dinov2", "koleo_weight": 0.0}, [4, 2, 1])])
def test_memory_is_saved_down_to_the_part_that_koleo_needs(changes, parts):
    smallest = make(small_config(batch=8, **changes)).smallest_part()
    rung, found = MemoryRung(True, 8), []
    while (rung := rung.next(smallest)) is not None:
        found.append(rung.part)
    assert found == parts


def test_the_student_is_the_paper_s_in_both_modes():
    assert Student(small_config()).mask_token is None
    assert Student(small_config()).backbone.token_head is None
    assert Student(small_config(mode="dinov2")).mask_token.shape == (8,)
