"""The weights that a run starts from: a whole network, a pretrained encoder, or random numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import load_package
from HeartSeg3DLib.models.weights import noted_architecture
from HeartSeg3DLib.networks import CONFIGS, NetworkConfig, XLSTMUNet
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES
from HeartSegTrainingLib.engine.checkpoint import load_initial_weights, read_checkpoint
from HeartSegTrainingLib.engine.run_state import part_of

from .config import FinetuneConfig
from .encoder_transfer import WITHOUT_TRACE, other_fields, read_encoder, transfer_encoder
from .training_data import label_values

_CHECKPOINT = re.compile(r"(?:step|best)_\d{7,}")


def _nobody(message: str) -> None:
    """Take a warning that nobody reads."""


def load_start(network: nn.Module, config: FinetuneConfig, spacing_mm: float | None = None,
               warn: Callable[[str], None] = _nobody) -> list[str]:
    """Load the weights that a run starts from, all of them or none, and return what to tell about them.

    Args:
        network: Fresh network.
        config: Names the weights.
        spacing_mm: Voxel size of the run, for a note where the encoder learned at another.
        warn: Takes what of them could not be checked; it is among what is returned, too.

    Raises:
        ModelError: They are missing, damaged or do not fit.
    """
    if config.encoder_from is not None:
        report = transfer_encoder(cast(XLSTMUNet, network), read_encoder(config.encoder_from), spacing_mm=spacing_mm,
                                  intensity=DEFAULT_RULES)
        return report.lines()
    if config.init_from is None:
        return []
    path, lines = Path(config.init_from), []
    folder = path if path.is_dir() else path.parent
    if (folder / "model.json").is_file():
        weights = _of_package(folder, cast(XLSTMUNet, network), config)
    elif _CHECKPOINT.fullmatch(path.stem) and path.is_file():
        weights = _of_checkpoint(path, config)
    else:
        weights = load_initial_weights(path)
        lines = [_unchecked(path, network)]
        warn(lines[0])
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"The starting weights {path} do not fit the network: {error}",
                         "Start from weights of the same network config.") from error
    return [f"All {len(weights)} tensors of the network were loaded from {path}.", *lines]


def _unchecked(path: Path, network: nn.Module) -> str:
    """What could not be compared of weights without a card, after what could: shapes tell little of an architecture.

    Raises:
        ModelError: The file's metadata name another architecture.
    """
    found = noted_architecture(path if path.is_file() else path / "weights.safetensors")
    if found is not None and isinstance(network, XLSTMUNet):
        _refuse_other_fields(f"file {path}", network.config, found)
        return (f"{path} has no card: its architecture was compared, and not the order of its labels, its voxel size "
                "and its intensities. A model package or a checkpoint says them.")
    return (f"{path} has neither a card nor a note of its architecture: only names and shapes of its tensors were "
            f"compared, and they do not tell {', '.join(WITHOUT_TRACE)}, the order of the labels, voxel size and "
            "intensities. If one of them differs, the weights fit and are useless. A model package or a checkpoint "
            "says them.")


def _of_package(folder: Path, network: XLSTMUNet, config: FinetuneConfig) -> dict[str, Tensor]:
    """Weights of a package that has the same channels and computes in the same way."""
    model = load_package(folder)
    if not isinstance(model.network, XLSTMUNet):
        raise ModelError(f"The model {folder} is an ensemble of several networks.",
                         "Start from the package of one of them, or from a checkpoint.")
    _refuse_other_fields(f"model {folder}", network.config, model.network.config)
    _refuse_other_labels(f"model {folder}", label_values(config.data, network.config.classes), model.card.labels)
    return model.network.state_dict()


def _of_checkpoint(path: Path, config: FinetuneConfig) -> dict[str, Tensor]:
    """Averaged weights of a checkpoint whose run had the same channels and computed in the same way."""
    tensors, record = read_checkpoint(path)
    if record.get("kind") != config.kind:
        raise ModelError(f"The checkpoint {path} is of another kind of training ({record.get('kind')}).",
                         "Export its encoder with `heartseg train export`, and name it in encoder_from.")
    earlier = FinetuneConfig.from_dict(record["config"])
    wanted, found = _architecture(config), _architecture(earlier)
    if wanted is not None and found is not None:
        _refuse_other_fields(f"checkpoint {path}", wanted, found)
        if wanted.classes == found.classes:  # a sentence about shapes says the rest
            _refuse_other_labels(f"checkpoint {path}", label_values(config.data, wanted.classes),
                                 label_values(earlier.data, found.classes))
    return part_of(tensors, "ema.")


def _architecture(config: FinetuneConfig) -> NetworkConfig | None:
    """Config of the network that a run names; None for a network that is not in the registry."""
    known = CONFIGS.get(config.network)
    return None if known is None else replace(known, **config.network_overrides)


def _refuse_other_fields(what: str, wanted: NetworkConfig, found: NetworkConfig) -> None:
    if differing := other_fields(wanted, found):
        raise ModelError(f"The {what} does not fit the network: {differing}.",
                         "Set the [network] table of the job file to that of the model.")


def _refuse_other_labels(what: str, wanted: tuple[int, ...], found: tuple[int, ...]) -> None:
    if found != wanted:
        raise ModelError(f"The {what} has the labels {list(found)}, and the job {list(wanted)}.",
                         "Name its structures in this order in [data.index], or start from its encoder alone with "
                         "encoder_from.")
