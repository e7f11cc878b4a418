"""Monitors of self-supervision: how it is seen that a run learns something, while its loss may look perfect."""

from .agreement import agreement
from .collapse import CollapseError, CollapseGuard, Limits
from .entropy import divergence_from_uniform, information, normalized_entropy
from .history import Figures, TeacherHistory
from .perplexity import perplexity, prototypes_used
from .rank import directions, effective_rank
from .spread import embedding_spread

__all__ = ["CollapseError", "CollapseGuard", "Figures", "Limits", "TeacherHistory", "agreement", "directions",
           "divergence_from_uniform", "effective_rank", "embedding_spread", "information", "normalized_entropy",
           "perplexity", "prototypes_used"]
