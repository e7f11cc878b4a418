"""The installed models as the panel lists them; what needs PyTorch happens in a child process."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import ModelCard, ModelStore, StoredModel
from HeartSeg3DLib.notice import NOTE_SENTENCE
from HeartSeg3DLib.scene.request import Request
from HeartSeg3DLib.scene.text import _


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


def import_model(path: Path) -> ModelChoice:
    """Copy a model package, a zip file or folder, into this user's models after checking it.

    Raises:
        ModelError: Not a valid package.
        UsageError: A model of this name is installed, or the folder of models cannot be written.
        DependencyError: PyTorch or safetensors is missing or broken.
    """
    return _choice(ModelStore().get(Request("import_model", input=str(path)).wait()["id"]))


def verify_model(id: str) -> None:
    """Check a model's card, weights and checksum.

    Raises:
        ModelError: It is unknown, incomplete or altered.
        DependencyError: PyTorch or safetensors is missing or broken.
    """
    Request("verify_model", model=id).wait()


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


def card_page(card: ModelCard) -> str:
    """Return a model card as HTML that Qt shows; everything in it is escaped."""
    kinds = {"ct": "CT", "mr": "MRI"}
    facts = {
        _("Reads"): ", ".join(kinds[modality] for modality in card.modalities),
        _("Finds"): ", ".join(STRUCTURES[value].name if value in STRUCTURES else str(value)
                              for value in card.labels if value),
        _("Works at"): f"{card.spacing_mm:g} mm",
        _("License"): card.licence,
        _("Id"): f"{card.id}, SHA-256 {card.sha256[:16]}…",
    }
    sections = ((_("What was measured"), card.figures), (_("How structures are drawn"), card.conventions),
                (_("Trained on"), card.training), (_("Kept from training"), card.held_out))
    parts = [f"<h2>{html.escape(card.title)} {html.escape(card.version)}</h2>", _table(facts)]
    parts += [f"<h3>{html.escape(title)}</h3>{_table(content)}" for title, content in sections if content]
    return "".join([*parts, f"<p><i>{html.escape(NOTE_SENTENCE)}</i></p>"])


def _table(content: Mapping[str, Any]) -> str:
    rows = (f"<tr><td valign='top'><b>{html.escape(_words(name))}</b>&nbsp;&nbsp;</td><td>{_value(value)}</td></tr>"
            for name, value in content.items())
    return f"<table cellspacing='3'>{''.join(rows)}</table>"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _table(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_value(part) for part in value)
    return html.escape(str(value))


def _words(name: str) -> str:
    return str(name).replace("_", " ")
