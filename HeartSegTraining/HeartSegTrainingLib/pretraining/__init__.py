"""Pretraining: self-supervision of the encoder by a momentum teacher, in the paper's reading and in DINOv2's."""

from .config import MODES, STAGES, PretrainConfig
from .export import export_encoder
from .monitors import CollapseError
from .task import PretrainTask, task_maker

__all__ = ["MODES", "STAGES", "CollapseError", "PretrainConfig", "PretrainTask", "export_encoder", "task_maker"]
