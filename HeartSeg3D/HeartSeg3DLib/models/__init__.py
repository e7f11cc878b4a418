"""Model packages: card, weights in safetensors, checksum, and the store that keeps them."""

from HeartSeg3DLib.models.card import ModelCard
from HeartSeg3DLib.models.package import LoadedModel, load_package, save_package, verify_package
from HeartSeg3DLib.models.store import ModelStore, StoredModel, data_folder

__all__ = [
    "LoadedModel",
    "ModelCard",
    "ModelStore",
    "StoredModel",
    "data_folder",
    "load_package",
    "save_package",
    "verify_package",
]
