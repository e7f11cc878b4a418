"""What a run leaves behind: weights for the next stage, and an encoder that says whom it has seen."""

import json

import pytest
import torch
from safetensors.torch import load_file

from blob_problem import SMALL, BlobSource, small_config
from blob_runs import make, newest, train
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.networks import NetworkConfig, build_network
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.pretraining import PretrainTask, export, export_encoder
from HeartSegTrainingLib.pretraining.seen import Seen


@pytest.fixture
def a_finished_run(tmp_path):
    train(small_config(mode="dinov2"), tmp_path / "first")
    return tmp_path / "first"


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
