"""How far each structure of a result can be trusted: one mark with one sentence."""

from HeartSeg3DLib.trust.marks import Mark, says_cut, structure_marks

__all__ = ["Mark", "says_cut", "structure_marks"]
