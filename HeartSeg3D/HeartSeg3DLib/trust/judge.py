"""How far one result can be trusted: a traffic light with reasons for each structure, and one for the scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.segmentation.frame import Volume, view_in_model_frame
from HeartSeg3DLib.segmentation.verdict import Level, Mark, Verdict
from HeartSeg3DLib.trust.evidence import Evidence, heart_region, structure_evidence
from HeartSeg3DLib.trust.geometry import Geometry, geometry_of
from HeartSeg3DLib.trust.marks import cut_words
from HeartSeg3DLib.trust.plausibility import Finding, findings
from HeartSeg3DLib.trust.risk import features_of
from HeartSeg3DLib.trust.trust_file import TrustModel
from HeartSeg3DLib.trust.wording import (
    NOT_JUDGED,
    NOT_JUDGED_FAST,
    NOTHING_TO_JUDGE,
    listed,
    percent,
    wrong_structures,
    wrong_words,
)

if TYPE_CHECKING:
    import numpy as np
    import SimpleITK as sitk
    from numpy.typing import NDArray
    from torch import Tensor

    from HeartSeg3DLib.segmentation.seen import Seen

_UNSEEN = "its border to the blood or the wall cannot be seen, because both look alike in this scan"
_SPECK_ML = 0.5
"""Less than this of a structure is nothing that could be judged; chosen, without a source."""
_LOW_EXPECTATION = 0.8
"""Expected Dice below which it is named as a reason."""
UNUSUAL_PERCENTILE = 95.0
"""Share in % of ordinary images that must be less so for an image to be called unusual."""
JUDGED_QUALITIES = ("standard", "best")
"""Qualities whose results are judged. Errors are measured at standard; best sees the same and more, fast less."""


@dataclass(frozen=True)
class Opinion:
    """What the probabilities say about one image.

    Attributes:
        risks: By structure id.
        evidence: By structure id.
        percentile: How unusual the image is: the share in % of ordinary images that are less so.
    """

    risks: Mapping[str, float]
    evidence: Mapping[str, Evidence]
    percentile: float


def judge(labels: sitk.Image, seen: Seen | None, trust: TrustModel | None, *, quality: str = "standard",
          orientation_known: bool = True, blood_unseen: bool = False, confidence: bool = False,
          why_not: str = NOT_JUDGED) -> Verdict:
    """Judge the result of one image.

    Args:
        labels: Its label map, on the input's grid.
        seen: What the network said; None where nobody kept it.
        trust: What was measured of the model's errors; None where nobody did: structures are then gray, and amber
            where something can be seen to be wrong.
        quality: At which it was made; what is not in :data:`JUDGED_QUALITIES` is treated as if nobody had measured.
        orientation_known: Whether the patient's sides are known.
        blood_unseen: Whether blood looks like muscle in the image, as in CT without contrast medium.
        confidence: Whether to make the map, too; needs `seen` and `trust`.
        why_not: Sentence on why there is no `trust`.

    Raises:
        ModelError: The trust file belongs to another network.
    """
    if trust is not None and quality not in JUDGED_QUALITIES:
        trust, why_not = None, NOT_JUDGED_FAST
    geometry = geometry_of(view_in_model_frame(labels) if seen is None else _as_seen(labels, seen))
    if not geometry.volumes_ml:
        why_not = NOTHING_TO_JUDGE
    found = findings(geometry, orientation_known or seen is not None)  # the network saw a pose, known or assumed
    opinion = None
    region = None if seen is None or trust is None else heart_region(seen.winner)
    if seen is not None and trust is not None and region is not None:
        said = seen.prediction
        opinion = opinion_of(said.log_probabilities[(slice(None), *region)], seen.winner[region], said.inside[region],
                             seen.labels, seen.features, trust, geometry, found)
    if blood_unseen:
        found = [*found, *(Finding(id, "contrast", _UNSEEN) for id in ("LV", "MYO"))]
    marks = marks_of(geometry, found, opinion, trust, orientation_known=orientation_known)
    level, sentence = _whole(marks, opinion, trust, why_not)
    sure = _confidence(labels, seen, trust) if confidence and seen is not None and trust is not None else None
    return Verdict(level, sentence, marks, None if opinion is None else opinion.percentile,
                   opinion is not None and _is_unusual(opinion), sure)


def opinion_of(log_probabilities: Tensor, winner: Tensor, inside: Tensor, labels: tuple[int, ...],
               features: NDArray[np.float32] | None, trust: TrustModel, geometry: Geometry,
               found: Sequence[Finding]) -> Opinion | None:
    """Return what the network's answer says of itself; None where its features are not known.

    Args:
        log_probabilities: (C, Z, Y, X) of the heart's region, `evidence.heart_region`.
        winner: (Z, Y, X) winning channel of each cell.
        inside: (Z, Y, X) bool, cells in the field of view.
        labels: Label value of each channel.
        features: (F,) summary of the network's inner maps.
        trust: What was measured of the model's errors.
        geometry: Of the label map.
        found: What is not plausible about it.

    Raises:
        ModelError: The trust file belongs to another network.
    """
    if features is None:
        return None
    evidence = structure_evidence(log_probabilities, winner, inside, labels, trust.temperature)
    distance = trust.unusual.distance(features)
    risks = {id: trust.risk.risk(id, values)
             for id, values in features_of(evidence, distance, geometry, found).items()}
    return Opinion(risks, evidence, trust.unusual.percentile(distance))


def marks_of(geometry: Geometry, found: Sequence[Finding], opinion: Opinion | None, trust: TrustModel | None, *,
             orientation_known: bool = True) -> tuple[Mark, ...]:
    """Return the mark of each structure of the whole heart."""
    return tuple(_mark(STRUCTURES[value].id, geometry, found, opinion, trust, orientation_known)
                 for value in WHOLE_HEART)


def _as_seen(labels: sitk.Image, seen: Seen) -> Volume:
    """See a label map in the frame in which the network saw its image."""
    import SimpleITK as sitk

    stored = sitk.GetArrayViewFromImage(labels)
    return replace(seen.volume, array=seen.volume.orient(stored), owner=labels)


def _confidence(labels: sitk.Image, seen: Seen, trust: TrustModel) -> sitk.Image:
    from HeartSeg3DLib.trust.confidence import confidence_map  # brings torch, which the rest does without

    return confidence_map(labels, seen, trust.temperature)


def _mark(id: str, geometry: Geometry, found: Sequence[Finding], opinion: Opinion | None, trust: TrustModel | None,
          orientation_known: bool) -> Mark:
    name = BY_ID[id].name
    if id not in geometry.volumes_ml:
        return _missing(id, name, geometry, judged=opinion is not None)
    if geometry.volumes_ml[id] < _SPECK_ML:
        return Mark(id, "amber", f"{name}: hardly anything of it was found, less than {_SPECK_ML:.1f} mL.")
    words = [cut_words(geometry.cut[id] if orientation_known else [])] if id in geometry.cut else []
    words += [finding.words for finding in found if finding.id == id]
    only_cut = id in geometry.cut and len(words) == 1
    if opinion is None or trust is None or id not in opinion.risks:
        return Mark(id, "amber" if words else "grey", f"{name}: {'; '.join(words) or 'not judged'}.",
                    only_cut=only_cut)
    risk, expected = opinion.risks[id], opinion.evidence[id].expected_dice
    level: Level = "amber" if words else "green"
    if risk >= trust.risk.amber:
        only_cut = False
        level = "red" if risk >= trust.risk.red else "amber"
        words += [wrong_words(risk), *_reasons(expected, opinion, trust)]
    elif not words:
        words = [f"nothing noticed ({percent(risk)} risk of a poor result)"]
    return Mark(id, level, f"{name}: {'; '.join(words)}.", risk, expected, only_cut)


def _missing(id: str, name: str, geometry: Geometry, *, judged: bool) -> Mark:
    """Mark a structure without labels: amber where all that it touches by anatomy is there and whole."""
    contacts = [STRUCTURES[value].id for value in WHOLE_HEART if id in STRUCTURES[value].contacts]
    whole = [other for other in contacts if other in geometry.volumes_ml and other not in geometry.cut]
    if judged and whole and len(whole) == len(contacts):
        return Mark(id, "amber", f"{name}: not found in this scan, although all that it touches is in view.")
    return Mark(id, "grey", f"{name}: not found in this scan.")


def _reasons(expected: float, opinion: Opinion, trust: TrustModel) -> list[str]:
    reasons = []
    if expected < _LOW_EXPECTATION:
        reasons.append(f"the model itself expects an overlap of only {expected:.2f} with the true shape")
    if _is_unusual(opinion) and trust.risk.weighs("unusual"):
        reasons.append("the image is unlike those that the model knows")
    return reasons or ["such results were often wrong when the model was tested"]


def _is_unusual(opinion: Opinion) -> bool:
    return opinion.percentile >= UNUSUAL_PERCENTILE


def _whole(marks: Sequence[Mark], opinion: Opinion | None, trust: TrustModel | None,
           why_not: str) -> tuple[Level, str]:
    if opinion is None or trust is None:
        return "grey", why_not
    risks = {mark.id: mark.risk for mark in marks if mark.risk is not None and mark.risk >= trust.risk.amber}
    unusual = ["The image is unlike those that the model knows."] if _is_unusual(opinion) else []
    missing = [mark.id for mark in marks if mark.level == "grey"]
    absent = [f"Not found: {listed(missing)}."] if missing else []
    amber = [mark for mark in marks if mark.level == "amber"]
    names = listed(mark.id for mark in amber)
    seen = [mark.id for mark in amber if mark.id not in risks and not mark.only_cut]  # a warning names the cut ones
    if risks:
        level: Level = "red" if any(mark.level == "red" for mark in marks) else "amber"
        wrong = wrong_structures(risks)
        said = f"{wrong.removesuffix('.')}; look at what is marked: {listed(seen)}." if seen else wrong
        return level, " ".join([said, *unusual, *absent])
    if unusual:
        marked = [f"Look at what is marked: {listed(seen)}."] if seen else []
        return "amber", " ".join([*unusual, *marked, *absent])
    if amber and all(mark.only_cut for mark in amber):
        said = f"Nothing speaks against the parts in view; the border of the scan cuts: {names}."
    elif amber:
        said = f"Nothing speaks against the structures in view; look at what is marked: {names}."
    elif missing:
        said = "Nothing speaks against what was found."
    else:
        said = "Nothing speaks against this result."
    return "amber" if amber else "green", " ".join([said, *absent])
