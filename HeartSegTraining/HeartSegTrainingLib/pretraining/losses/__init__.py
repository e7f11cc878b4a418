"""Losses of self-supervision, one a file."""

from .cross_view import cross_view_loss
from .divergence import divergence
from .koleo import koleo
from .masked_tokens import masked_token_loss
from .squared_view import squared_view_loss

__all__ = ["cross_view_loss", "divergence", "koleo", "masked_token_loss", "squared_view_loss"]
