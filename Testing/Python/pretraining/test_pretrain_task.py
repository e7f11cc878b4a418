"""Self-supervision as the engine runs it."""

import json

import pytest
import torch
from safetensors.torch import load_file

from blob_problem import SMALL, BlobSource, small_config
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.networks import NetworkConfig, build_network
from HeartSegTrainingLib.augmentation import UNKNOWN, volume
from HeartSegTrainingLib.engine.checkpoint import checkpoints, read_newest
from HeartSegTrainingLib.engine.memory_ladder import MemoryRung
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.pretraining import CollapseError, PretrainTask, export, export_encoder
from HeartSegTrainingLib.pretraining.probe import _Crop, _dice, _ridge
from HeartSegTrainingLib.pretraining.seen import Seen
from HeartSegTrainingLib.pretraining.sources import Labelled
from HeartSegTrainingLib.pretraining.student import Student

CPU = torch.device("cpu")
MODES = ("paper", "dinov2")


def make(config):
    torch.manual_seed(config.seed)
    return PretrainTask(config, BlobSource(), CPU)


def part_of_samples(task, *numbers):
    return tuple(torch.stack(column) for column in zip(*(task.dataset()[number] for number in numbers), strict=True))


def train(config, folder, *, resume=False):
    return Trainer(config, lambda device: PretrainTask(config, BlobSource(), device), folder).run(resume=resume)


def newest(folder):
    found = read_newest(folder / "checkpoints", print)
    assert found is not None
    return found[0]


@pytest.fixture
def a_finished_run(tmp_path):
    train(small_config(mode="dinov2"), tmp_path / "first")
    return tmp_path / "first"


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


@pytest.mark.parametrize("mode", MODES)
def test_a_resumed_run_ends_as_one_that_was_not_interrupted(mode, tmp_path):
    config = small_config(mode=mode, probe_every=3, probe_cases=2)
    train(config, tmp_path / "whole")
    folder = tmp_path / "again"

    class StopsAfterThree(PretrainTask):
        def after_step(self, step, progress, *, taken):
            if step == 3:
                (folder / "STOP").touch()
            return super().after_step(step, progress, taken=taken)

    Trainer(config, lambda device: StopsAfterThree(config, BlobSource(), device), folder).run()
    assert checkpoints(folder / "checkpoints")[0].name == "step_0000003.safetensors"
    train(config, folder, resume=True)
    whole, again = newest(tmp_path / "whole"), newest(folder)
    assert whole.keys() == again.keys()
    assert [name for name in whole if not torch.equal(whole[name], again[name])] == []


def test_a_collapse_ends_the_run_with_its_reason_and_a_checkpoint(tmp_path):
    class ConstantTeacher(PretrainTask):
        def _ask_teacher(self, part):
            embeddings, logits, tokens = super()._ask_teacher(part)
            return embeddings, torch.eye(32)[[3]].expand_as(logits) * 2 - 1, tokens

    config = small_config(steps=40, collapse_grace=2, collapse_patience=3, centring="none")
    with pytest.raises(CollapseError, match="same prototype"):
        Trainer(config, lambda device: ConstantTeacher(config, BlobSource(), device), tmp_path).run()
    state = json.loads((tmp_path / "state.json").read_text("utf-8"))
    assert (state["status"], state["step"]) == ("failed", 5)
    assert "same prototype" in state["reason"]
    assert checkpoints(tmp_path / "checkpoints") == []
    assert [path.name for path in checkpoints(tmp_path / "ended")] == ["step_0000005.safetensors"]


def test_a_collapse_leaves_the_sound_checkpoints_that_its_remedy_names(tmp_path):
    config = small_config(steps=40, checkpoint_minutes=1e-9)

    class Collapses(PretrainTask):
        def after_step(self, step, progress, *, taken):
            if step == 4:
                raise CollapseError("It collapsed.", "Go back.")
            return super().after_step(step, progress, taken=taken)

    with pytest.raises(CollapseError):
        Trainer(config, lambda device: Collapses(config, BlobSource(), device), tmp_path).run()
    assert [path.stem for path in checkpoints(tmp_path / "checkpoints")] == ["step_0000003", "step_0000002"]
    assert json.loads((export_encoder(tmp_path, tmp_path / "encoder") / "encoder.json").read_text())[
        "training"]["steps"] == 3


@pytest.mark.parametrize(("changes", "parts"), [({"mode": "dinov2"}, [4, 2]), ({"mode": "paper"}, [4, 2, 1]),
                                                ({"mode": "dinov2", "koleo_weight": 0.0}, [4, 2, 1])])
def test_memory_is_saved_down_to_the_part_that_koleo_needs(changes, parts):
    smallest = make(small_config(batch=8, **changes)).smallest_part()
    rung, found = MemoryRung(True, 8), []
    while (rung := rung.next(smallest)) is not None:
        found.append(rung.part)
    assert found == parts


def test_the_second_stage_takes_over_everything_the_first_one_learned(a_finished_run):
    task = make(small_config(mode="dinov2", stage="ressl", init_from=str(a_finished_run), seed=5))
    earlier = newest(a_finished_run)
    taken = {f"model.{name}": tensor for name, tensor in task.module.state_dict().items()} | task.tensors()
    for name in taken:
        if not name.startswith("monitor."):
            assert torch.equal(taken[name], earlier[name]), name
    count = sum(name.startswith(("model.", "teacher.", "center.")) for name in earlier)
    assert task.taken_over == f"All {count} tensors of student, teacher, heads and centers came over from step 6."


@pytest.mark.parametrize("changes", [{"prototypes": 16}, {"mode": "paper"}, {"network_overrides": {
    "features": [8, 32], "blocks": [1, 1], "vil_pairs": [0, 1]}}, {"network_overrides": {**SMALL, "heads": 2}},
    {"network_overrides": {**SMALL, "gate": "sigmoid"}}, {"network_overrides": {**SMALL, "gate_softcap": 0.0}}])
def test_weights_that_do_not_fit_are_refused(a_finished_run, changes):
    config = small_config(**{"mode": "dinov2", "stage": "ressl", "init_from": str(a_finished_run), **changes})
    with pytest.raises(ModelError, match=r"(do|does) not fit"):
        make(config)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no checkpoint"):
        make(small_config(stage="ressl", init_from=str(tmp_path)))


def test_the_exported_encoder_is_the_teachers_and_says_what_it_is(a_finished_run, tmp_path):
    out = export_encoder(a_finished_run, tmp_path / "encoder")
    said = json.loads((out / "encoder.json").read_text("utf-8"))
    weights = load_file(out / "encoder.safetensors")
    encoder = build_network(NetworkConfig.from_dict(said["architecture"])).encoder
    encoder.load_state_dict(weights)
    assert said["tensors"] == len(weights) == len(encoder.state_dict())
    earlier = newest(a_finished_run)
    assert all(torch.equal(tensor, earlier[f"teacher.encoder.{name}"]) for name, tensor in weights.items())
    assert (said["spacing_mm"], said["axes"], said["orientation"]) == (1.5, ["z", "y", "x"], "LPS")
    assert said["training"]["steps"] == 6
    assert said["training"]["mode"] == "dinov2"
    with pytest.raises(UsageError, match="exists already"):
        export_encoder(a_finished_run, out)


class SeesCases(BlobSource):
    """Blobs that are said to be cases of an index."""

    def __init__(self, *cases, fold=None, licences=()):
        super().__init__()
        self._seen = Seen(cases, fold, licences)

    def seen(self):
        return self._seen


def run_on(source, folder, **changes):
    config = small_config(**{"steps": 2, **changes})
    Trainer(config, lambda device: PretrainTask(config, source, device), folder).run(resume=folder.exists())
    return folder


def said_of(job, out):
    return json.loads((export_encoder(job, out) / "encoder.json").read_text("utf-8"))["training"]


def test_an_encoder_says_whom_all_its_stages_have_seen_also_after_a_resume(tmp_path):
    first = run_on(SeesCases("a/1", "a/2", fold=0), tmp_path / "first")
    second = run_on(SeesCases("b/7", "a/2", fold=0), tmp_path / "second", stage="ressl", init_from=str(first))
    run_on(SeesCases("b/7", "a/2", fold=0), second, stage="ressl", init_from=str(first), steps=4)
    said = said_of(second, tmp_path / "encoder")
    assert (said["cases"], said["datasets"], said["fold"]) == (["a/1", "a/2", "b/7"], ["a", "b"], 0)
    assert said["steps"] == 4


def test_an_encoder_names_the_licences_of_all_its_stages_hearts(tmp_path):
    first = run_on(SeesCases(licences=("CC-BY-NC-4.0",)), tmp_path / "first")
    second = run_on(SeesCases("a/1", licences=("Apache-2.0",)), tmp_path / "second", init_from=str(first))
    assert said_of(first, tmp_path / "one")["licences"] == ["CC-BY-NC-4.0"]
    assert said_of(second, tmp_path / "two")["licences"] == ["Apache-2.0", "CC-BY-NC-4.0"]
    assert Seen().joined(Seen(licences=None)).licences is None


@pytest.mark.parametrize(("one", "other", "joined"), [
    (Seen(("a",), 0), Seen(("b",), 1), Seen(("a", "b"), None)),
    (Seen(("a",), 0), Seen(("b",), None), Seen(("a", "b"), None)),
    (Seen(("a",), 0), Seen(), Seen(("a",), 0)), (Seen(), Seen(), Seen()),
    (Seen(("a",), 0), Seen(None), Seen(None))])
def test_a_fold_was_left_out_only_if_every_stage_with_cases_did(one, other, joined):
    assert one.joined(other) == other.joined(one) == joined


def test_a_checkpoint_that_does_not_say_whom_it_has_seen_makes_no_claim():
    assert Seen.of_tensors({}) == Seen(None, None, None)
    assert Seen(None).datasets is None


def test_an_export_that_fails_leaves_nothing_in_its_way(a_finished_run, tmp_path, monkeypatch):
    out, write = tmp_path / "encoder", export.write_atomically

    def fails(path, content):
        if path.name == "encoder.json":
            raise OSError(28, "No space left on device")
        write(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(export, "write_atomically", fails)
        with pytest.raises(UsageError, match="No space left"):
            export_encoder(a_finished_run, out)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert said_of(a_finished_run, out)["steps"] == 6


def test_the_probe_leaves_the_encoder_alone_and_tells_features_from_noise():
    task = make(small_config(probe_every=1, probe_cases=6))
    before = {name: tensor.clone() for name, tensor in task.teacher.encoder.state_dict().items()}
    dice = task.probe.dice(task.teacher.encoder)
    assert all(torch.equal(tensor, before[name]) for name, tensor in task.teacher.encoder.state_dict().items())
    with torch.no_grad():
        for parameter in task.teacher.encoder.parameters():
            parameter.zero_()
    assert dice > task.probe.dice(task.teacher.encoder) + 0.1
    assert dice == make(small_config(probe_every=1, probe_cases=6)).probe.dice(
        make(small_config(probe_every=1)).teacher.encoder)


def test_where_nobody_looked_for_a_structure_the_probe_claims_nothing():
    labels = torch.tensor([1, 2, 0, UNKNOWN]).to(torch.uint8).view(4, 1, 1).expand(4, 4, 4)
    known = Labelled(volume(torch.zeros(1, 4, 4, 4), labels, (1.5,) * 3, "ct"), frozenset({"LV"}))
    cells = _Crop(known, (4, 4, 4), (1.5,) * 3, CPU).cells((4, 1, 1))
    assert cells[:3, 0].tolist() == [1.0, 0.0, 0.0]
    assert torch.isnan(cells[3]).all()
    assert torch.isnan(cells[:, 1]).all()  # the wall that lies there was not looked for elsewhere


def test_the_probe_learns_each_structure_where_it_is_known():
    torch.manual_seed(0)
    x = torch.rand(200, 1)
    shares = torch.cat([x, 1 - x], 1)
    shares[::2, 1] = torch.nan
    x[::2] += 1e-3 * torch.randn(100, 1)
    weights = _ridge(x, shares)
    assert weights[0].tolist() == pytest.approx([1.0, -1.0], abs=0.15)
    scores, truths = torch.tensor([0.9, 0.8, 0.1, 0.7]), torch.tensor([1.0, 0.0, 0.0, torch.nan])
    assert float(_dice(scores, truths, scores, truths)) == 1.0
    assert torch.isnan(_dice(scores, torch.zeros(4), scores, truths))


def test_the_loss_falls_on_blobs_and_images_stay_apart(tmp_path):
    config = small_config(steps=40, batch=8, learning_rate=3e-3, collapse_grace=5, teacher_momentum=0.9)
    train(config, tmp_path)
    lines = (tmp_path / "metrics.csv").read_text("utf-8").splitlines()
    header = lines[0].split(",")
    first, last = (dict(zip(header, map(float, line.split(",")), strict=True)) for line in (lines[1], lines[-1]))
    assert last["divergence"] < 0.9 * first["divergence"] or last["cross_entropy"] < 0.9 * first["cross_entropy"]
    assert last["perplexity"] > 3


def test_the_student_is_the_paper_s_in_both_modes():
    assert Student(small_config()).mask_token is None
    assert Student(small_config()).backbone.token_head is None
    assert Student(small_config(mode="dinov2")).mask_token.shape == (8,)
