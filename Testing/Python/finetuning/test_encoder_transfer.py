"""An encoder comes over whole or not at all, and what does not fit is named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import ModelCard, save_package
from HeartSeg3DLib.networks import Ensemble, NetworkConfig, XLSTMUNet, build_network
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES
from HeartSegTrainingLib.finetuning.encoder_transfer import read_encoder, transfer_encoder

SMALL = NetworkConfig(features=(8, 16), blocks=(1, 1), vil_pairs=(0, 1), stem_stride=2, classes=4)


@pytest.fixture
def trained() -> XLSTMUNet:
    torch.manual_seed(1)
    return build_network(SMALL, classes=2)


@pytest.fixture
def fresh() -> XLSTMUNet:
    torch.manual_seed(2)
    return build_network(SMALL)


def exported(folder: Path, network: XLSTMUNet, **changes) -> Path:
    """An exported encoder as pretraining writes it."""
    folder.mkdir()
    save_file(network.encoder.state_dict(), folder / "encoder.safetensors")
    card = {"format": "heartseg-encoder", "version": 1, "architecture": network.config.to_dict(), "spacing_mm": 1.5,
            "intensity": DEFAULT_RULES, "axes": ["z", "y", "x"], "orientation": "LPS", "training": {},
            "sha256": hashlib.sha256((folder / "encoder.safetensors").read_bytes()).hexdigest()}
    (folder / "encoder.json").write_text(json.dumps({**card, **changes}))
    return folder


def package(folder: Path, network: XLSTMUNet | Ensemble) -> Path:
    card = ModelCard(id="a", version="1", title="A", role="locator", architecture={}, labels=(0, 1), spacing_mm=2.0,
                     window_voxels=32, modalities=("ct",), intensity=DEFAULT_RULES, conventions={}, training={},
                     held_out={}, figures={}, licence="CC0-1.0")
    return save_package(folder, card, network, half=False)


@pytest.mark.parametrize("kind", ["exported encoder", "its file", "model package"])
def test_every_tensor_comes_over_and_is_counted(tmp_path: Path, trained, fresh, kind: str) -> None:
    folder = package(tmp_path / "a", trained) if kind == "model package" else exported(tmp_path / "a", trained)
    source = read_encoder(folder / "encoder.safetensors" if kind == "its file" else folder)
    heads = fresh.heads[0].weight.clone()
    report = transfer_encoder(fresh, source)
    wanted = trained.encoder.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in fresh.encoder.state_dict().items())
    assert torch.equal(fresh.heads[0].weight, heads)
    assert report.loaded == report.expected == len(wanted)
    assert report.fresh == len(fresh.state_dict()) - len(wanted)
    assert report.sentence.startswith(f"{len(wanted)} of {len(wanted)} tensors of the encoder")
    assert sum(line.startswith("  encoder.") for line in report.lines()) == len(wanted)


def test_another_spacing_or_intensity_is_noted(tmp_path: Path, trained, fresh) -> None:
    source = read_encoder(exported(tmp_path / "a", trained))
    other = {**DEFAULT_RULES, "ct": {"kind": "window", "low": -1000.0, "high": 1000.0}}
    assert transfer_encoder(fresh, source, spacing_mm=1.5, intensity=DEFAULT_RULES).notes == ()
    notes = transfer_encoder(fresh, source, spacing_mm=1.0, intensity=other).notes
    assert "learned at 1.5 mm, and this run works at 1 mm" in notes[0]
    assert "rule for CT" in notes[1]


@pytest.mark.parametrize(("change", "words"), [
    ({"features": (8, 24)}, r"features \(\[8, 24\] instead of \[8, 16\]\).*tensors? of another shape"),
    ({"blocks": (1, 2)}, r"blocks \(\[1, 2\] instead of \[1, 1\]\).*unknown \(stages\.1\.blocks\.1"),
    ({"vil_pairs": (0, 0)}, r"vil_pairs .*missing \(stages\.1\.vil\.0"),
    ({"gate": "sigmoid"}, r"gate \(sigmoid instead of exponential\)\."),  # the same shapes, another function
    ({"gate_softcap": 0.0}, r"gate_softcap \(0\.0 instead of 15\.0\)\.")])
def test_another_architecture_is_refused_by_field_and_tensor(tmp_path: Path, fresh, change, words) -> None:
    before = {name: tensor.clone() for name, tensor in fresh.state_dict().items()}
    source = read_encoder(exported(tmp_path / "a", build_network(SMALL, **change)))
    with pytest.raises(ModelError, match=f"does not fit the network: its config differs in {words}"):
        transfer_encoder(fresh, source)
    assert all(torch.equal(tensor, before[name]) for name, tensor in fresh.state_dict().items())


def test_a_part_of_an_encoder_is_refused(tmp_path: Path, trained, fresh) -> None:
    source = read_encoder(exported(tmp_path / "a", trained))
    name = next(iter(source.tensors))
    del source.tensors[name]
    with pytest.raises(ModelError, match=f"1 tensor missing \\({name}\\)"):
        transfer_encoder(fresh, source)


@pytest.mark.parametrize(("change", "axes"), [
    ({"axes": ["x", "y", "z"]}, "xyz-LPS"), ({"orientation": "RAS"}, "zyx-RAS")])
def test_other_axes_are_refused(tmp_path: Path, trained, fresh, change, axes: str) -> None:
    source = read_encoder(exported(tmp_path / "a", trained, **change))
    with pytest.raises(ModelError, match=f"learned on axes '{axes}', and this network sees 'zyx-LPS'"):
        transfer_encoder(fresh, source)


@pytest.mark.parametrize(("change", "words"), [
    ({"version": 2}, "newer version"), ({"format": "other"}, "does not describe an encoder")])
def test_an_export_of_another_version_or_program_is_refused(tmp_path: Path, trained, change, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        read_encoder(exported(tmp_path / "a", trained, **change))


def test_weights_that_are_not_finite_are_refused(tmp_path: Path, trained, fresh) -> None:
    with torch.no_grad():
        next(iter(trained.encoder.parameters())).fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        transfer_encoder(fresh, read_encoder(exported(tmp_path / "a", trained)))


@pytest.mark.parametrize("damage", ["cut", "flipped", "no weights", "no table", "cut card"])
def test_a_damaged_export_is_refused(tmp_path: Path, trained, damage: str) -> None:
    folder = exported(tmp_path / "a", trained)
    weights, card = folder / "encoder.safetensors", folder / "encoder.json"
    content = bytearray(weights.read_bytes())
    if damage == "cut":
        weights.write_bytes(content[:-10])
    elif damage == "flipped":
        content[-1] ^= 1
        weights.write_bytes(content)
    elif damage == "no weights":
        weights.unlink()
    elif damage == "no table":
        card.write_text("[]")
    else:
        card.write_text(card.read_text()[:-9])
    with pytest.raises(ModelError, match="damaged"):
        read_encoder(folder)


def test_what_is_no_encoder_is_said(tmp_path: Path, trained) -> None:
    with pytest.raises(ModelError, match="no encoder at"):
        read_encoder(tmp_path / "nothing")
    (tmp_path / "job" / "checkpoints").mkdir(parents=True)
    with pytest.raises(ModelError) as caught:
        read_encoder(tmp_path / "job")
    assert "checkpoints" in caught.value.remedy
    with pytest.raises(ModelError, match="ensemble"):
        read_encoder(package(tmp_path / "two", Ensemble([trained, trained])))
