"""What people are told about the quality of a mesh: one sentence, and one for each aim that was missed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.scene.text import _

_LEAST_PERCENT = 0.01
"""What is smaller is told as this: nobody measures hearts like that."""


def quality_sentence(quality: Mapping[str, Any], written: Collection[int]) -> str:
    """Return the sentence about a mesh.

    Args:
        quality: What `meshing.quality.MeshReport.to_dict` says.
        written: Labels that were written; others, such as the cavities of a mesh of tissue, were only made.
    """
    labels = [figures for value, figures in quality["labels"].items() if int(value) in written]
    kind = "tetrahedra" if quality["kind"] == "tetrahedra" else "triangles"
    column = "tetrahedron_scaled_jacobian" if kind == "tetrahedra" else "triangle_scaled_jacobian"
    shapes = [(figures[kind], figures[column]) for figures in labels if column in figures]
    total = sum(count for count, _shape in shapes)
    mean = sum(count * shape["mean"] for count, shape in shapes) / max(total, 1)
    worst = min((shape["minimum"] for _count, shape in shapes), default=0.0)
    if kind == "tetrahedra":
        amount = _("{count} tetrahedra").format(count=thousands(total))
    else:  # those of a wall belong to both of its sides
        amount = _("{count} triangles").format(count=thousands(quality["whole"]["triangles"]))
    volume = max((abs(figures["volume_error_percent"]) for figures in labels if "volume_error_percent" in figures),
                 default=0.0)
    return _("{amount}, shape {mean:.2f} on average and {worst:.2f} at worst (1 is best), volumes within "
             "{volume:.2g} % of the segmentation.").format(amount=amount, mean=mean, worst=worst,
                                                           volume=max(volume, _LEAST_PERCENT))


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


def thousands(count: int) -> str:
    """Return a number with a space before each three digits."""
    return f"{count:,}".replace(",", "\N{NO-BREAK SPACE}")
