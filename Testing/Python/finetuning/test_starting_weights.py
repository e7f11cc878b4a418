"""A run starts from weights whose channels and gates are its own, and goes on only with the data that it began with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file

from heart_jobs import NETWORK, job_config, train_hearts
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models.weights import save_weights
from HeartSeg3DLib.networks import build_network
from HeartSegTrainingLib.finetuning.encoder_transfer import SHAPING, WITHOUT_TRACE
from HeartSegTrainingLib.finetuning.training_data import TrainingData
from small_store import SmallStore, two_datasets
from test_real_training import a_package


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return two_datasets(tmp_path_factory.mktemp("hearts"))


def a_checkpoint(hearts, folder: Path, structures: list[str] | None = None, **network) -> Path:
    data = job_config(hearts).data
    index = {**data["index"], "structures": structures or data["index"]["structures"]}
    return train_hearts(hearts, folder, steps=1, data={**data, "index": index},
                        network_overrides={**NETWORK, **network})


@pytest.mark.parametrize(("changes", "words"), [
    ({"structures": ["RV", "MYO", "LV"]}, r"checkpoint .* has the labels \[0, 3, 2, 1\], and the job \[0, 1, 2, 3\]"),
    ({"gate": "sigmoid"}, r"differs in gate \(sigmoid instead of exponential\)"),
    ({"gate_softcap": 5.0}, r"differs in gate_softcap \(5\.0 instead of 15\.0\)")])
def test_a_checkpoint_of_other_channels_or_gates_does_not_start_a_run(hearts, tmp_path: Path, changes, words) -> None:
    path = a_checkpoint(hearts, tmp_path / "first", **changes)
    with pytest.raises(ModelError, match=words):
        train_hearts(hearts, tmp_path / "job", init_from=str(path))


def test_the_weights_file_of_a_package_is_judged_by_its_card(hearts, tmp_path: Path) -> None:
    package = a_package(tmp_path / "model", labels=(0, 3, 2, 1))
    with pytest.raises(ModelError, match="has the labels"):
        train_hearts(hearts, tmp_path / "job", init_from=str(package / "weights.safetensors"))


def test_weights_that_say_nothing_of_themselves_start_a_run_that_says_so(hearts, tmp_path: Path) -> None:
    save_file(build_network("nano", **NETWORK).state_dict(), tmp_path / "bare.safetensors")
    train_hearts(hearts, tmp_path / "job", steps=1, init_from=str(tmp_path / "bare.safetensors"))
    (warning,) = json.loads((tmp_path / "job" / "state.json").read_text())["warnings"]
    assert "do not tell stem_stride, gate, gate_softcap, the order of the labels" in warning
    assert warning in (tmp_path / "job" / "log.txt").read_text()


def test_what_leaves_no_trace_in_shapes_is_named() -> None:
    def shapes(**changes) -> dict:
        network = build_network("nano", **{**NETWORK, **changes})
        return {name: tensor.shape for name, tensor in network.state_dict().items()}

    others = {"stem_stride": 1, "heads": 2, "expand": 1, "gate": "sigmoid", "gate_softcap": 5.0, "in_channels": 2,
              "features": (16, 32), "blocks": (2, 2), "vil_pairs": (1, 1)}
    assert set(others) == set(SHAPING)
    alike = [name for name, value in others.items() if shapes(**{name: value}) == shapes()]
    assert sorted(alike) == sorted(WITHOUT_TRACE)


@pytest.mark.parametrize(("network", "words"), [
    ({}, None), ({"gate": "sigmoid"}, r"differs in gate \(sigmoid instead of exponential\)"),
    ({"stem_stride": 1}, r"differs in stem_stride \(1 instead of 2\)")])
def test_a_weights_file_without_its_card_still_says_how_its_network_computes(hearts, tmp_path: Path, network,
                                                                            words) -> None:
    save_weights(tmp_path / "parted.safetensors", build_network("nano", **{**NETWORK, **network}), half=True)
    start = {"steps": 1, "init_from": str(tmp_path / "parted.safetensors")}
    if words is not None:
        with pytest.raises(ModelError, match=words):
            train_hearts(hearts, tmp_path / "job", **start)
        return
    train_hearts(hearts, tmp_path / "job", **start)
    (warning,) = json.loads((tmp_path / "job" / "state.json").read_text())["warnings"]
    assert "its architecture was compared, and not the order of its labels" in warning


@pytest.mark.parametrize("change", [{"temperature": 1.0}, {"structure_share": 0.5}])
def test_a_run_is_not_resumed_on_cases_drawn_in_another_way(hearts, tmp_path: Path, change) -> None:
    data = job_config(hearts).data
    train_hearts(hearts, tmp_path, steps=1)
    before = json.loads((tmp_path / "state.json").read_text())
    with pytest.raises(UsageError, match="data of this run changed"):
        train_hearts(hearts, tmp_path, steps=2, resume=True, data={**data, "index": {**data["index"], **change}})
    after = json.loads((tmp_path / "state.json").read_text())
    assert "data of this run changed" in after["reason"]
    assert (after["step"], after["checkpoint"]) == (before["step"], before["checkpoint"]) != (0, "")


def test_the_fingerprint_covers_generated_hearts_and_their_share_but_no_folder(hearts, tmp_path: Path) -> None:
    index = job_config(hearts).data["index"]
    mixed = {"scenes": "a", "count": 2, "spacing": 6.0, "generated_share": 0.25, "index": index}

    def of(table: dict) -> str:
        return TrainingData.from_table(table, 24, 4 if "index" in table else 8).fingerprint()

    changes = [{"generated_share": 0.5}, {"seed": 2}, {"count": 3}, {"cut": 0.1}]
    assert len({of({**mixed, **change}) for change in [{}, *changes]}) == 1 + len(changes)
    assert of({**mixed, "scenes": "moved"}) == of(mixed)
    alone = {"scenes": "a", "count": 2}
    assert len({of(alone), of({**alone, "spacing": 2.0}), of({**alone, "seed": 5})}) == 3
