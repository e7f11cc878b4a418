"""The weights that a run starts from: a whole network, a pretrained encoder, or random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from torch import Tensor, nn

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import load_package
from HeartSeg3DLib.networks import XLSTMUNet
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES
from HeartSegTrainingLib.engine.checkpoint import load_initial_weights

from .config import FinetuneConfig
from .encoder_transfer import other_fields, read_encoder, transfer_encoder
from .training_data import label_values


def load_start(network: nn.Module, config: FinetuneConfig, spacing_mm: float | None = None) -> list[str]:
    """Load the weights that a run starts from, all of them or none, and return what to tell about them.

    Args:
        network: Fresh network.
        config: Names the weights.
        spacing_mm: Voxel size of the run, for a note where the encoder learned at another.

    Raises:
        ModelError: They are missing, damaged or do not fit.
    """
    if config.encoder_from is not None:
        report = transfer_encoder(cast(XLSTMUNet, network), read_encoder(config.encoder_from), spacing_mm=spacing_mm,
                                  intensity=DEFAULT_RULES)
        return report.lines()
    if config.init_from is None:
        return []
    if (Path(config.init_from) / "model.json").is_file():
        weights = _of_package(Path(config.init_from), cast(XLSTMUNet, network), config)
    else:
        weights = load_initial_weights(config.init_from)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"The starting weights {config.init_from} do not fit the network: {error}",
                         "Start from weights of the same network config.") from error
    return [f"All {len(weights)} tensors of the network were loaded from {config.init_from}."]


def _of_package(folder: Path, network: XLSTMUNet, config: FinetuneConfig) -> dict[str, Tensor]:
    """Weights of a package that has the same channels and computes in the same way."""
    model = load_package(folder)
    if not isinstance(model.network, XLSTMUNet):
        raise ModelError(f"The model {folder} is an ensemble of several networks.",
                         "Start from the package of one of them, or from a checkpoint.")
    if differing := other_fields(network.config, model.network.config):
        raise ModelError(f"The model {folder} does not fit the network: {differing}.",
                         "Set the [network] table of the job file to that of the model.")
    wanted = label_values(config.data, network.config.classes)
    if model.card.labels != wanted:
        raise ModelError(f"The model {folder} has the labels {list(model.card.labels)}, and the job {list(wanted)}.",
                         "Name its structures in this order in [data.index], or start from its encoder alone with "
                         "encoder_from.")
    return model.network.state_dict()
