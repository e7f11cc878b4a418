"""A pretrained encoder in a segmentation network: all of it or nothing, and a report of every tensor."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from HeartSeg3DLib.errors import HeartSegError, ModelError
from HeartSeg3DLib.models import ModelCard, load_package
from HeartSeg3DLib.models.weights import sha256_of
from HeartSeg3DLib.networks import CONFIGS, NetworkConfig, XLSTMUNet

ENCODER_FILE, ENCODER_CARD = "encoder.safetensors", "encoder.json"
FORMAT, VERSION = "heartseg-encoder", 1
AXIS_ORDER = "zyx-LPS"
"""Axes of every array that our networks see: z towards the head, y towards the back, x towards the left. An encoder
that learned on other axes fits by its shapes and is useless."""

SHAPING = ("in_channels", "features", "blocks", "vil_pairs", "stem_stride", "heads", "expand", "gate", "gate_softcap")
"""Fields of a network's config that change what an encoder computes."""

WITHOUT_TRACE = ("stem_stride", "gate", "gate_softcap")
"""Those of them that change no shape: only a card, a checkpoint's record or a file's metadata tells them."""

_SHOWN = 3
_CHECKPOINT = re.compile(r"(?:step|best)_\d{7,}")
_REMEDY = "Set the [network] table of the job file to that of the encoder, or choose another encoder."


@dataclass(frozen=True)
class EncoderSource:
    """An encoder that was read from a file, not yet compared with any network.

    Attributes:
        path: Where it comes from.
        kind: "exported encoder", "model package" or "checkpoint".
        network: Config of the network it belongs to.
        tensors: Tensors by name, without the network's prefix `encoder.`.
        spacing_mm: Voxel size it learned at; None where the source does not say.
        intensity: Intensity rule of each modality it learned with; empty where the source does not say.
        axis_order: Axes it learned on.
    """

    path: Path
    kind: str
    network: NetworkConfig
    tensors: dict[str, Tensor]
    spacing_mm: float | None
    intensity: Mapping[str, Any]
    axis_order: str


@dataclass(frozen=True)
class TransferReport:
    """What came over.

    Attributes:
        source: Where the encoder comes from, and what that is.
        shapes: Shape of each tensor that was loaded; all that the encoder has.
        expected: How many tensors the network's encoder has.
        fresh: How many tensors of the network start from random numbers: decoder and heads.
        notes: Sentences about what fits and differs nevertheless.
    """

    source: str
    shapes: dict[str, tuple[int, ...]]
    expected: int
    fresh: int
    notes: tuple[str, ...] = ()

    @property
    def loaded(self) -> int:
        """How many tensors were loaded."""
        return len(self.shapes)

    @property
    def sentence(self) -> str:
        """The report in one sentence."""
        weights = sum(torch.Size(shape).numel() for shape in self.shapes.values())
        return (f"{self.loaded} of {self.expected} tensors of the encoder ({weights / 1e6:.2f} M weights) were loaded "
                f"from the {self.source}; {self.fresh} tensors of decoder and heads start fresh.")

    def lines(self) -> list[str]:
        """The sentence, the notes, and one line a tensor."""
        return [self.sentence, *self.notes,
                *(f"  encoder.{name} {list(shape)}" for name, shape in self.shapes.items())]


def read_encoder(source: str | Path) -> EncoderSource:
    """Read an encoder: a folder with `encoder.safetensors` and `encoder.json`, a model package, or a checkpoint file.

    Raises:
        ModelError: It is none of these, incomplete or damaged, or an ensemble.
    """
    path = Path(source)
    folder = path.parent if path.name in (ENCODER_FILE, ENCODER_CARD) else path
    if (folder / ENCODER_CARD).is_file():
        return _exported(folder)
    if (path / "model.json").is_file():
        return _of_package(path)
    if _CHECKPOINT.fullmatch(path.stem) and path.is_file():
        return _of_checkpoint(path)
    hint = "Give one of the files in its folder 'checkpoints'." if (path / "checkpoints").is_dir() else (
        "Give the folder of an exported encoder, a model package, or a checkpoint.")
    raise ModelError(f"There is no encoder at {path}.", hint)


def transfer_encoder(network: XLSTMUNet, source: EncoderSource, *, spacing_mm: float | None = None,
                     intensity: Mapping[str, Any] | None = None) -> TransferReport:
    """Load an encoder into a network; nothing is changed unless all of it fits.

    Args:
        network: The network that is going to be trained.
        source: From `read_encoder`.
        spacing_mm: Voxel size that the network is going to be trained at, for a note where it differs.
        intensity: Intensity rules that it is going to be trained with, likewise.

    Raises:
        ModelError: Another architecture, tensors that are missing, unknown, misshapen or not finite, or another order
            of axes.
    """
    if source.axis_order != AXIS_ORDER:
        raise ModelError(f"The encoder {source.path} learned on axes '{source.axis_order}', and this network sees "
                         f"'{AXIS_ORDER}'.", "Export it again with this version of HeartSeg, or choose another one.")
    wanted = {name: tuple(tensor.shape) for name, tensor in network.encoder.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in source.tensors.items()}
    complaints = [*filter(None, [other_fields(network.config, source.network)]), *_other_tensors(wanted, found)]
    if complaints:
        raise ModelError(f"The encoder {source.path} does not fit the network: {'; '.join(complaints)}.", _REMEDY)
    broken = [name for name, tensor in source.tensors.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise ModelError(f"The encoder {source.path} has weights that are not finite ({_some(broken)}).",
                         "Export it from an earlier checkpoint.")
    network.encoder.load_state_dict({name: tensor.float() for name, tensor in source.tensors.items()})
    return TransferReport(f"{source.kind} {source.path}", {name: wanted[name] for name in sorted(wanted)}, len(wanted),
                          len(network.state_dict()) - len(wanted), _notes(source, spacing_mm, intensity))


def _exported(folder: Path) -> EncoderSource:
    path = folder / ENCODER_FILE
    try:
        card = json.loads((folder / ENCODER_CARD).read_text("utf-8"))
        if not isinstance(card, dict):
            raise TypeError("no table")
        _refuse_other_version(folder, card)
        if not path.is_file():
            raise FileNotFoundError(ENCODER_FILE)
        if sha256_of(path) != card["sha256"]:
            raise ModelError(f"The encoder {folder} is damaged: its checksum differs from that of its card.",
                             "Copy or export it again.")
        tensors = load(path.read_bytes())
        return EncoderSource(folder, "exported encoder", NetworkConfig.from_dict(card["architecture"]), tensors,
                             float(card["spacing_mm"]), dict(card["intensity"]),
                             f"{''.join(card['axes'])}-{card['orientation']}")
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise ModelError(f"The encoder {folder} is incomplete or damaged ({type(error).__name__}: {error}).",
                         f"Copy the whole folder again; it holds {ENCODER_FILE} and {ENCODER_CARD}.") from error


def _refuse_other_version(folder: Path, card: Mapping[str, Any]) -> None:
    if card["format"] != FORMAT:
        raise ModelError(f"{folder / ENCODER_CARD} does not describe an encoder of HeartSeg.",
                         "Export one with `heartseg train export` from a pretraining job.")
    if card["version"] != VERSION:
        age = "a newer" if card["version"] > VERSION else "an older"
        raise ModelError(f"The encoder {folder} was exported by {age} version of HeartSeg (format {card['version']}, "
                         f"here {VERSION}).", "Export it again with this version.")


def _of_package(folder: Path) -> EncoderSource:
    if ModelCard.read(folder).members:
        raise ModelError(f"The model {folder} is an ensemble of several networks.",
                         "Start from the package of one of them, or from a checkpoint.")
    model = load_package(folder)
    return EncoderSource(folder, "model package", model.network.config, _part(model.network.state_dict(), "encoder."),
                         model.card.spacing_mm, model.card.intensity, AXIS_ORDER)


def _of_checkpoint(path: Path) -> EncoderSource:
    from HeartSegTrainingLib.engine.checkpoint import read_checkpoint

    try:
        tensors, record = read_checkpoint(path)
        said = dict(record["config"]["network"])
        config = replace(CONFIGS[said.pop("name")], **said)
        spacing = record["config"].get("data", {}).get("spacing")
    except HeartSegError:
        raise
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"The checkpoint {path} does not say which network it holds.",
                         "Use the version of HeartSeg that wrote it, or export its encoder there.") from error
    encoder = _part(tensors, "ema.encoder.")
    if not encoder:
        raise ModelError(f"The checkpoint {path} holds no averaged weights of an encoder.",
                         "Export the encoder of that run first, and give the exported folder.")
    return EncoderSource(path, "checkpoint", config, encoder, None if spacing is None else float(spacing), {},
                         AXIS_ORDER)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def other_fields(wanted: NetworkConfig, found: NetworkConfig) -> str:
    """Phrase about the fields that make one network compute something else than another; empty where none does."""
    differing = [f"{name} ({_plain(getattr(found, name))} instead of {_plain(getattr(wanted, name))})"
                 for name in SHAPING if getattr(wanted, name) != getattr(found, name)]
    return f"its config differs in {', '.join(differing)}" if differing else ""


def _other_tensors(wanted: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> list[str]:
    misshapen = [f"{name} {list(found[name])} instead of {list(shape)}" for name, shape in wanted.items()
                 if name in found and found[name] != shape]
    kinds = {"missing": [name for name in wanted if name not in found],
             "unknown": [name for name in found if name not in wanted], "of another shape": misshapen}
    return [f"{len(names)} tensor{'s' * (len(names) > 1)} {what} ({_some(names)})"
            for what, names in kinds.items() if names]


def _notes(source: EncoderSource, spacing_mm: float | None, intensity: Mapping[str, Any] | None) -> tuple[str, ...]:
    notes = []
    if spacing_mm is not None and source.spacing_mm is not None and abs(spacing_mm - source.spacing_mm) > 1e-6:
        notes.append(f"The encoder learned at {source.spacing_mm:g} mm, and this run works at {spacing_mm:g} mm.")
    if intensity is not None and source.intensity:
        differing = [name for name, rule in intensity.items() if source.intensity.get(name, rule) != rule]
        notes += [f"The encoder learned with another intensity rule for {name.upper()}." for name in differing]
    return tuple(notes)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
