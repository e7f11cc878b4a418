"""Generated hearts: anatomy, deformation and imaging physics that make (image, labels) pairs to learn from."""

from .priors import prepare_priors, read_priors
from .sampler import GeneratedScan, Sampler, SamplerConfig
from .scenes import NARROW, WIDE, Scene, load_scenes, make_scene, prepare_scenes

__all__ = ["NARROW", "WIDE", "GeneratedScan", "Sampler", "SamplerConfig", "Scene", "load_scenes", "make_scene",
           "prepare_priors", "prepare_scenes", "read_priors"]
