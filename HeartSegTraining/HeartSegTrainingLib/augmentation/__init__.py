"""Augmentation: heart-safe random changes of images and their label maps, pure functions of a random generator."""

from .appearance import AppearanceRanges, change_appearance
from .cropping import Box, overlapping_boxes, random_box, shared_part, view_extent
from .flipping import AXES, SAFE_AXES, flip
from .intensity import to_network_range
from .resampling import resample
from .strong import StrongRanges, global_views, local_view
from .supervised import SupervisedRanges, supervised
from .volume import UNKNOWN, Volume, volume

__all__ = ["AXES", "SAFE_AXES", "UNKNOWN", "AppearanceRanges", "Box", "StrongRanges", "SupervisedRanges", "Volume",
           "change_appearance", "flip", "global_views", "local_view", "overlapping_boxes", "random_box", "resample",
           "shared_part", "supervised", "to_network_range", "view_extent", "volume"]
