"""How far each structure of a result can be trusted: a traffic light with its reasons, and what it is read from."""

from __future__ import annotations

from HeartSeg3DLib.segmentation.verdict import Level, Mark, Verdict
from HeartSeg3DLib.trust.judge import JUDGED_QUALITIES, judge
from HeartSeg3DLib.trust.marks import says_cut, structure_marks
from HeartSeg3DLib.trust.trust_file import TRUST_FILE, TrustFileError, TrustModel, check_trust, read_trust
from HeartSeg3DLib.trust.wording import NOT_JUDGED, not_judged_because

__all__ = ["JUDGED_QUALITIES", "NOT_JUDGED", "TRUST_FILE", "Level", "Mark", "TrustFileError", "TrustModel", "Verdict",
           "check_trust", "judge", "not_judged_because", "read_trust", "says_cut", "structure_marks"]
