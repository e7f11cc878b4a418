"""Checking a model with all that belongs to it: card, weights and trust file."""

from __future__ import annotations

from dataclasses import dataclass

from HeartSeg3DLib.models import ModelStore, StoredModel
from HeartSeg3DLib.trust import check_trust


@dataclass(frozen=True)
class VerifiedModel:
    """A model that is complete and unaltered.

    Attributes:
        id: Its name.
        segments: Whether it segments the heart; else it only finds it, and nobody judges that.
        judged: Whether its results are judged.
    """

    id: str
    segments: bool
    judged: bool


def verify_model(id: str, store: ModelStore | None = None) -> VerifiedModel:
    """Check a model's card, the header and checksum of its weights, and its trust file.

    Args:
        id: Of an installed model.
        store: Where it is looked for; this computer's models by default.

    Raises:
        ModelError: It is unknown, incomplete, damaged or altered.
    """
    return verify_trust((store or ModelStore()).verify(id))


def verify_trust(model: StoredModel) -> VerifiedModel:
    """Check the trust file of a model whose card and weights were checked.

    Raises:
        TrustFileError: It is missing although the card tells of it, or cannot be used.
    """
    assert model.card is not None  # the store lets no other pass its checks
    return VerifiedModel(model.id, model.card.role == "segmenter", check_trust(model.folder, model.card) is not None)
