"""Scoring predicted label maps against reference label maps: Dice, HD95 and volumes."""

from .folders import evaluate_folders
from .hausdorff import DEFINITIONS, hd95
from .overlap import dice
from .pair import StructureScore, evaluate_pair
from .summary import Evaluation

__all__ = ["DEFINITIONS", "Evaluation", "StructureScore", "dice", "evaluate_folders", "evaluate_pair", "hd95"]
