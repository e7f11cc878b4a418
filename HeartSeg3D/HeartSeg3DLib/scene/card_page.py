"""A model card as the page that its dialog shows."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.models import ModelCard
from HeartSeg3DLib.notice import NOTE_SENTENCE
from HeartSeg3DLib.scene.text import _


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


def _words(key: str) -> str:
    """Return a key of a card as words: those of the cards that HeartSeg writes, made readable for any other."""
    known = {
        "held_out_generated_mean_dice": _("Held-out generated scans, mean Dice"),
        "held_out_generated_hd95_mm": _("Held-out generated scans, 95 % of the surface within, mm"),
        "held_out_generated_dice": _("Held-out generated scans, Dice of each structure"),
        "real_cine_mr_dice": _("Real cine MRI, Dice of each structure"),
        "no_heart_invented_percent": _("Hearts invented in scans without one, %"),
        "part_of_heart_missed_percent": _("Hearts missed in scans that show a part of one, %"),
        "volumes_each": _("Scans of each kind"),
        "measured_by": _("Measured by"),
        "seeds": _("Trainings that were measured"),
        "ct_contrast": _("CT with contrast agent"),
        "ct_plain": _("CT without contrast agent"),
        "mr_bright": _("MRI with bright blood"),
        "real_scans": _("Real scans"),
        "min_volume_ml": _("Smallest volume, mL"),
        "min_labeled_ml": _("Smallest labeled volume, mL"),
        "min_mean_probability": _("Smallest mean probability"),
        "min_peak_probability": _("Smallest peak probability"),
        "min_agreement": _("Smallest agreement"),
    }
    words = key.replace("_", " ")
    return known.get(key) or words[:1].upper() + words[1:]
