"""The installed models as the panel lists them; what needs PyTorch happens in a child process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import ModelStore, StoredModel
from HeartSeg3DLib.scene.card_page import card_page
from HeartSeg3DLib.scene.request import Request


@dataclass(frozen=True)
class ModelChoice:
    """One installed model.

    Attributes:
        id: What a run is told.
        title: For people.
        version: Such as `1.0.0`.
        role: `segmenter` or `locator`; empty if the card cannot be read.
        modalities: Which of `ct`, `mr` it reads.
        shipped: Whether it came with HeartSeg and cannot be removed.
        problem: Why it cannot be used, else empty.
        card_html: The model card as a page.
    """

    id: str
    title: str
    version: str
    role: str
    modalities: tuple[str, ...]
    shipped: bool
    problem: str
    card_html: str


def model_choices() -> list[ModelChoice]:
    """Return all models, the default segmenter first; broken ones are listed with their problem."""
    store = ModelStore()
    try:
        first = store.default("segmenter").id
    except ModelError:
        first = ""  # none is installed, or several imported ones: the user chooses
    return [_choice(model) for model in sorted(store.list(), key=lambda model: (model.id != first, model.id))]


def import_model(path: Path) -> Request:
    """Start to copy a model package, a zip file or folder, into this user's models, checked before it counts.

    Returns:
        The request to a child process, to be stepped until it is done. Its `result` tells the `id`; its `error` is a
        ModelError (no valid package), UsageError (a model of this name is installed, or the folder of models cannot be
        written) or DependencyError (PyTorch or safetensors is missing or broken). Closing it earlier imports nothing.

    Raises:
        HeartSegError: The child process cannot be started.
    """
    return Request("import_model", input=str(path))


def verify_model(id: str) -> Request:
    """Start to check a model's card, weights and checksum.

    Returns:
        The request to a child process, to be stepped until it is done. Its `error` is a ModelError (unknown, incomplete
        or altered) or DependencyError (PyTorch or safetensors is missing or broken).

    Raises:
        HeartSegError: The child process cannot be started.
    """
    return Request("verify_model", model=id)


def remove_model(id: str) -> None:
    """Delete an imported model.

    Raises:
        ModelError: It is unknown.
        UsageError: It came with HeartSeg, or cannot be removed.
    """
    ModelStore().remove(id)


def _choice(model: StoredModel) -> ModelChoice:
    card = model.card
    if card is None:
        return ModelChoice(model.id, model.id, "", "", (), model.shipped, f"{model.problem} {model.remedy}".strip(), "")
    return ModelChoice(model.id, card.title, card.version, card.role, card.modalities, model.shipped, "",
                       card_page(card))
