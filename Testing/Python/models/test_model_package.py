"""Packages come back exactly as stored, and altered or foreign weights never get in."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import load_package, save_package, verify_package
from HeartSeg3DLib.networks import build_network
from small_model import SMALL, make_card


def rewrite(package, change):
    """Change the tensors of a package and correct its checksum."""
    path = package / "weights.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    edit_card(package, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def edit_card(package, **changes):
    path = package / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_half_precision_comes_back_bit_for_bit(package, network):
    loaded = load_package(package)
    for name, tensor in network.state_dict().items():
        found = loaded.network.state_dict()[name]
        assert found.dtype == torch.float32
        assert torch.equal(found, tensor.to(torch.float16).to(torch.float32)), name


def test_single_precision_comes_back_bit_for_bit(tmp_path, card, network):
    loaded = load_package(save_package(tmp_path / "single", card, network, half=False))
    assert all(torch.equal(loaded.network.state_dict()[n], t) for n, t in network.state_dict().items())


def test_bfloat16_weights_of_others_are_read_exactly(package, network):
    rewrite(package, lambda tensors: tensors.update({n: t.to(torch.bfloat16) for n, t in network.state_dict().items()}))
    loaded = load_package(package).network.state_dict()
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded[name], tensor.to(torch.bfloat16).to(torch.float32)), name


def test_a_loaded_network_computes_what_the_stored_one_did(tmp_path, card, network):
    loaded = load_package(save_package(tmp_path / "single", card, network, half=False))
    image = torch.randn(1, 1, 20, 17, 24, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(loaded.network(image), network(image))
    assert not loaded.network.training


def test_a_loaded_network_can_be_trained_further(package):
    network = load_package(package).network.train()
    network(torch.randn(1, 1, 16, 16, 16)).square().mean().backward()
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())
    assert network.heads[0].weight.grad is not None


def test_a_loaded_model_does_not_depend_on_its_file(package, network):
    loaded = load_package(package)
    path = package / "weights.safetensors"
    path.write_bytes(b"\xff" * path.stat().st_size)
    name = "heads.0.weight"
    assert torch.equal(loaded.network.state_dict()[name], network.state_dict()[name].half().float())


def test_the_saved_card_is_complete(package):
    card = verify_package(package)
    assert card.architecture == SMALL.to_dict()
    assert card.sha256 == hashlib.sha256((package / "weights.safetensors").read_bytes()).hexdigest()
    assert card.created.endswith("+00:00")
    assert card.software.startswith("HeartSeg ")


def test_one_altered_byte_is_noticed(package):
    path = package / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="checksum") as caught:
        load_package(package)
    assert "Import" in caught.value.remedy


def test_missing_unexpected_and_misshapen_tensors_are_named(package):
    def change(tensors):
        tensors["stranger"] = torch.zeros(3)
        del tensors["heads.0.bias"]
        tensors["heads.0.weight"] = tensors["heads.0.weight"][:2].clone()

    rewrite(package, change)
    with pytest.raises(ModelError) as caught:
        load_package(package)
    assert "1 tensor missing (heads.0.bias)" in caught.value.message
    assert "1 tensor unexpected (stranger)" in caught.value.message
    assert "heads.0.weight [2, 8, 1, 1, 1] instead of [8, 8, 1, 1, 1]" in caught.value.message


def test_integer_weights_are_refused(package):
    rewrite(package, lambda tensors: tensors.update({"heads.0.bias": torch.zeros(8, dtype=torch.int32)}))
    with pytest.raises(ModelError, match="number type"):
        load_package(package)


def test_weights_that_are_not_finite_are_refused(package):
    rewrite(package, lambda tensors: tensors["heads.0.bias"].fill_(float("inf")))
    with pytest.raises(ModelError, match="not finite"):
        load_package(package)


@pytest.mark.parametrize("keep", [0, 7, 300, -1])
def test_a_cut_weights_file_is_refused(package, keep):
    path = package / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError):
        load_package(package)


def test_a_header_that_promises_too_much_is_refused_before_it_is_believed(package):
    path = package / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[:8] = (1 << 40).to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        load_package(package)


def test_weights_far_larger_than_the_network_are_refused_by_size(package):
    with (package / "weights.safetensors").open("r+b") as file:
        file.truncate(20_000_000_000)
    with pytest.raises(ModelError, match="bytes"):
        load_package(package)


@pytest.mark.parametrize(
    "change",
    [
        {"features": [8, 16, 32]},
        {"features": "wide"},
        {"features": [8, 10**12]},
        {"blocks": [1, 10**9]},
        {"heads": 4.5},
        {"heads": 0},
        {"unheard": 1},
        {"classes": 5},
        {"in_channels": 2},
        {"cell": "quantum"},
    ],
)
def test_an_impossible_architecture_is_a_model_error(package, change):
    edit_card(package, architecture={**SMALL.to_dict(), **change})
    with pytest.raises(ModelError):
        load_package(package)


def test_a_folder_without_card_or_weights_is_refused(package, tmp_path):
    with pytest.raises(ModelError, match="not a model package"):
        load_package(tmp_path)
    (package / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        load_package(package)


def test_too_large_or_broken_weights_are_not_saved(tmp_path, card):
    network = build_network(SMALL)
    with torch.no_grad():
        network.heads[0].weight[0, 0] = 1e5
    with pytest.raises(ModelError, match="half precision"):
        save_package(tmp_path / "model", card, network)
    save_package(tmp_path / "single", card, network, half=False)
    with torch.no_grad():
        network.heads[0].weight[0, 0] = float("nan")
    with pytest.raises(ModelError, match="not finite"):
        save_package(tmp_path / "other", card, network, half=False)
    assert [item.name for item in tmp_path.iterdir()] == ["single"]


def test_a_card_that_does_not_fit_the_network_is_not_saved(tmp_path, network):
    with pytest.raises(ModelError, match="labels"):
        save_package(tmp_path / "model", make_card(labels=[0, 1]), network)
    assert not list(tmp_path.iterdir())


def test_an_existing_package_is_replaced_only_on_request(package, card, network):
    with pytest.raises(UsageError, match="exists"):
        save_package(package, card, network)
    save_package(package, card.with_values(version="2.0.0"), network, replace=True)
    assert verify_package(package).version == "2.0.0"
    assert [item.name for item in package.parent.iterdir()] == [package.name]


def test_weights_are_half_the_size_in_half_precision(tmp_path, card, network):
    sizes = [
        (save_package(tmp_path / str(half), card, network, half=half) / "weights.safetensors").stat().st_size
        for half in (True, False)
    ]
    assert sizes[0] < 0.6 * sizes[1]
