"""What people are told about the quality of a mesh: one sentence, and one for each aim that was missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.scene.text import _


def quality_sentence(quality: Mapping[str, Any]) -> str:
    """Return the sentence about a mesh.

    Args:
        quality: What `meshing.quality.MeshReport.to_dict` says.
    """
    labels = list(quality["labels"].values())
    if quality["kind"] == "tetrahedra":
        shape = quality["whole"]["tetrahedron_scaled_jacobian"]
        worst, mean = shape["minimum"], shape["mean"]
        amount = _("{count} tetrahedra").format(count=_thousands(quality["whole"]["tetrahedra"]))
    else:
        shapes = [(figures["triangles"], figures["triangle_scaled_jacobian"]) for figures in labels
                  if "triangle_scaled_jacobian" in figures]
        worst = min((shape["minimum"] for _count, shape in shapes), default=0.0)
        mean = sum(count * shape["mean"] for count, shape in shapes) / max(sum(count for count, _shape in shapes), 1)
        amount = _("{count} triangles").format(count=_thousands(quality["whole"]["triangles"]))
    volume = max((abs(figures["volume_error_percent"]) for figures in labels if "volume_error_percent" in figures),
                 default=0.0)
    return _("{amount}, shape {mean:.2f} on average and {worst:.2f} at worst (1 is best), volumes within "
             "{volume:.2g} % of the segmentation.").format(amount=amount, mean=mean, worst=worst, volume=volume)


def verdict_sentence(quality: Mapping[str, Any]) -> str:
    """Return whether the mesh is fit for use."""
    if not quality["fit_for_use"]:
        return _("It FAILED its own check and must not be used unseen.")
    missed = sum(not check["passed"] for check in quality["checks"])
    if not missed:
        return _("It passed every check.")
    return _("It passed every hard check and missed {missed} of its aims.").format(missed=missed)


def findings(quality: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each check that was failed and each aim that was missed."""
    return [_("{kind}: {name} {value:.3g}, limit {limit:.3g}{where}.").format(
        kind=_("Failed") if check["hard"] else _("Aim missed"), name=check["name"], value=check["value"],
        limit=check["limit"], where=_places(check["where"])) for check in quality["checks"] if not check["passed"]]


def _places(where: Iterable[str]) -> str:
    names = [STRUCTURES[int(place)].name if place.isdigit() and int(place) in STRUCTURES else place for place in where]
    return f" ({', '.join(names)})" if names else ""


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", "\N{NO-BREAK SPACE}")
