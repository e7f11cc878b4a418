"""A small model, its package, and a store in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from HeartSeg3DLib.models import ModelCard, ModelStore, save_package
from HeartSeg3DLib.networks import XLSTMUNet, build_network
from small_model import SMALL, make_card


@pytest.fixture
def card() -> ModelCard:
    return make_card()


@pytest.fixture(scope="session")
def network() -> XLSTMUNet:
    torch.manual_seed(0)
    return build_network(SMALL).eval()


@pytest.fixture
def package(tmp_path: Path, card: ModelCard, network: XLSTMUNet) -> Path:
    return save_package(tmp_path / "made" / card.id, card, network)


@pytest.fixture
def shipped(tmp_path: Path, network: XLSTMUNet) -> Path:
    folder = tmp_path / "shipped"
    save_package(folder / "default-fine", make_card(id="default-fine"), network)
    save_package(folder / "default-coarse", make_card(id="default-coarse", role="locator"), network)
    return folder


@pytest.fixture
def store(tmp_path: Path, shipped: Path) -> ModelStore:
    return ModelStore(tmp_path / "user", shipped)
