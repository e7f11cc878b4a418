"""A package of several networks: their probabilities are averaged, and none of them gets in unchecked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import ModelCard, ModelStore, load_package, save_package, verify_package
from HeartSeg3DLib.networks import Ensemble, XLSTMUNet, build_network
from HeartSeg3DLib.segmentation.runner import Runner
from small_model import SMALL, make_card


@pytest.fixture(scope="module")
def members() -> list[XLSTMUNet]:
    torch.manual_seed(3)
    networks = [build_network(SMALL).eval() for _ in range(3)]
    for network in networks:  # fresh heads are all alike near zero
        network.heads[0].weight.data.mul_(30)
    return networks


@pytest.fixture
def package(tmp_path: Path, members: list[XLSTMUNet]) -> Path:
    return save_package(tmp_path / "made" / "small-heart", make_card(), Ensemble(members), half=False)


def an_image() -> torch.Tensor:
    return torch.randn(1, 1, 20, 17, 24, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_the_ensemble_gives_the_mean_of_the_probabilities_and_not_of_the_weights(members: list[XLSTMUNet]) -> None:
    wanted = torch.stack([one(an_image()).softmax(1) for one in members]).mean(0)
    torch.testing.assert_close(Ensemble(members)(an_image()).exp(), wanted)
    average = build_network(SMALL).eval()
    average.load_state_dict({name: torch.stack([one.state_dict()[name] for one in members]).mean(0)
                             for name in members[0].state_dict()})
    assert (average(an_image()).softmax(1) - wanted).abs().max() > 0.1


@torch.no_grad()
def test_a_stored_ensemble_segments_like_any_model(package: Path, members: list[XLSTMUNet]) -> None:
    model = load_package(package)
    assert sorted(path.name for path in package.iterdir()) == [
        "model.json", "weights.safetensors", "weights_2.safetensors", "weights_3.safetensors"]
    runner = Runner(model.network, torch.device("cpu"))
    assert (runner.stride, runner.smallest) == (SMALL.stem_stride, SMALL.smallest_input)
    each = [Runner(one, torch.device("cpu")).predict(an_image()[0, 0], 32).exp() for one in members]
    torch.testing.assert_close(runner.predict(an_image()[0, 0], 32).exp(), torch.stack(each).mean(0))


def test_every_member_is_checked(package: Path) -> None:
    content = bytearray((package / "weights_3.safetensors").read_bytes())
    content[-1] ^= 1
    (package / "weights_3.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="checksum differs"):
        verify_package(package)
    (package / "weights_3.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no weights_3\.safetensors"):
        load_package(package)


@pytest.mark.parametrize("zipped", [False, True])
def test_importing_takes_all_members(store: ModelStore, package: Path, tmp_path: Path, zipped: bool) -> None:
    source = Path(shutil.make_archive(str(tmp_path / "model"), "zip", package)) if zipped else package
    assert isinstance(store.load(store.import_from(source).id).network, Ensemble)
    (package / "weights_2.safetensors").unlink()
    source = Path(shutil.make_archive(str(tmp_path / "less"), "zip", package)) if zipped else package
    with pytest.raises(ModelError, match=r"no weights_2\.safetensors"):
        store.import_from(source, replace=True)
    assert isinstance(store.load("small-heart").network, Ensemble)


def test_a_card_without_members_reads_and_writes_as_before(tmp_path: Path, members: list[XLSTMUNet]) -> None:
    folder = save_package(tmp_path / "one", make_card(), members[0])
    assert "members" not in json.loads((folder / "model.json").read_text())
    assert ModelCard.read(folder).members == ()
    assert isinstance(load_package(folder).network, XLSTMUNet)


@pytest.mark.parametrize("wrong", [["../../etc/passwd"], ["a" * 64] * 16, "a" * 64, [""], [None]])
def test_impossible_members_are_refused(package: Path, wrong: object) -> None:
    card = package / "model.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "members": wrong}))
    with pytest.raises(ModelError, match=r"entry '(members|sha256)'"):
        load_package(package)


def test_networks_that_differ_make_no_ensemble(members: list[XLSTMUNet]) -> None:
    with pytest.raises(ModelError, match="differ in their architecture"):
        Ensemble([members[0], build_network(SMALL, gate="sigmoid")])
    with pytest.raises(ModelError, match="ensemble of 1 networks"):
        Ensemble(members[:1])
