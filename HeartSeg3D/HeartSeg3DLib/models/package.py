"""Model packages: folders with `model.json` and `weights.safetensors`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models.card import CARD_FILE, ModelCard
from HeartSeg3DLib.models.weights import (
    WEIGHTS_FILE,
    check_header,
    check_size,
    load_into,
    save_weights,
    sha256_of,
    shapes_of,
    weights_file,
)

if TYPE_CHECKING:
    from HeartSeg3DLib.networks import Ensemble, XLSTMUNet

TRUST_FILE = "trust.json"
"""What was measured of the model's errors (`HeartSeg3DLib.trust`); not every package has it."""
TRUST_BYTES = 1_000_000
"""No honest trust file is longer than this."""

_CORRECT_CARD = "Ask whoever made the model for a corrected package."
# Far above the largest configuration; a card from elsewhere must not keep the machine busy with describing it.
_MOST_STAGES, _MOST_BLOCKS, _MOST_CHANNELS = 12, 64, 8192


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to use.

    Attributes:
        card: What the model is.
        network: Its network in evaluation mode, single precision, on the CPU; an ensemble where the card names
            further members.
    """

    card: ModelCard
    network: XLSTMUNet | Ensemble


def load_package(folder: Path) -> LoadedModel:
    """Load a model package after checking card, header and checksum.

    Args:
        folder: Folder with `model.json` and `weights.safetensors`.

    Raises:
        ModelError: The package is incomplete, altered or does not fit its own card.
    """
    from HeartSeg3DLib.networks import Ensemble

    card = ModelCard.read(folder)
    network = _check(folder, card)
    files = [folder / name for name in checksums_of(card)]
    if len(files) == 1:
        return LoadedModel(card, load_into(network, files[0]).eval())
    return LoadedModel(card, Ensemble([load_into(network_of(card), file) for file in files]).eval())


def verify_package(folder: Path) -> ModelCard:
    """Check card, header and checksum of a package without loading its weights.

    Raises:
        ModelError: As `load_package`.
    """
    card = ModelCard.read(folder)
    _check(folder, card)
    return card


def network_of(card: ModelCard) -> XLSTMUNet:
    """Return the card's network without weights: names and shapes, no memory.

    Raises:
        ModelError: The architecture is impossible, or has other channels than the card has labels.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    from HeartSeg3DLib.networks import NetworkConfig, build_network

    class WithoutRandomNumbers(TorchFunctionMode):
        """Skips drawing weights that are not there: on the meta device that imports torch's compiler, over a second."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = kwargs or {}
            if function in (torch.Tensor.normal_, torch.nn.init.normal_):
                return args[0] if args else given["tensor"]
            return function(*args, **given)

    config = NetworkConfig.from_dict(card.architecture)
    if config.classes != len(card.labels) or config.in_channels != 1:
        raise ModelError(
            f"The model card lists {len(card.labels)} labels of a gray-value image for a network with "
            f"{config.in_channels} input and {config.classes} output channels.",
            _CORRECT_CARD,
        )
    depth = (*config.blocks, *config.vil_pairs, *(config.decoder_blocks or ()))
    width = (*config.features, config.heads, config.expand)
    if len(config.features) > _MOST_STAGES or max(depth) > _MOST_BLOCKS or max(width) > _MOST_CHANNELS:
        raise ModelError("The model card describes a network beyond any sensible size.", _CORRECT_CARD)
    try:
        with torch.device("meta"), WithoutRandomNumbers():
            return build_network(config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"The network of the model card cannot be built ({error}).", _CORRECT_CARD) from error


def _check(folder: Path, card: ModelCard) -> XLSTMUNet:
    """Compare the weights files with the card and return the network that each of them fills."""
    network = network_of(card)
    for name, checksum in checksums_of(card).items():
        weights = folder / name
        if not weights.is_file():
            what = "weights file" if name == WEIGHTS_FILE else name
            raise ModelError(f"The model '{card.id}' has no {what}.", f"Put {name} beside {CARD_FILE}.")
        check_header(weights, shapes_of(network))
        if sha256_of(weights) != checksum:
            raise ModelError(
                f"The weights of '{card.id}' are not the ones its card describes: the checksum differs.",
                "Import the model again from its original package.",
            )
    return network


def checksums_of(card: ModelCard) -> dict[str, str]:
    """Name of each weights file of a package to its SHA-256."""
    return {weights_file(member): checksum for member, checksum in enumerate((card.sha256, *card.members))}


def save_package(
    folder: Path, card: ModelCard, network: XLSTMUNet | Ensemble, half: bool = True, *, replace: bool = False
) -> Path:
    """Write a model package; it appears under its name only when complete.

    Args:
        folder: Where the package goes.
        card: The model's card; architecture, checksums, software and, if empty, the date are filled in here.
        network: The trained network, or an ensemble of several.
        half: Store float16 (half the size) instead of float32.
        replace: Replace a package that is already there.

    Raises:
        ModelError: Card and network do not fit each other, or a weight cannot be stored.
        UsageError: The folder exists already, or cannot be written.
    """
    from HeartSeg3DLib.networks import members_of

    card = card.with_values(
        architecture=network.config.to_dict(),
        software=f"HeartSeg {__version__}",
        created=card.created or datetime.now(UTC).isoformat(timespec="seconds"),
    )
    network_of(card)
    with staged_folder(folder, replace=replace) as staging:
        checksums = []
        for member, one in enumerate(members_of(network)):
            save_weights(staging / weights_file(member), one, half)
            checksums.append(sha256_of(staging / weights_file(member)))
        card = card.with_values(sha256=checksums[0], members=checksums[1:])
        (staging / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return folder


def package_folder(folder: Path) -> Path:
    """Return the package folder that `folder` is, or the only one just below it.

    Raises:
        ModelError: There is none, or there are several.
    """
    if (folder / CARD_FILE).is_file():
        return folder
    below = sorted(card.parent for card in folder.glob(f"*/{CARD_FILE}"))
    if len(below) != 1:
        found = "no model package" if not below else f"{len(below)} model packages"
        raise ModelError(f"'{folder}' holds {found}.", f"Choose the folder with {CARD_FILE} and {WEIGHTS_FILE}.")
    return below[0]


def copy_package(source: Path, folder: Path) -> None:
    """Copy card, weights and trust file of the package folder `source`, and nothing else, into an existing folder.

    Raises:
        ModelError: A file is missing, cannot be read or is larger than the card's network explains.
    """
    card = ModelCard.read(source)
    shapes, names = shapes_of(network_of(card)), tuple(checksums_of(card))
    for name in names:
        if not (source / name).is_file():
            raise ModelError(f"The package '{source}' has no {name}.", "Copy the whole package folder.")
        check_size((source / name).stat().st_size, shapes)
    trust = source / TRUST_FILE
    has_trust = trust.is_file() and trust.stat().st_size <= TRUST_BYTES
    for name in (CARD_FILE, *names, *([TRUST_FILE] if has_trust else [])):
        try:
            shutil.copyfile(source / name, folder / name)
        except PermissionError as error:
            raise ModelError(f"'{source / name}' cannot be read.", "Check the file's permissions.") from error


@contextmanager
def staged_folder(folder: Path, *, replace: bool) -> Iterator[Path]:
    """Give a temporary folder beside `folder` that takes its name if the block succeeds, and else goes away.

    Raises:
        UsageError: `folder` exists and may not be replaced, or its parent cannot be written.
    """
    if folder.exists() and not replace:
        raise UsageError(f"'{folder}' exists already.", "Choose another name, or replace it explicitly.")
    staging = folder.parent / f".{folder.name}.{uuid4().hex[:8]}.tmp"
    try:
        staging.mkdir(parents=True)
        yield staging
        _take_place(staging, folder)
    except OSError as error:
        raise UsageError(
            f"'{folder}' cannot be written: {error.strerror or error}.",
            "Choose a writable place with enough free space.",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _take_place(staging: Path, folder: Path) -> None:
    """Rename `staging` to `folder`; one that is there is moved aside first and comes back on failure."""
    if not folder.exists():
        os.replace(staging, folder)
        return
    aside = folder.parent / f".{folder.name}.{uuid4().hex[:8]}.old"
    os.replace(folder, aside)
    try:
        os.replace(staging, folder)
    except OSError:
        os.replace(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
