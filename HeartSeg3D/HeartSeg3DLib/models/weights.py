"""Weights as safetensors: written in half precision, checked against their network before they are read."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from HeartSeg3DLib.errors import ModelError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from HeartSeg3DLib.networks import NetworkConfig, XLSTMUNet

WEIGHTS_FILE = "weights.safetensors"
WEIGHTS_BYTES = 8_000_000_000
"""The largest network has 1.6 thousand million parameters, 6.4 GB in single precision."""

_ARCHITECTURE = "heartseg.architecture"
_HEADER_BYTES = 16_000_000
_BYTES_PER_VALUE = {"F16": 2, "BF16": 2, "F32": 4}
_BLOCK = 1 << 20
_REMEDY = "Import the model again from its original package."
_NAMES_SHOWN = 3


def weights_file(member: int) -> str:
    """Name of the weights file of a network of a package, from 0.

    >>> weights_file(0), weights_file(1)
    ('weights.safetensors', 'weights_2.safetensors')
    """
    return f"weights_{member + 1}.safetensors" if member else WEIGHTS_FILE


Shapes = dict[str, tuple[int, ...]]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def shapes_of(network: XLSTMUNet) -> Shapes:
    """Return the shape of every tensor in the network's state."""
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def check_size(size: int, shapes: Shapes) -> None:
    """Refuse a weights file that cannot be this network's, from its size in bytes alone.

    Raises:
        ModelError: Too large or too small.
    """
    values = sum(math.prod(shape) for shape in shapes.values())
    smallest, largest = 2 * values, min(4 * values + _HEADER_BYTES, WEIGHTS_BYTES)
    if not smallest <= size <= largest:
        raise ModelError(
            f"The weights file has {size:,} bytes; a network of this architecture has {smallest:,} to {largest:,}.",
            _REMEDY,
        )


def check_header(path: Path, shapes: Shapes) -> None:
    """Compare the names, shapes and number types in the file's header with the network; reads no weights.

    Raises:
        ModelError: Not a safetensors file, or it does not fit the network.
    """
    from safetensors import SafetensorError, safe_open

    check_size(path.stat().st_size, shapes)
    try:
        with safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            found = {name: (tuple(part.get_shape()), part.get_dtype()) for name, part in slices.items()}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The weights file is damaged ({error}).", _REMEDY) from error
    problems = [
        *_listed("missing", sorted(set(shapes) - set(found))),
        *_listed("unexpected", sorted(set(found) - set(shapes))),
        *_listed(
            "of another shape",
            [
                f"{name} {list(found[name][0])} instead of {list(shape)}"
                for name, shape in sorted(shapes.items())
                if name in found and found[name][0] != shape
            ],
        ),
        *_listed(
            "of an unknown number type",
            [f"{name} {kind}" for name, (_, kind) in sorted(found.items()) if kind not in _BYTES_PER_VALUE],
        ),
    ]
    if problems:
        raise ModelError(f"The weights do not fit the card's network: {'; '.join(problems)}.", _REMEDY)


def _listed(what: str, names: list[str]) -> list[str]:
    """Return one phrase that names the first few of `names`, or nothing if there are none."""
    if not names:
        return []
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    count = f"{len(names)} tensor{'s' if len(names) > 1 else ''}"
    return [f"{count} {what} ({', '.join(names[:_NAMES_SHOWN])}{more})"]


def load_into(network: XLSTMUNet, path: Path) -> XLSTMUNet:
    """Fill a network without memory (on the meta device) from a checked file, in single precision on the CPU.

    Raises:
        ModelError: A weight is not finite, or the file changed since it was checked.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    state: dict[str, Tensor] = {}
    try:  # copies, because safetensors hands out views of the mapped file, which may be replaced later
        with safe_open(path, framework="pt", device="cpu") as file:
            for name in file.keys():  # noqa: SIM118 (not a dict)
                state[name] = file.get_tensor(name).to(torch.float32, copy=True)
        network.load_state_dict(state, strict=True, assign=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise ModelError(f"The weights cannot be read ({error}).", _REMEDY) from error
    broken = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise ModelError(f"The weights are not finite: {'; '.join(_listed('affected', broken))}.", _REMEDY)
    return network


def architecture_note(config: NetworkConfig) -> dict[str, str]:
    """Metadata of a weights file that say how its network computes, for a file that was parted from its card."""
    return {_ARCHITECTURE: json.dumps(config.to_dict(), sort_keys=True)}


def noted_architecture(path: Path) -> NetworkConfig | None:
    """How the network of a weights file computes, as its metadata say; None where they do not.

    Raises:
        ModelError: Not a safetensors file, or what it says is impossible.
    """
    from safetensors import SafetensorError, safe_open

    from HeartSeg3DLib.networks import NetworkConfig

    try:
        with safe_open(path, framework="np") as file:
            said = (file.metadata() or {}).get(_ARCHITECTURE)
        return None if said is None else NetworkConfig.from_dict(json.loads(said))
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise ModelError(f"The weights file is damaged ({error}).", _REMEDY) from error


def save_weights(path: Path, network: XLSTMUNet, half: bool) -> None:
    """Write a network's state as safetensors, in half (float16) or single precision, with its architecture.

    float16 rather than bfloat16: trained weights lie far inside its range and keep 11 instead of 8
    significant bits; a weight outside the range is refused and never turned into infinity.

    Raises:
        ModelError: A weight is not finite, or too large for half precision.
        UsageError: The file cannot be written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state = {}
    for name, tensor in network.state_dict().items():
        values = tensor.detach().to("cpu", torch.float32)
        if not bool(torch.isfinite(values).all()):
            raise ModelError(f"The weight '{name}' is not finite.", "Save an earlier checkpoint of this training.")
        stored = values.to(torch.float16) if half else values
        if not bool(torch.isfinite(stored).all()):
            raise ModelError(
                f"The weight '{name}' is too large for half precision.", "Save the model in single precision."
            )
        state[name] = stored.contiguous().clone()
    try:
        save_file(state, path, metadata=architecture_note(network.config))
    except SafetensorError as error:
        raise UsageError(f"The weights cannot be written ({error}).", "Choose a place with enough space.") from error
